"""Faces made of photos: other expressions of the same people, and people mixed of several."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from mimica.cli import app
from mimica.data.dataset import is_validation, open_datasets
from mimica.data.sources.base import ALONE, NO_FACE, TURNED, Dropped
from mimica.errors import DataError, MissingExtraError, UserError
from mimica.face.align import crop_from_photo, cut, transform
from mimica.facs import AU_NAMES
from mimica.pictures.images import read_photo, write_image
from mimica.prepare import expressions as made_expressions
from mimica.prepare import people as people_of_mixtures
from mimica.prepare.expressions import TURNS, draw_expression, draw_turn, prepare_expressions
from mimica.prepare.faces import Report
from mimica.prepare.mixtures import coloured, light_fits, mixture, onto, prepare_mixtures, pulled, recoloured
from mimica.prepare.people import Person, features_mask, partners, read_lenders
from mimica.reader.read import find_faces

TRAINED = [name for name in (f"p{i}" for i in range(40)) if not is_validation(name)]
HELD_OUT = next(name for name in (f"p{i}" for i in range(400)) if is_validation(name))


@pytest.fixture(scope="module")
def faces(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same face as three people to train on and one held out, each a little brighter than the one before."""
    folder = tmp_path_factory.mktemp("faces")
    crop = cut(astronaut, crop_from_photo(find_faces(astronaut)[0].landmarks_photo, 160, "ffhq"), 160)
    for k, name in enumerate([*TRAINED[:3], HELD_OUT]):
        write_image(folder / f"{name}.png", np.clip(crop.astype(int) + 4 * k, 0, 255).astype(np.uint8))
    return folder


def test_expressions_are_drawn_and_their_values_are_exact(faces: Path, tmp_path: Path) -> None:
    assert prepare_expressions(faces, tmp_path / "a", size=128, count=2, limit=2) == (4, 0)
    prepare_expressions(faces, tmp_path / "b", size=128, count=2, limit=2)
    a, b = (open_datasets([tmp_path / name]) for name in "ab")
    assert np.array_equal(a.images(range(4), 128), b.images(range(4), 128))
    assert a.controls == AU_NAMES and set(a.photos) == set(a.subjects) and all(a.emotions)
    for emotion, values in zip(a.emotions, a.values, strict=True):
        if "=" in emotion:
            for part in emotion.split(","):
                unit, value = part.split("=")
                assert values[AU_NAMES.index(f"AU{int(unit):02d}")] == pytest.approx(float(value), abs=0.006)
    assert not np.array_equal(a.images([0], 128), a.images([1], 128))
    kinds = [draw_expression(np.random.default_rng(seed)) for seed in range(200)]
    assert all((expression is None) != (units is None) for expression, units in kinds)
    assert 0.1 < np.mean([units is not None for _, units in kinds]) < 0.4
    assert 0.1 < np.mean(["+" in (expression or "") for expression, _ in kinds]) < 0.4


def test_heads_and_eyes_turn_by_the_angles_that_are_named(faces: Path, tmp_path: Path) -> None:
    kept, dropped = prepare_expressions(faces, tmp_path / "turned", size=128, count=3, turned=1.0, limit=2)
    assert kept + dropped == 6 and kept >= 4
    made = open_datasets([tmp_path / "turned"])
    angles = [dict(part.split("=") for part in e.split("; ")[1].split(",")) for e in made.emotions]
    seen = [find_faces(picture)[0].yaw for picture in made.images(range(kept), 256)]
    asked = [float(one["yaw"]) for one in angles]
    assert len(set(asked)) == kept, "each picture has a turn of its own"
    assert np.corrcoef(seen, asked)[0, 1] > 0.8
    draws = [draw_turn(np.random.default_rng(seed)) for seed in range(300)]
    for k, names in enumerate((("yaw", "pitch"), ("x", "y"))):
        values = np.array([[float(part.split("=")[1]) for part in draw[k].split(",")] for draw in draws])
        for column, name in zip(values.T, names, strict=True):
            spread, most = TURNS[name]
            assert np.abs(column).max() <= most and 0.7 * spread < column.std() < 1.1 * spread


def test_a_share_is_turned_and_the_rest_is_as_without(faces: Path, tmp_path: Path) -> None:
    for name, share in (("some", 0.5), ("none", 0.0)):
        assert prepare_expressions(faces, tmp_path / name, size=64, count=4, turned=share, limit=2) == (8, 0)
    some, none = (open_datasets([tmp_path / name]) for name in ("some", "none"))
    turned = np.array(["; " in emotion for emotion in some.emotions])
    assert 0 < turned.sum() < 8
    assert [emotion.split("; ")[0] for emotion in some.emotions] == list(none.emotions), "the same expressions"
    apart = np.abs(some.images(range(8), 64).astype(int) - none.images(range(8), 64)).mean((1, 2, 3))
    assert apart[~turned].max() < 2 and apart[turned].min() > 2 * apart[~turned].max()


def test_turned_pictures_without_a_face_are_counted(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, cut_again = iter([False, True, True, False]), made_expressions.cut_again
    monkeypatch.setattr(made_expressions, "cut_again", lambda *known: cut_again(*known) if next(found) else None)
    assert prepare_expressions(faces, tmp_path / "some", size=64, count=2, turned=1.0, limit=2) == (2, 2)
    assert len(open_datasets([tmp_path / "some"])) == 2


def test_what_is_written_is_the_turn_and_not_what_was_asked_for(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made_expressions, "draw_turn", lambda rng: ("yaw=90,pitch=0", "x=3,y=-2"))
    prepare_expressions(faces, tmp_path / "far", size=64, count=1, turned=1.0, limit=1)
    (emotion,) = open_datasets([tmp_path / "far"]).emotions or ("",)
    yaw = float(emotion.split("; ")[1].split(",")[0].removeprefix("yaw="))
    assert 15 < yaw <= 20 and emotion.endswith("; x=3.0,y=-2.0")


def test_mixtures_are_made_of_people_that_are_trained_on(faces: Path, tmp_path: Path) -> None:
    kept, dropped = prepare_mixtures(faces, tmp_path / "a", size=128, count=4)
    assert kept + len(dropped) == 4 and kept >= 3
    made = open_datasets([tmp_path / "a"])
    assert set(made.subjects) <= set(TRAINED[:3]) and len(set(made.photos)) == kept and "" not in made.photos
    prepare_mixtures(faces, tmp_path / "b", size=128, count=4, seed=1)
    other = open_datasets([tmp_path / "b"])
    assert not np.array_equal(made.images([0], 128), other.images([0], 128))
    with pytest.raises(DataError, match="three at least"):
        prepare_mixtures(faces, tmp_path / "c", count=4, limit=2)


def test_heads_that_look_away_and_draws_that_are_like_nobody_are_named(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest, yaws = people_of_mixtures.largest_face, iter([40.0, 0.0, 0.0, 20.0])
    monkeypatch.setattr(people_of_mixtures, "largest_face", lambda *a, **k: replace(largest(*a, **k), yaw=next(yaws)))
    for name, source in zip(TRAINED[:4], [*TRAINED[:3], TRAINED[0]], strict=True):
        write_image(tmp_path / f"{name}.png", read_photo(faces / f"{source}.png").rgb)
    kept, dropped = prepare_mixtures(tmp_path, tmp_path / "set", size=64, count=3)
    assert kept == 2 and [(one.name, one.why) for one in dropped] == [(TRAINED[0], TURNED), ("mixture_00002", ALONE)]
    assert Report(kept, dropped).complete


def test_a_spline_takes_points_where_they_shall_go_and_leaves_the_border() -> None:
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[:, :4], photo[28:36, 20:28] = 200, 255
    points = np.array([[24.0, 32.0], [40.0, 20.0], [40.0, 44.0], [52.0, 32.0]])
    moved = pulled(photo, points, points + np.array([[6.0, 0.0], [0, 0], [0, 0], [0, 0]]), still=True)
    ys, xs = np.nonzero(moved[:, 8:, 0] > 128)
    assert abs(xs.mean() + 8.5 - 30.0) < 1.0 and abs(ys.mean() + 0.5 - 32.0) < 0.7
    assert np.all(moved[:, 0] > 190)
    same = pulled(photo, points, points, still=True)
    assert np.abs(same.astype(int) - photo).mean() < 1.0


def test_points_are_laid_onto_others_without_a_change_of_shape() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(10, 2))
    turn = np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]])
    assert np.allclose(onto(points, 2.5 * points @ turn + [3.0, -1.0]), 2.5 * points @ turn + [3.0, -1.0])


def test_colours_are_matched_under_the_mask() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(80, 120, (32, 32, 3), np.uint8), rng.integers(120, 180, (32, 32, 3), np.uint8)
    mask = np.zeros((32, 32), np.float32)
    mask[8:24, 8:24] = 1
    matched = recoloured(a, b, mask)
    assert np.abs(matched[8:24, 8:24].mean((0, 1)) - b[8:24, 8:24].mean((0, 1))).max() < 4


def test_light_fits_by_where_it_is_bright_not_by_how_bright() -> None:
    mask = np.ones((64, 64), np.float32)
    slope = np.repeat(np.linspace(60, 180, 64)[None, :, None], 64, 0).repeat(3, 2)
    noise = np.random.default_rng(0).normal(0, 20, (64, 64, 1))
    left, dimmer, right = (x.clip(0, 255).astype(np.uint8) for x in (slope, 0.4 * slope + noise, slope[:, ::-1]))
    assert light_fits(left, dimmer, mask) and not light_fits(left, right, mask)


def test_gray_pictures_get_the_colours_beneath_them(astronaut: np.ndarray) -> None:
    gray = np.repeat(astronaut.mean(2, keepdims=True).astype(np.uint8), 3, 2)
    red = np.full_like(gray, (150, 90, 80))
    made = coloured(gray, red).astype(int)
    lit = (gray[..., 0] > 60) & (gray[..., 0] < 190)  # elsewhere the colour is out of what can be shown
    assert np.all(made[lit][:, 0] > made[lit][:, 2] + 20)
    assert np.corrcoef(made.mean(2).ravel(), gray[..., 0].ravel())[0, 1] > 0.98
    assert np.abs(coloured(gray, astronaut).astype(int) - astronaut).mean() < np.abs(gray.astype(int) - astronaut).mean() / 2


def lenders_folder(folder: Path, astronaut: np.ndarray) -> tuple[Path, np.ndarray]:
    """A gray photo of somebody new, a second one of theirs, somebody held out, a head, no face, and no picture."""
    gray = np.repeat(astronaut.mean(2, keepdims=True).astype(np.uint8), 3, 2)
    for name in (f"{TRAINED[5]}/1.png", f"{TRAINED[5]}/2.png", f"{HELD_OUT}/1.png", f"{TRAINED[0]}/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, gray)
    write_image(folder / "wall.png", np.full((200, 200, 3), 120, np.uint8))
    (folder / "torn.jpg").write_bytes(b"not a picture")
    return folder, gray


def test_lenders_are_new_people_one_photo_each_and_what_is_left_out_is_named(astronaut: np.ndarray, tmp_path: Path) -> None:
    folder, _ = lenders_folder(tmp_path / "more", astronaut)
    left_out: list[Dropped] = []
    people = read_lenders(folder, {TRAINED[0]}, left_out=left_out)
    assert [person.name for person in people] == [f"{TRAINED[5]}/1.png"] and people[0].gray
    assert people[0].photo.shape[0] == people[0].photo.shape[1] <= 320
    found = find_faces(people[0].photo)[0].landmarks_photo
    assert np.abs(found - people[0].landmarks).max() < 6, "landmarks are those of the photo that is kept"
    assert {one.name: one.why for one in left_out}["wall.png"] == NO_FACE and len(left_out) == 2
    with pytest.raises(DataError, match="nobody who could lend"):
        read_lenders(folder, {TRAINED[0], TRAINED[5]})
    assert len(read_lenders(folder)) == 2 and len(read_lenders(folder, limit=1)) == 1


def test_lenders_who_look_away_are_left_out(astronaut: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = lenders_folder(tmp_path / "more", astronaut)
    largest = people_of_mixtures.largest_face
    monkeypatch.setattr(people_of_mixtures, "largest_face", lambda *a, **k: replace(largest(*a, **k), yaw=40.0))
    left_out: list[Dropped] = []
    with pytest.raises(DataError, match="nobody who could lend"):
        read_lenders(folder, left_out=left_out)
    assert [one.why for one in left_out].count(TURNED) == 3
    assert Report(1, [Dropped("a", TURNED)]).complete and not Report(1, left_out).complete, "they were read: no loss"


def test_gray_people_lend_their_features_to_colour_photos(faces: Path, astronaut: np.ndarray, tmp_path: Path) -> None:
    folder, _ = lenders_folder(tmp_path / "more", astronaut)
    kept, left_out = prepare_mixtures(faces, tmp_path / "set", size=128, count=6, lenders=folder)
    made = open_datasets([tmp_path / "set"])
    assert kept >= 4 and set(made.subjects) <= set(TRAINED[:3])
    assert {one.name for one in left_out if one.why != NO_FACE or not one.name.startswith("mixture")} == {"wall.png", "torn.jpg"}
    pictures = made.images(range(kept), 128).astype(int)
    middle = pictures[:, 56:90, 48:80]
    assert (middle[..., 0] - middle[..., 2]).mean((1, 2)).min() > 10, "skin, not gray"


@pytest.fixture(scope="module")
def person(astronaut: np.ndarray) -> Person:
    found = find_faces(astronaut)[0]
    matrix = crop_from_photo(found.landmarks_photo, 256, "ffhq")
    reading = replace(found, landmarks_photo=transform(found.landmarks_photo, matrix))
    return Person("a", "a", cut(astronaut, matrix, 256), reading)


def with_photo(person: Person, photo: np.ndarray) -> Person:
    side = len(photo) / len(person.photo)
    return replace(person, photo=photo, reading=replace(person.reading, landmarks_photo=side * person.reading.landmarks_photo))


def test_the_first_whose_light_fits_lends(person: Person) -> None:
    shade = np.linspace(0.2, 1.0, 256)[None, :, None]
    lit = [np.round(person.photo * side).astype(np.uint8) for side in (shade, shade[:, ::-1])]
    head, other, dim = with_photo(person, lit[0]), with_photo(person, lit[1]), with_photo(person, lit[0] // 2)
    made = [mixture(head, head, features, 0.7) for features in ([], [other], [other, dim], [dim])]
    assert np.array_equal(made[0], made[1]) and np.array_equal(made[2], made[3]) and not np.array_equal(made[0], made[2])


def test_who_is_gray_keeps_the_colours_of_the_head(person: Person) -> None:
    gray = with_photo(person, np.repeat(cv2.cvtColor(person.photo, cv2.COLOR_RGB2GRAY)[..., None], 3, 2))
    made = mixture(person, person, [gray], 0.7)
    red = [cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[..., 1].astype(float) for picture in (person.photo, made)]
    inside = features_mask(person.landmarks, 256) > 0.99
    assert red[0][inside].std() > 2 and np.corrcoef(red[0][inside], red[1][inside])[0, 1] > 0.95
    assert np.isnan(gray.skin).tolist() == [False, True, True, False]


def test_skins_are_compared_at_one_scale(person: Person) -> None:
    large = with_photo(person, cv2.resize(person.photo, (768, 768), interpolation=cv2.INTER_CUBIC))
    assert np.abs(large.skin - person.skin).max() < 0.3


def test_the_mask_covers_the_features_and_not_the_outline(astronaut: np.ndarray) -> None:
    landmarks = find_faces(astronaut)[0].landmarks_photo
    points = transform(landmarks, crop_from_photo(landmarks, 256, "ffhq"))
    mask = features_mask(points, 256)
    at = np.round(points).astype(int)
    values = mask[at[:, 1], at[:, 0]]
    assert values[36:60].min() > 0.4 and values[:17].max() < 0.1 and mask.min() >= 0 and mask.max() <= 1


def test_partners_are_alike() -> None:
    traits = np.array([[0.0, 0, 0], [0.5, 0, 0], [2.0, 0, 0], [0.2, 0.2, 0.2]])
    skins = np.array([[0.0, 0, 0, 0], [5.0, 0, 0, 0], [0, 0, 0, 0], [0.1, 0, 0, 0]])
    found = [partners(traits, skins, 0, np.random.default_rng(seed)) for seed in range(40)]
    assert {pair[0] for pair in found if pair} == {1, 3} and {tuple(pair[1]) for pair in found if pair} == {(), (3,)}
    assert partners(traits, skins, 2, np.random.default_rng(0)) is None
    skins[1] = [0.0, np.nan, np.nan, 0.5]  # gray, and about as light
    found = [partners(traits, skins, 0, np.random.default_rng(seed)) for seed in range(20)]
    assert {one for pair in found if pair for one in pair[1]} == {1, 3}
    skins[0] = np.nan  # glasses
    assert all(pair and pair[1] == [] for pair in (partners(traits, skins, 0, np.random.default_rng(s)) for s in range(9)))


def test_the_command_makes_both(faces: Path, astronaut: np.ndarray, tmp_path: Path) -> None:
    for source in ("expressions", "mixtures"):
        words = ["prepare", source, str(faces), "-o", str(tmp_path / source), "--size", "64", "--sample", "1", "--seed", "3"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        assert (tmp_path / source / "dataset.json").is_file()
    folder, _ = lenders_folder(tmp_path / "more", astronaut)
    words = ["prepare", "mixtures", str(faces), str(folder), "-o", str(tmp_path / "lent"), "--size", "64", "--sample", "2"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1 and "2 dropped" in result.output and "cannot be read" in result.output, result.output
    for source, folders in (("mixtures", [faces] * 3), ("expressions", [faces] * 2), ("mixtures", [faces, tmp_path / "gone"])):
        words = ["prepare", source, *map(str, folders), "-o", str(tmp_path / "z"), "--sample", "1"]
        refused = CliRunner().invoke(app, words)
        assert isinstance(refused.exception, UserError), refused.output
    refused = CliRunner().invoke(app, ["prepare", "mixtures", str(faces), "-o", str(tmp_path / "x")])
    assert isinstance(refused.exception, UserError) and "--sample" in str(refused.exception)
    (folder / "torn.jpg").unlink()
    words = ["prepare", "mixtures", str(faces), str(folder), "-o", str(tmp_path / "all"), "--size", "64", "--sample", "1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, "a wall shows nobody: nothing is lost"
    words = ["prepare", "mixtures", str(faces), "-o", str(tmp_path / "y"), "--sample", "1", "--turned", "0.5"]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, UserError) and "--turned" in str(refused.exception)


@pytest.mark.parametrize("source", ["ffhq", "expressions", "mixtures"])
def test_what_is_not_square_is_no_ffhq_crop(source: str, faces: Path, tmp_path: Path) -> None:
    folder = tmp_path / "wide"
    folder.mkdir()
    for name in TRAINED[:3]:
        photo = read_photo(faces / f"{name}.png").rgb
        write_image(folder / f"{name}.png", photo[:-20] if name == TRAINED[1] else photo)
    words = ["prepare", source, str(folder), "-o", str(tmp_path / "set"), "--size", "64", "--sample", "1"]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, DataError) and f"{TRAINED[1]}' in" in str(refused.exception)
    assert "160 x 140" in str(refused.exception) and not (tmp_path / "set").exists()


def test_without_scipy_mixtures_say_what_is_missing_and_expressions_do_without(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.interpolate", None)
    monkeypatch.delitem(sys.modules, "mimica.prepare.mixtures")
    words = ["prepare", "", str(faces), "-o", str(tmp_path / "set"), "--size", "64", "--sample", "1", "--limit", "1"]
    refused = CliRunner().invoke(app, [words[0], "mixtures", *words[2:]])
    assert isinstance(refused.exception, MissingExtraError) and "mimica[train]" in str(refused.exception)
    made = CliRunner().invoke(app, [words[0], "expressions", *words[2:]])
    assert made.exit_code == 0, made.output
