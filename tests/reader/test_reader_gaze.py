"""The reader's gaze: drawn eyes whose irises move."""

import cv2
import numpy as np
import pytest

from mimica.face.gaze import CENTRE, EYEBALL
from mimica.reader.gaze import SEEN, find_irises, read_gazes

WIDTH = 50


def drawn(shift: tuple[float, float], openness: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A gray photo with two drawn eyes, their landmarks, and the true irises, `shift` pixels from the middle of the corners."""
    photo, landmarks, irises = np.full((120, 260), 150, np.uint8), np.zeros((68, 2)), []
    for first, x in ((36, 60), (42, 190)):
        half, high = WIDTH / 2, openness * WIDTH / 2
        lids = np.array([[-half, 0], [-half / 3, -high], [half / 3, -high], [half, 0], [half / 3, high], [-half / 3, high]]) + [
            x,
            60,
        ]
        opening = np.zeros_like(photo)
        cv2.fillPoly(opening, [np.round(lids * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        eye = np.full_like(photo, 225)
        middle = np.array([x, 60]) + shift
        cv2.circle(eye, tuple(np.round((middle - 0.5) * 16).astype(int)), round(0.21 * WIDTH * 16), 70, -1, cv2.LINE_AA, 4)
        photo = np.where(opening > 127, eye, photo)
        landmarks[first : first + 6], irises = lids, [*irises, middle]
    return photo, landmarks, np.array(irises)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (6.0, 0.0), (-6.0, 1.0), (0.0, 4.0)])
def test_irises_are_found_in_the_picture(shift: tuple[float, float]) -> None:
    photo, landmarks, irises = drawn(shift)
    found = find_irises(photo, landmarks, irises - np.multiply(shift, 0.5))
    assert np.abs(found - irises).max() < 1.5


def test_shut_eyes_keep_the_networks_irises() -> None:
    photo, landmarks, irises = drawn((0, 0), openness=0.08)
    assert np.array_equal(find_irises(photo, landmarks, irises + 3), irises + 3)


def test_angles_grow_with_the_shift_and_have_the_signs_of_the_picture() -> None:
    level = (-CENTRE[1] * WIDTH, 0.0)[0]
    photo, landmarks, irises = drawn((6, level))
    (x, y), other = read_gazes(photo, landmarks, irises, (0, 0, 0))
    expected = np.rad2deg(np.arcsin(6 / WIDTH / EYEBALL)) / SEEN[0]
    assert x == pytest.approx(expected, abs=5) and other[0] == pytest.approx(x, abs=3) and abs(y) < 5
    photo, landmarks, irises = drawn((0, level + 4))
    assert read_gazes(photo, landmarks, irises, (0, 0, 0))[0][1] > 6, "down is positive"
