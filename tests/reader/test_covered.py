"""Mouths behind cloth are found and left alone; bare ones are not taken for covered."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mimica import api
from mimica.reader.covered import MOUTH_UNITS, is_covered
from mimica.reader.read import FaceReading, find_faces


@pytest.fixture(scope="module")
def face(astronaut: np.ndarray) -> FaceReading:
    return find_faces(astronaut)[0]


def masked(rgb: np.ndarray, face: FaceReading, upper: tuple[int, int, int], lower: tuple[int, int, int]) -> np.ndarray:
    """A surgical mask over mouth and nose, of two colours."""
    points = face.landmarks_photo.astype(np.float64)
    sides = [(points[2] + points[29]) / 2, (points[14] + points[29]) / 2]
    jaw = [points[i] for i in (14, 12, 10, 8, 6, 4)]
    outline = np.rint(np.array([points[2], sides[0], points[29], sides[1], *jaw])).astype(np.int32)
    inside = cv2.fillPoly(np.zeros(rgb.shape[:2], np.uint8), [outline], 1).astype(bool)
    result, half = rgb.copy(), int((points[33, 1] + points[8, 1]) / 2)
    result[:half][inside[:half]], result[half:][inside[half:]] = upper, lower
    return result


COLOURS = [((150, 190, 215), (235, 235, 235)), ((225, 225, 222), (225, 225, 222)), ((40, 90, 60), (60, 110, 80))]


@pytest.mark.parametrize(("upper", "lower"), COLOURS)
def test_a_mask_is_found_and_the_mouth_left_alone(astronaut: np.ndarray, face: FaceReading, upper, lower) -> None:
    photo = masked(astronaut, face, upper, lower)
    result = api.edit(photo, "surprised")
    assert any("mask or a scarf" in warning for warning in result.warnings)
    points = result.readings[0].landmarks_photo
    top, left, right = (int(v) for v in (points[33, 1] + 4, points[48, 0] - 5, points[54, 0] + 5))
    assert np.array_equal(result.image[top : int(points[8, 1]), left:right], photo[top : int(points[8, 1]), left:right])
    assert (result.image != photo).any(), "brows and eyes change"


def test_a_mask_in_a_film(astronaut: np.ndarray, face: FaceReading) -> None:
    animation = api.animate(masked(astronaut, face, *COLOURS[0]), "happy", seconds=0.4, fps=5, size=512)
    points = animation.readings[0].landmarks_photo
    box = np.s_[int(points[33, 1]) + 4 : int(points[8, 1]), int(points[48, 0]) : int(points[54, 0])]
    frames = list(animation)
    assert all(np.array_equal(frame[box], frames[0][box]) for frame in frames)


def test_a_bare_mouth_is_bare(astronaut: np.ndarray, face: FaceReading) -> None:
    assert not is_covered(face, astronaut)
    gray = np.repeat(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    assert not is_covered(face, gray)
    assert not any("mask" in warning for warning in api.edit(astronaut, "happy").warnings)


def test_units_of_the_mouth_are_units() -> None:
    from mimica.facs import AU_NAMES

    assert set(MOUTH_UNITS) < set(AU_NAMES)
