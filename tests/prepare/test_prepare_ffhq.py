"""FFHQ crops with re-animated frames put back: registration, and a set made from the example photo."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mimica.data.dataset import open_datasets
from mimica.errors import DataError
from mimica.face.align import crop_from_photo, cut
from mimica.facs import AU_NAMES
from mimica.prepare.ffhq import prepare_ffhq
from mimica.reader.read import FaceReading, Reader, find_faces


@pytest.fixture(scope="module")
def face(astronaut: np.ndarray) -> FaceReading:
    return find_faces(astronaut, reader=Reader(threads=1))[0]


@pytest.fixture(scope="module")
def ffhq(astronaut: np.ndarray, face: FaceReading) -> np.ndarray:
    """The example as an FFHQ crop of 256 px."""
    return cut(astronaut, crop_from_photo(face.landmarks_photo, 256, "ffhq"), 256)


def test_a_set_is_made_with_expressions_put_back(tmp_path: Path, ffhq: np.ndarray) -> None:
    photos, pairs = tmp_path / "photos", tmp_path / "pairs"
    photos.mkdir()
    pairs.mkdir()
    Image.fromarray(ffhq).save(photos / "anna.png")
    Image.fromarray(np.zeros((256, 256, 3), np.uint8)).save(photos / "nobody.png")
    reading = find_faces(ffhq, reader=Reader(threads=1))[0]
    crop = cut(ffhq, crop_from_photo(reading.landmarks_photo, 160), 160)
    changed = crop.copy()
    cv2.circle(changed, (80, 110), 15, (255, 0, 0), -1)
    rows = []
    for name, picture, source in (("anna_00.png", crop, True), ("anna_01.png", changed, False)):
        Image.fromarray(picture).save(pairs / name)
        units = {unit.lower(): 0.25 for unit in AU_NAMES}
        rows.append({"file": name, "source_id": "anna", "is_source": source, "recipe": "surprise", **units})
    (pairs / "labels.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    assert prepare_ffhq(photos, pairs, tmp_path / "out", size=128) == (2, 1)
    faces = open_datasets([tmp_path / "out"])
    assert faces.names == ("anna", "anna_01") and faces.emotions == ("", "surprise") and set(faces.subjects) == {"anna"}
    assert np.allclose(faces.values[1], 0.25)
    plain, edited = faces.images([0, 1], 128).astype(int)
    change = np.abs(edited - plain).max(axis=2)
    assert change.max() > 80 and (change[:20] < 12).all() and (change[:, :10] < 12).all()


def test_mistakes_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no labels\.jsonl"):
        prepare_ffhq(tmp_path / "empty", tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "labels.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match="Line 1"):
        prepare_ffhq(tmp_path / "empty", tmp_path / "empty", tmp_path / "out")
