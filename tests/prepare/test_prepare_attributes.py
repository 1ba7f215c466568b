"""Drawn pairs as a labelled set, the labels of masks, the atlas of wrinkles."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from mimica.data.attribute_sets import find_set
from mimica.engines.layers.age import load_atlas
from mimica.engines.vae.data import open_data
from mimica.errors import DataError, ValueRangeError
from mimica.model_files.checkpoint import Weights, save_weights
from mimica.pictures.images import read_photo
from mimica.prepare import masks, wrinkles
from mimica.prepare.attributes import DRAWN, drawn_at_random, prepare
from mimica.prepare.vae import prepare as prepare_vae
from mimica.reader.read import largest_face

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """A set of one face, twice, of which a table knows the age."""
    folder = tmp_path / "faces"
    folder.mkdir()
    for name in ("one.jpg", "two.jpg"):
        shutil.copy(PHOTO, folder / name)
    (folder / "attributes.csv").write_text("file,split,age,hat\none.jpg,train,0.7,0\ntwo.jpg,held out,0.25,1\n")
    return folder


def test_drawn_pairs_are_a_set_again(faces: Path, tmp_path: Path) -> None:
    report = prepare(faces, tmp_path / "drawn", size=160, count=3)
    assert report.kept == 2
    with open(tmp_path / "drawn" / "pairs.csv", encoding="utf-8") as file:
        pairs = list(csv.DictReader(file))
    assert 4 <= len(pairs) <= 6
    again = find_set(tmp_path / "drawn")
    values = {face.name: face for face in again.faces}
    assert set(DRAWN) <= set(again.attributes) and len(values) == 2 + len(pairs)
    for pair in pairs:
        name = pair["attribute"].partition(":")[0]
        assert values[pair["file"]].values[name] == float(float(pair["dose"]) > 0)
        before, after = (read_photo(tmp_path / "drawn" / pair[key]).rgb.astype(int) for key in ("photo", "file"))
        mask = read_photo(tmp_path / "drawn" / pair["mask"]).rgb[..., 0] > 64
        changed = np.abs(after - before).sum(axis=2)
        assert mask.any() and changed[mask].mean() > 2 * changed[~mask].mean()
    assert values["two.jpg"].validation and not values["one.jpg"].validation
    assert values["one.jpg"].values["age"] == 0.7 and values["one.jpg"].values["glasses"] == 0


def test_the_draws_are_those_of_the_seed() -> None:
    draws = [[drawn_at_random(name, np.random.default_rng(seed)) for name in DRAWN] for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


def test_only_what_is_asked_for_is_drawn(faces: Path, tmp_path: Path) -> None:
    prepare(faces, tmp_path / "drawn", size=160, count=2, keys=["glasses:round,gold"])
    with open(tmp_path / "drawn" / "pairs.csv", encoding="utf-8") as file:
        assert {row["attribute"] for row in csv.DictReader(file)} == {"glasses:round,gold"}
    with pytest.raises(ValueRangeError, match="no attribute 'hat'"):
        prepare(faces, tmp_path / "none", count=1, keys=["hat"])


def test_drawn_copies_become_pairs(faces: Path, tmp_path: Path) -> None:
    prepare(faces, tmp_path / "drawn", size=160, count=2, keys=["beard:full,natural"])
    assert prepare_vae(tmp_path / "drawn", tmp_path / "data", size=64).kept == 6
    data = open_data(tmp_path / "data")
    assert list(data.pairs.photos) == [0, 0, 3, 3] and list(data.pairs.rows) == [1, 2, 4, 5]
    assert set(data.pairs.keys) == {"beard:full,natural"} and data.photos[4] == data.names[3]
    photo, drawn = (data.images[row].astype(int) for row in (0, 1))
    where = data.pairs.alphas[0] > 128
    assert np.abs(drawn - photo)[where].mean() > 5 * np.abs(drawn - photo)[data.pairs.alphas[0] == 0].mean()
    assert data.values_of("beard")[0] == 0 and data.values_of("beard")[1] == 1
    assert np.array_equal(data.masks[0], data.masks[1]) and 0.2 < (data.masks[0] > 127).mean() < 0.7


def test_what_cannot_be_drawn_is_said(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueRangeError, match="needs --sample"):
        prepare(faces, tmp_path / "drawn", count=0)
    with pytest.raises(DataError, match="There is no folder"):
        prepare(tmp_path / "none", tmp_path / "drawn")
    assert not (tmp_path / "drawn").exists()


def test_masks_are_labelled_and_kept_with_what_a_table_says(faces: Path, tmp_path: Path) -> None:
    assert masks.prepare(faces, tmp_path / "masks").kept == 2
    with np.load(tmp_path / "masks" / masks.FILE) as file:
        assert file["images"].shape == (2, 64, 64, 3) and list(file["hat"]) == [0, 1]
        assert np.allclose(file["age"], [0.7, 0.25]) and list(file["validation"]) == [False, True]
        hair = file["hair"][0] / 255
    assert 0.05 < hair.mean() < 0.5 and hair[40:56, 24:40].mean() < 0.1, "no hair on the mouth"


def test_a_bald_head_has_no_hair() -> None:
    photo = read_photo(PHOTO).rgb
    reading = largest_face(photo)
    crop = cv2.resize(photo, (128, 128))
    points = reading.landmarks_photo / 4
    assert not masks.hair_mask(crop, points, np.zeros((128, 128), bool)).any()


def test_the_atlas_is_of_old_faces_less_young_ones(tmp_path: Path) -> None:
    photo = read_photo(PHOTO).rgb
    reading = largest_face(photo)
    lines = photo.copy()
    eyes = reading.landmarks_photo[[36, 45]]
    y = round(float(reading.landmarks_photo[19:25, 1].min())) - 8
    lines[y : y + 2, round(float(eyes[0, 0])) : round(float(eyes[1, 0]))] //= 2
    shading, landmarks = wrinkles.atlas_of([(lines, reading)] * 3, [(photo, reading)] * 3)
    assert shading.shape == (wrinkles.ROWS, wrinkles.SIDE)
    brow = int(landmarks[19:25, 1].min())
    forehead = shading[brow - 40 : brow, 90:166]
    assert forehead.min() < -0.1 and np.abs(shading[brow + 60 :]).max() < 0.1
    save_weights(tmp_path / "other.safetensors", Weights("wrinkles", 1, (), {}, {"shading": shading, "landmarks": landmarks}, {}))
    assert np.allclose(load_atlas(tmp_path / "other.safetensors").shading, shading, atol=1e-6)


def test_wrinkles_need_some_faces(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        wrinkles.prepare(faces, tmp_path / "wrinkles.safetensors")
    assert not (tmp_path / "wrinkles.safetensors").exists()
