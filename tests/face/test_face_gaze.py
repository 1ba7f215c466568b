"""Gaze: angles through projection and back, the search for an iris."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.face.gaze import CENTRE, EYEBALL, directions, find_iris, in_camera, in_head, to_angles, to_directions
from mimica.face.head import rotation

ANGLE = st.floats(-25, 25)
POSE = st.tuples(st.floats(-25, 25), st.floats(-20, 20), st.floats(-30, 30))


@given(ANGLE, ANGLE)
def test_angles_and_directions(x: float, y: float) -> None:
    vector = to_directions(np.array([x, y]))
    assert np.linalg.norm(vector) == pytest.approx(1) and to_angles(vector) == pytest.approx([x, y], abs=1e-6)


@given(ANGLE, ANGLE, POSE)
def test_camera_and_head(x: float, y: float, pose: tuple[float, float, float]) -> None:
    assert in_camera(in_head(np.array([x, y]), pose), pose) == pytest.approx([x, y], abs=1e-6)


def test_eyes_that_look_ahead_in_a_turned_head_look_where_it_does() -> None:
    assert in_camera(np.zeros(2), (20, 0, 0)) == pytest.approx([20, 0], abs=1e-6)
    assert in_camera(np.zeros(2), (0, 10, 0)) == pytest.approx([0, 10], abs=1e-6)
    assert in_head(np.zeros(2), (20, 0, 0))[0] == pytest.approx(-20), "to look into the camera they turn back"


@given(ANGLE, ANGLE, POSE)
def test_an_iris_placed_by_the_geometry_is_read_back(x: float, y: float, pose: tuple[float, float, float]) -> None:
    turn, flip = rotation(*pose), np.array([1, -1, 1])
    landmarks, irises = np.zeros((68, 2)), np.zeros((2, 2))
    for i, (corners, middle) in enumerate((((36, 39), -1.0), ((42, 45), 1.0))):
        ends = np.array([[middle - 0.5, 0, 0], [middle + 0.5, 0, 0]]) @ turn.T
        landmarks[list(corners)] = ends[:, :2] * [30, -30] + 100
        ball = turn @ (np.array([middle, 0, 0]) + CENTRE + EYEBALL * to_directions(np.array([x, y])) * flip)
        irises[i] = ball[:2] * [30, -30] + 100
    found = in_head(to_angles(directions(irises, landmarks, pose)), pose)
    assert np.abs(found - [x, y]).max() < 1.0  # how much a nod of a turned eye shortens it is not counted


@pytest.mark.parametrize("offset", [(0, 0), (5, -3), (-6, 4)])
def test_an_iris_is_found_from_a_bad_guess(offset: tuple[int, int]) -> None:
    eye = np.full((80, 120), 200, np.uint8)
    cv2.circle(eye, (60, 40), 14, 60, -1, cv2.LINE_AA)
    centre, radius = find_iris(eye.astype(np.float32), np.add((60, 40), offset), 13.0, np.ones(eye.shape, np.float32))
    assert np.abs(centre - [60, 40]).max() < 1.5 and radius == pytest.approx(14, abs=1.2)
