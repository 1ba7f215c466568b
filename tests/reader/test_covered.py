"""Mouths behind cloth are found and left alone; bare ones are not taken for covered."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from mimica import api
from mimica.reader.covered import MOUTH_UNITS, is_covered
from mimica.reader.read import FaceReading, find_faces

DOCS = Path(__file__).parents[2] / "docs" / "measure_inputs.py"


@pytest.fixture(scope="module")
def photo(astronaut: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(astronaut[20:270, 100:350], (500, 500), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="module")
def face(photo: np.ndarray) -> FaceReading:
    return find_faces(photo)[0]


def masked(rgb: np.ndarray, face: FaceReading, kind: str, seed: int = 0) -> np.ndarray:
    """As the figures of the docs are measured."""
    spec = importlib.util.spec_from_file_location("measure_inputs", DOCS)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.with_mask(rgb, face.landmarks_photo, kind, np.random.default_rng(seed))


def below_the_nose(reading: FaceReading) -> tuple[slice, slice]:
    points = reading.landmarks_photo
    return np.s_[int(points[33, 1]) + 4 : int(points[8, 1]), int(points[48, 0]) : int(points[54, 0])]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_mask_is_found_and_the_mouth_left_alone(photo: np.ndarray, face: FaceReading, seed: int) -> None:
    covered = masked(photo, face, "two colours", seed)
    result = api.edit(covered, "surprised")
    assert any("mask or a scarf" in warning for warning in result.warnings)
    box = below_the_nose(result.readings[0])
    assert np.array_equal(result.image[box], covered[box]) and (result.image != covered).any(), "brows and eyes change"


def test_a_mask_in_a_film(photo: np.ndarray, face: FaceReading) -> None:
    animation = api.animate(masked(photo, face, "two colours"), "happy", seconds=0.4, fps=5, size=512)
    box, frames = below_the_nose(animation.readings[0]), list(animation)
    assert all(np.array_equal(frame[box], frames[0][box]) for frame in frames)


def test_a_bare_mouth_is_bare(photo: np.ndarray, face: FaceReading) -> None:
    assert not is_covered(face, photo)
    gray = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    assert not is_covered(face, gray)
    assert not any("mask" in warning for warning in api.edit(photo, "happy").warnings)


def test_units_of_the_mouth_are_units() -> None:
    from mimica.facs import AU_NAMES

    assert set(MOUTH_UNITS) < set(AU_NAMES)


def test_lips_of_a_small_face_in_a_film_are_no_cloth_and_cloth_is(astronaut: np.ndarray) -> None:
    def as_in_a_film(rgb: np.ndarray) -> np.ndarray:
        """Half of the pixels of colour each way."""
        light = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
        coarse = cv2.resize(cv2.resize(light, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), rgb.shape[1::-1])
        light[..., 1:] = cv2.blur(coarse[..., 1:], (3, 3))
        return np.asarray(cv2.cvtColor(light, cv2.COLOR_YCrCb2RGB))

    small = cv2.resize(np.asarray(astronaut), (256, 256), interpolation=cv2.INTER_AREA)
    seen = find_faces(small)[0]
    assert not is_covered(seen, as_in_a_film(small))
    covered = as_in_a_film(masked(small, seen, "two colours"))
    assert is_covered(seen, covered)
