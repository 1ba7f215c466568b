"""What is drawn on a face: within its place, by its dose, moving with the face, rigid where it must be; refused where it is
wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimica import api
from mimica.engines.layers import beard, masks, shape
from mimica.engines.layers import dress as dressing
from mimica.engines.layers.dress import Dressed, dress
from mimica.engines.layers.overlay import Overlay
from mimica.errors import NoFaceError
from mimica.face.attributes import NAMES, wish_of
from mimica.pictures.images import read_photo
from mimica.reader.read import FaceReading, largest_face

PHOTO = Path(__file__).parents[3] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    return read_photo(PHOTO).rgb


@pytest.fixture(scope="module")
def reading(rgb: np.ndarray) -> FaceReading:
    return largest_face(rgb)


@pytest.fixture(scope="module")
def prepared() -> api.Prepared:
    return api.prepare_face(PHOTO, size=512)[0]


def put(rgb: np.ndarray, one: FaceReading, **doses: float) -> Dressed:
    wish = wish_of({name.replace("__", ":"): dose for name, dose in doses.items()})
    return dress(rgb, one.landmarks_photo, one.irises_photo, (one.yaw, one.pitch, one.roll), wish)


def changed(dressed: Dressed, rgb: np.ndarray) -> np.ndarray:
    frame = dressed.photo.copy()
    if dressed.overlay is not None:
        dressed.overlay.lay(frame)
    where: np.ndarray = (frame != rgb).any(axis=2)
    return where


@pytest.mark.parametrize("name", NAMES)
def test_each_shows_within_its_box_and_more_with_its_dose(name: str, rgb: np.ndarray, reading: FaceReading) -> None:
    key = "hair__bare" if name == "hair" else name
    weak, strong = (put(rgb, reading, **{key: dose}) for dose in (0.3, 1.0))
    where = changed(strong, rgb)
    assert where.sum() > 60
    x0, y0, x1, y1 = strong.box
    where[y0:y1, x0:x1] = False
    assert not where.any()
    assert set(strong.masks) == {name} and 0.2 < strong.masks[name].max() <= 1
    differences = []
    for one in (weak, strong):
        frame = one.photo.copy()
        if one.overlay is not None:
            one.overlay.lay(frame)
        differences.append(np.abs(frame.astype(int) - rgb).sum())
    assert differences[0] < differences[1]


def test_dose_zero_is_the_photo_bit_for_bit(rgb: np.ndarray) -> None:
    result = api.edit(PHOTO, attributes="glasses=0,hair=0:blond,age=0,weight=0")
    assert np.array_equal(result.image, rgb)
    assert np.array_equal(api.edit(PHOTO, attributes="glasses=1,beard=1", intensity=0).image, rgb)


def test_glasses_lie_over_the_face_and_lipstick_is_part_of_it(rgb: np.ndarray, reading: FaceReading) -> None:
    both = put(rgb, reading, glasses=1.0, lipstick=1.0)
    assert both.overlay is not None
    rows, columns = np.nonzero((both.photo != rgb).any(axis=2))
    mouth = reading.landmarks_photo[48:60]
    assert rows.min() > mouth[:, 1].min() - 8 and columns.max() < mouth[:, 0].max() + 8
    x0, _, x1, y1 = both.overlay.box
    assert x0 < reading.landmarks_photo[36, 0] and x1 > reading.landmarks_photo[45, 0] and y1 < mouth[:, 1].max()


def test_an_overlay_is_laid_by_its_formula() -> None:
    keep, colour = np.full((2, 3, 3), 0.5, np.float32), np.full((2, 3, 3), 40, np.float32)
    overlay = Overlay(1, 2, keep, colour, np.zeros((3, 2)), np.full((2, 3), 0.5, np.float32))
    frame = np.full((6, 6, 3), 100, np.uint8)
    overlay.lay(frame)
    assert (frame[2:4, 1:4] == 90).all() and frame.sum() == 36 * 300 - 6 * 30
    frame = np.full((6, 6, 3), 100, np.uint8)
    overlay.faded(0.5).lay(frame, left=1, top=1)
    assert (frame[1:3, 0:3] == 95).all()


def test_glasses_stay_rigid_while_the_face_moves_and_turn_with_the_head() -> None:
    still = api.edit(PHOTO, attributes="sunglasses=1")
    smiling = api.edit(PHOTO, "surprised", attributes="sunglasses=1")
    overlay = still.prepared.faces[0].dressed.overlay  # type: ignore[union-attr]
    x0, y0, x1, y1 = overlay.box  # type: ignore[union-attr]
    solid = overlay.keep.max(axis=2) < 0.02  # type: ignore[union-attr]
    assert solid.sum() > 40
    off = smiling.image[y0:y1, x0:x1][solid].astype(int) - still.image[y0:y1, x0:x1][solid]
    assert np.abs(off).max() <= 3, "but for what shines through"
    turned = api.edit(PHOTO, pose="yaw=12", attributes="sunglasses=1")
    moved = (np.abs(turned.image.astype(int) - still.image).sum(axis=2) > 60)[y0:y1, x0:x1]
    assert moved[solid].mean() > 0.02
    assert still.prepared.faces[0].face.glasses_crop is not None


def test_what_is_put_on_an_earlier_result_starts_from_the_photo(prepared: api.Prepared) -> None:
    first = api.edit(PHOTO, "happy", attributes="lipstick=1:berry")
    then = api.edit(first, attributes="glasses=1")
    at_once = api.edit(PHOTO, "happy", attributes="lipstick=1:berry,glasses=1")
    assert np.array_equal(then.image, at_once.image)


def test_a_shape_moves_landmarks_and_pixels_alike(rgb: np.ndarray, reading: FaceReading) -> None:
    wider = put(rgb, reading, weight=1.0)
    jaw = (wider.landmarks - reading.landmarks_photo)[[4, 12], 0]
    assert jaw[0] < -1 and jaw[1] > 1 and wider.overlay is None
    moves = shape.moves_of("weight")
    mirror = [*range(16, -1, -1)]
    assert np.allclose(moves[:17, 0], -moves[mirror, 0]) and np.allclose(moves[:17, 1], moves[mirror, 1])


def test_a_move_is_worked_out_where_it_reaches_as_if_everywhere() -> None:
    """Against the sum over all landmarks at each pixel."""
    rng = np.random.default_rng(0)
    places, moves, reach = rng.uniform([60, 50], [90, 80], (68, 2)), rng.normal(0, 3, (68, 2)), 16.0
    flow, (x0, y0) = shape._flow(places, moves, reach, (140, 200))
    whole = np.zeros((140, 200, 2))
    whole[y0 : y0 + flow.shape[0], x0 : x0 + flow.shape[1]] = flow
    y, x = np.mgrid[:140, :200] + 0.5
    near = np.exp(-((x[..., None] - places[:, 0]) ** 2 + (y[..., None] - places[:, 1]) ** 2) / (2 * reach**2))
    wanted = near @ moves / (near.sum(axis=-1, keepdims=True) + shape.DOUBT)
    assert np.abs(whole - wanted).max() < 0.12 and flow.shape[1] < 200, "coarse, and no wider than it has to be"
    assert shape._flow(places, np.zeros((68, 2)), reach, (140, 200))[0].size == 0


def test_a_large_face_keeps_its_own_fine_lines(rgb: np.ndarray, reading: FaceReading, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = put(rgb, reading, lipstick=1.0, glasses=1.0)
    monkeypatch.setattr(dressing, "MOST", reading.eye_distance / 2)
    halved = put(rgb, reading, lipstick=1.0, glasses=1.0)
    assert halved.photo.shape == rgb.shape
    assert np.abs(exact.photo.astype(int) - halved.photo).mean() < 0.2
    assert exact.overlay is not None and halved.overlay is not None
    assert np.abs(np.subtract(exact.overlay.box, halved.overlay.box)).max() <= 3


def test_gray_photos_stay_gray(rgb: np.ndarray, reading: FaceReading) -> None:
    gray = np.repeat(rgb[:, :, 1:2], 3, axis=2)
    worn = put(gray, reading, lipstick=1.0, glasses__gold=1.0)
    frame = worn.photo.copy()
    worn.overlay.lay(frame)  # type: ignore[union-attr]
    assert np.abs(frame.astype(int) - frame[:, :, :1]).max() <= 1 and (frame != gray).any()


@pytest.mark.parametrize(
    "found, name, words",
    [
        ({"age": 6.0}, "beard", "looks like a child's"),
        ({"covered": 0.9}, "hair", "seems to wear a hat"),
        ({"covered": 0.1, "unsure": 2.0}, "hair", "cannot be told"),
        ({"hair": None}, "hair:bare", "No hair was found"),
    ],
)
def test_what_cannot_be_put_on_is_refused(
    found: dict[str, float], name: str, words: str, rgb: np.ndarray, reading: FaceReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = masks.find
    patch = {key: value for key, value in found.items() if value is not None}

    def seen(subject: masks.Subject) -> masks.Found:
        one = usual(subject)
        return replace(one, **patch) if patch else replace(one, hair=np.zeros_like(one.hair))

    monkeypatch.setattr(masks, "find", seen)
    refused = put(rgb, reading, **{name.replace(":", "__"): 1.0, "lipstick": 1.0})
    assert words in refused.refusals[0] and set(refused.masks) == {"lipstick"}
    with pytest.raises(NoFaceError, match=words):
        api.edit(PHOTO, attributes={name: 1.0})
    assert any(words in warning for warning in api.edit(PHOTO, attributes={name: 1.0, "rosy": 1.0}).warnings)


def test_own_glasses_are_found_and_no_second_pair_is_drawn(rgb: np.ndarray, reading: FaceReading) -> None:
    worn = put(rgb, reading, glasses=1.0)
    frame = worn.photo.copy()
    worn.overlay.lay(frame)  # type: ignore[union-attr]
    again = put(frame, reading, sunglasses=1.0)
    assert "wears glasses already" in again.refusals[0] and again.overlay is None


def test_in_a_video_they_are_there_from_the_first_frame_on() -> None:
    frames = list(api.animate(PHOTO, "happy", attributes="glasses=1:round", seconds=0.4, fps=10, size=256))
    plain = list(api.animate(PHOTO, "happy", seconds=0.4, fps=10, size=256))
    assert all((a != b).any() for a, b in zip(frames, plain, strict=True))


def test_a_head_is_covered_only_where_every_look_says_so(
    rgb: np.ndarray, reading: FaceReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = masks.Subject(rgb.astype(np.float32), reading.landmarks_photo, (reading.yaw, reading.pitch, reading.roll))
    assert masks.find(subject).covered < masks.COVERED, "the shipped network takes this head for covered at first"
    usual, asked = masks.raw, list[int]()

    def told(*chances: float) -> float:
        def raw(crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            found, facts = usual(crops)
            facts = facts.copy()
            facts[:, 0] = chances[0] if not asked else (chances[1:] or chances)[: len(crops)]
            asked.append(len(crops))
            return found, facts

        asked.clear()
        monkeypatch.setattr(masks, "raw", raw)
        return masks.find(subject).covered

    assert told(0.9, 0.8, 0.95, 0.3, 0.99) == pytest.approx(0.3)
    assert told(0.9, 0.8, 0.95, 0.7, 0.99) == pytest.approx(0.7) and asked == [1, 4, 1], (
        "the last look is for hair beyond the crop"
    )
    assert told(0.4) == pytest.approx(0.4) and asked == [1, 1]


def test_hair_that_the_crop_cuts_off_ends_where_it_ends(rgb: np.ndarray, reading: FaceReading) -> None:
    subject = masks.Subject(rgb.astype(np.float32), reading.landmarks_photo, (reading.yaw, reading.pitch, reading.roll))
    hair = masks.find(subject).hair
    above = int(reading.landmarks_photo[:, 1].min() - 0.9 * reading.eye_distance)
    assert hair[:above].max() > 0.9, "the crown is hair"
    assert hair[:4].max() < 0.1, "the wall above it is not, though the crop of the network ends within the hair"


def test_a_beard_of_no_chosen_colour_is_between_brows_and_skin(rgb: np.ndarray, reading: FaceReading) -> None:
    subject = masks.Subject(rgb.astype(np.float32), reading.landmarks_photo, (reading.yaw, reading.pitch, reading.roll))
    own = beard.own_colour(subject)
    assert np.allclose(own, 0.6 * subject.brow + 0.4 * subject.skin, atol=0.5)
    natural, black = (put(rgb, reading, **{key: 1.0}) for key in ("beard", "beard__black"))
    where = natural.masks["beard"] > 0.7
    x0, y0, x1, y1 = natural.box
    assert natural.photo[y0:y1, x0:x1][where].mean() > black.photo[y0:y1, x0:x1][where].mean() + 20


def test_eyes_are_seen_faintly_through_sunglasses(rgb: np.ndarray, reading: FaceReading) -> None:
    overlay = put(rgb, reading, sunglasses=1.0).overlay
    assert overlay is not None
    x, y = np.rint(reading.irises_photo[0]).astype(int) - [overlay.x, overlay.y]
    assert 0.1 < overlay.keep[y, x].mean() < 0.5
