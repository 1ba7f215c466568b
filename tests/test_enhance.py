"""`enhance` in `mimica.edit` and `mimica.animate`, with a stand-in engine: small photos grow, blurred ones get detail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from bright_mouth import ASTRONAUT, BrightMouth, reading
from typer.testing import CliRunner

from mimica import api
from mimica.cli import app
from mimica.errors import ValueRangeError
from mimica.face import restore
from mimica.pictures.images import read_photo, write_image
from mimica.reader.read import FaceReading
from mimica.video.reader import open_video

ENGINE = BrightMouth()


@pytest.fixture
def small(astronaut: np.ndarray) -> np.ndarray:
    """The face 66 pixels wide, in a photo of 160."""
    cropped = cv2.resize(astronaut[:400, 23:423], (160, 160), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cropped)


@pytest.fixture(autouse=True)
def faces(monkeypatch: pytest.MonkeyPatch) -> list[FaceReading]:
    found = [reading((ASTRONAUT - np.float32([23, 0])) * 0.4)]
    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: found)
    monkeypatch.setattr(api, "load_engine", lambda name, weights: BrightMouth())
    return found


def laplacian(picture: np.ndarray) -> float:
    return float(cv2.Laplacian(cv2.resize(picture, (512, 512), interpolation=cv2.INTER_CUBIC)[60:230, 130:270], cv2.CV_32F).var())


def test_a_small_photo_grows_and_its_face_gets_detail(small: np.ndarray) -> None:
    result = api.edit(small, enhance=True, engine=ENGINE)
    assert result.image.shape[0] == result.image.shape[1] == pytest.approx(160 * 256 / restore.side_of(ASTRONAUT * 0.4), abs=1)
    plain = cv2.resize(small, result.image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    assert laplacian(result.image) > 1.5 * laplacian(plain) and any("enlarged" in one for one in result.warnings)
    assert np.array_equal(result.image[-40:], plain[-40:]), "away from the face it is only enlarged"
    edited = api.edit(small, au={12: 0.9}, enhance=True, engine=ENGINE)
    assert edited.image.shape == result.image.shape and (edited.image != result.image).any()


def test_large_photos_do_not_grow(small: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimica.animation.MAX_ENLARGED", 150)
    assert api.edit(small, enhance=True, engine=ENGINE).image.shape == small.shape


def test_a_sharp_face_is_left_alone(astronaut: np.ndarray, faces: list[FaceReading], monkeypatch: pytest.MonkeyPatch) -> None:
    faces[0] = reading()
    monkeypatch.setattr(restore.Restorer, "change", lambda self, crop, weight=None: None)
    result = api.edit(astronaut, enhance=True, engine=ENGINE)
    assert np.array_equal(result.image, astronaut) and any("as sharp as" in one for one in result.warnings)


def test_what_a_low_engine_draws_is_restored_too(
    astronaut: np.ndarray, faces: list[FaceReading], monkeypatch: pytest.MonkeyPatch
) -> None:
    faces[0] = reading()
    masks = []
    over: Callable[..., np.ndarray] = restore.Restorer.over

    def seen(self: restore.Restorer, photo: np.ndarray, points: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        masks.append(mask)
        return over(self, photo, points, mask)

    monkeypatch.setattr(restore.Restorer, "over", seen)
    api.edit(cv2.GaussianBlur(astronaut, (0, 0), 2), au={45: 0.9}, enhance=True, engine=BrightMouth(crop="tight"))
    assert [mask is None for mask in masks] == [True, False], "the photo, then what was rendered"
    masks.clear()
    api.edit(cv2.GaussianBlur(astronaut, (0, 0), 2), au={45: 0.9}, enhance=True, engine=BrightMouth(crop="window"))
    assert len(masks) == 1, "an engine that keeps the photo's pixels needs it once"


def test_a_result_cannot_be_enhanced_afterwards(small: np.ndarray) -> None:
    with pytest.raises(ValueRangeError, match="enhance"):
        api.edit(api.edit(small, "happy", engine=ENGINE), "sad", enhance=True)


def test_transparency_grows_too(small: np.ndarray) -> None:
    alpha = np.full((160, 160), 255, np.uint8)
    alpha[:, :80] = 0
    result = api.edit(np.dstack([small, alpha]), enhance=True, engine=ENGINE)
    assert result.alpha is not None and result.alpha.shape == result.image.shape[:2]


def test_the_flags(small: np.ndarray, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    write_image(photo, small)
    runner = CliRunner()
    assert runner.invoke(app, ["edit", str(photo), "--enhance"]).exit_code == 0
    assert read_photo(tmp_path / "photo_edited.png").rgb.shape[0] > 300
    assert runner.invoke(app, ["edit", str(photo)]).exit_code != 0, "without it, something must be asked for"
    words = ["-e", "happy", "--seconds", "0.2", "--fps", "10", "-o", str(tmp_path / "a.mp4"), "--enhance"]
    assert runner.invoke(app, ["animate", str(photo), *words]).exit_code == 0
    assert open_video(tmp_path / "a.mp4").size[0] > 300
