"""Matrices against numbers worked out by hand; cutting and pasting as round trips."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import NoFaceError
from mimica.face.align import crop_from_photo, cut, eye_centres, feather, invert, paste, transform, window_from_photo


def test_an_eye_centre_is_the_mean_of_its_corners():
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[[36, 39, 42, 45]] = [[10, 20], [14, 22], [30, 20], [36, 18]]
    assert eye_centres(landmarks).tolist() == [[12, 21], [33, 19]]


def test_tight_crop_puts_the_eyes_at_their_place(face_points):
    matrix = crop_from_photo(face_points((100, 50), (130, 90)), 100)  # 50 pixels apart, falling to the right
    np.testing.assert_allclose(transform([[100, 50], [130, 90]], matrix), [[35, 42], [65, 42]], atol=1e-9)
    # the scale is 30 / 50, the turn takes (0.6, 0.8) to (1, 0)
    np.testing.assert_allclose(matrix[:, :2], 0.6 * np.array([[0.6, 0.8], [-0.8, 0.6]]))


def test_ffhq_crop_by_hand(face_points):
    # eyes 60 apart, mouth 50 below: side 2 * max(120, 90) = 240, centre (130, 105), upright
    matrix = crop_from_photo(face_points((100, 100), (160, 100), (130, 150)), 480, "ffhq")
    np.testing.assert_allclose(matrix, [[2, 0, 240 - 2 * 130], [0, 2, 240 - 2 * 105]], atol=1e-9)
    # mouth 100 below: side 2 * max(120, 180) = 360, centre (130, 110)
    matrix = crop_from_photo(face_points((100, 100), (160, 100), (130, 200)), 360, "ffhq")
    np.testing.assert_allclose(matrix, [[1, 0, 180 - 130], [0, 1, 180 - 110]], atol=1e-9)


def test_ffhq_axis_is_drawn_by_the_mouth_too(face_points):
    matrix = crop_from_photo(face_points((100, 100), (160, 100), (110, 160)), 256, "ffhq")
    # x axis = (60, 0) - rot90(-20, 60) = (60, 0) - (-60, -20) = (120, 20)
    direction = matrix[:, :2] @ [120, 20]
    assert direction[1] == pytest.approx(0, abs=1e-9) and direction[0] > 0


@pytest.mark.parametrize("kind", ["tight", "ffhq"])
@given(turn=st.floats(-np.pi, np.pi), zoom=st.floats(0.1, 10), x=st.floats(-500, 500), y=st.floats(-500, 500))
def test_the_crop_follows_the_face(kind, face_points, turn, zoom, x, y):
    landmarks = face_points((-30, 0), (30, 5), (3, 70))
    moving = np.array([[np.cos(turn), -np.sin(turn), x], [np.sin(turn), np.cos(turn), y]]) * [[zoom, zoom, 1]] * 2
    there = transform(landmarks, moving)
    np.testing.assert_allclose(
        transform(there, crop_from_photo(there, 128, kind)),
        transform(landmarks, crop_from_photo(landmarks, 128, kind)),
        atol=1e-6,
    )


@given(a=st.floats(0.05, 20), b=st.floats(-20, 20), x=st.floats(-1e4, 1e4), y=st.floats(-1e4, 1e4), px=st.floats(-1e4, 1e4))
def test_invert_undoes_transform(a, b, x, y, px):
    matrix = np.array([[a, b, x], [-b, a, y]])
    points = np.array([[px, 3.0], [0, -px]])
    np.testing.assert_allclose(transform(transform(points, matrix), invert(matrix)), points, atol=1e-5)


def test_unusable_landmarks(face_points):
    with pytest.raises(NoFaceError, match="one point"):
        crop_from_photo(face_points((5, 5), (5, 5)), 64)
    with pytest.raises(NoFaceError, match="one point"):
        crop_from_photo(np.full((68, 2), np.nan), 64)


# --- pixels ---------------------------------------------------------------------------------------------------------


def test_a_window_is_cut_as_it_is(noise):
    shift = np.array([[1.0, 0, -30], [0, 1, -50]])
    assert np.array_equal(cut(noise, shift, 64), noise[50:114, 30:94])


def test_beyond_the_border_the_photo_is_mirrored(noise):
    crop = cut(noise, np.array([[1.0, 0, 20], [0, 1, 10]]), 400)
    mirrored = cv2.copyMakeBorder(noise, 10, 90, 20, 0, cv2.BORDER_REFLECT)
    assert np.array_equal(crop, mirrored[:400, :400])


def test_far_beyond_the_border_it_is_mirrored_again():
    photo = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    row = cut(photo, np.array([[1.0, 0, 5], [0, 1, 0]]), 8)[0, :, 0]
    assert row.tolist() == [0, 0, 3, 3, 0, 0, 3, 3]


def test_shrinking_averages(noise):
    crop = cut(noise, np.array([[0.1, 0, 0], [0, 0.1, 0]]), 30)
    assert crop.std() < 10  # that of 10 x 10 means of the noise is 7.4, of samples of it 74
    turned = cut(noise, crop_from_matrix(0.1, 0.5), 20)
    assert turned.std() < 10


def crop_from_matrix(zoom: float, turn: float) -> np.ndarray:
    linear = zoom * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.column_stack([linear, [10, 10] - linear @ [200, 150]])


@pytest.mark.parametrize("zoom", [0.13, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("turn", [0.0, 0.6, -2.5])
def test_a_cut_shows_every_point_at_its_place(zoom, turn):
    """A ramp photo carries its coordinates as its colours."""
    x, y = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    photo = np.dstack([x, y, x]).astype(np.uint8)  # the colour of pixel i is i, at i + 0.5
    linear = zoom * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix = np.column_stack([linear, [8, 8] - linear @ [128, 128]])
    crop = cut(photo, matrix, 16)
    crop_x, crop_y = np.meshgrid(np.arange(16) + 0.5, np.arange(16) + 0.5)
    expected = transform(np.dstack([crop_x, crop_y]), invert(matrix)) - 0.5
    assert np.abs(crop[..., :2] - expected).max() < 1.3


@pytest.mark.parametrize("zoom", [0.4, 1.0, 1.7])
@pytest.mark.parametrize("degrees", [0, 7, -30, 90, 180])
def test_pasting_the_unchanged_crop_changes_little(astronaut, zoom, degrees):
    turn = np.radians(degrees)
    linear = zoom * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix = np.column_stack([linear, [64, 64] - linear @ [220, 130]])
    smooth = cv2.GaussianBlur(astronaut, (0, 0), 4)
    result = paste(smooth, cut(smooth, matrix, 128), feather(128, 10), matrix)
    assert np.abs(result.astype(int) - smooth).max() <= 6
    x, y = np.meshgrid(np.arange(512) + 0.5, np.arange(512) + 0.5)
    outside = (np.abs(transform(np.dstack([x, y]), matrix) - 64) > 65 + zoom).any(axis=2)
    assert np.array_equal(result[outside], smooth[outside])


@pytest.mark.parametrize("zoom", [0.5, 1.0, 1.3])
def test_where_the_mask_is_zero_the_photo_stays_bit_for_bit(noise, zoom):
    matrix = crop_from_matrix(zoom, 0.3)
    mask = np.zeros((64, 64), np.float32)
    mask[20:30, 20:30] = 1
    red = np.full((64, 64, 3), (255, 0, 0), np.uint8)
    result = paste(noise, red, mask, matrix)
    changed = (result != noise).any(axis=2)
    x, y = np.meshgrid(np.arange(400) + 0.5, np.arange(300) + 0.5)
    u, v = np.moveaxis(transform(np.dstack([x, y]), matrix), 2, 0)
    reach = 1 + zoom
    assert not changed[(u < 20 - reach) | (u > 30 + reach) | (v < 20 - reach) | (v > 30 + reach)].any()
    assert changed.any()
    middle = (abs(u - 25) < 3) & (abs(v - 25) < 3)
    assert np.all(result[middle] == (255, 0, 0))


def test_a_window_is_pasted_exactly(noise):
    crop = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), np.float32)
    mask[:, :20], mask[:, 20:40] = 1, 0.5
    result = paste(noise, crop, mask, np.array([[1.0, 0, -100], [0, 1, -200]]))
    assert np.array_equal(result[200:240, 100:120], crop[:, :20])
    half = (noise[200:240, 120:140].astype(float) + crop[:, 20:40]) / 2
    assert np.abs(result[200:240, 120:140] - half).max() <= 0.51
    result[200:240, 100:140] = noise[200:240, 100:140]
    assert np.array_equal(result, noise)


def test_a_crop_that_overhangs_or_misses_the_photo(noise):
    red, mask = np.full((50, 50, 3), (255, 0, 0), np.uint8), np.ones((50, 50), np.float32)
    over = paste(noise, red, mask, np.array([[1.0, 0, 20], [0, 1, 30]]))
    assert np.all(over[:20, :30] == (255, 0, 0)) and np.array_equal(over[20:], noise[20:])
    assert np.array_equal(paste(noise, red, mask, np.array([[1.0, 0, 2000], [0, 1, 30]])), noise)


def test_paste_leaves_its_input_alone(noise):
    before = noise.copy()
    paste(noise, np.zeros((50, 50, 3), np.uint8), np.ones((50, 50), np.float32), np.array([[1.0, 0, 0], [0, 1, 0]]))
    assert np.array_equal(noise, before)


def test_feather():
    mask = feather(9, 2)
    assert mask.dtype == np.float32
    assert mask[4].tolist() == [0, 0.5, 1, 1, 1, 1, 1, 0.5, 0] and np.array_equal(mask, mask.T)
    assert feather((4, 6), 1).shape == (4, 6)
    assert np.all(feather(5, 0) == 1)


def test_window_by_hand(face_points):
    # eyes 60 apart: side 200, from 130 - 100 = 30 to 230; 0.42 of it above the eyes: from 100 - 84 = 16 to 216
    landmarks = face_points((100, 100), (160, 100))
    assert window_from_photo(landmarks, (1000, 1000, 3)) == (30, 16, 230, 216)
    assert window_from_photo(landmarks, (1000, 1000, 3), margin=0.1) == (10, 0, 250, 236)
    assert window_from_photo(landmarks, (150, 200, 3), margin=0.1) == (10, 0, 200, 150)


@given(turn=st.floats(-np.pi, np.pi), x=st.floats(300, 700), y=st.floats(300, 700))
def test_the_window_contains_the_tight_crop(face_points, turn, x, y):
    across = 20 * np.array([np.cos(turn), np.sin(turn)])
    landmarks = face_points(np.subtract((x, y), across), np.add((x, y), across))
    corners = transform([[0, 0], [1, 0], [0, 1], [1, 1]], invert(crop_from_photo(landmarks, 1)))
    x0, y0, x1, y1 = window_from_photo(landmarks, (1000, 1000))
    assert np.all(corners >= np.array([x0, y0]) - 1e-5) and np.all(corners <= np.array([x1, y1]) + 1e-5)
    assert np.all(corners.min(axis=0) < np.array([x0, y0]) + 1) and np.all(corners.max(axis=0) > np.array([x1, y1]) - 1)


def test_a_face_outside_its_photo(face_points):
    with pytest.raises(NoFaceError, match="outside"):
        window_from_photo(face_points((5000, 5000), (5060, 5000)), (100, 100, 3))


def test_a_small_face_of_a_large_photo_is_quick():
    photo = np.zeros((3000, 4000, 3), np.uint8)
    matrix = crop_from_matrix(0.5, 0.2)
    begin = time.process_time()
    for _ in range(20):
        cut(photo, matrix, 128)
    assert time.process_time() - begin < 0.5
