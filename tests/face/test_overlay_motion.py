"""A change between two drawn pictures brought over to a photo: what moves takes the photo's own lines along."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mimica.face.overlay import flow_between, moved, with_change, with_motion


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    """float32 (128, 128, 3): soft spots."""
    spots = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.float32)
    return cv2.GaussianBlur(cv2.resize(spots, (128, 128), interpolation=cv2.INTER_CUBIC), (0, 0), 2)


def shifted(picture: np.ndarray, x: float, y: float) -> np.ndarray:
    """The middle of a picture moved by (x, y), its border held."""
    rows, columns = np.mgrid[: len(picture), : len(picture)].astype(np.float32)
    middle = np.hypot(rows - len(picture) / 2, columns - len(picture) / 2) / len(picture)
    weight = np.clip((0.4 - middle) / 0.15, 0, 1).astype(np.float32)
    return cv2.remap(picture, columns - x * weight, rows - y * weight, cv2.INTER_CUBIC)


def test_what_moved_is_found(drawn: np.ndarray) -> None:
    flow = flow_between(drawn, shifted(drawn, 3, -2))
    assert np.abs(np.median(flow[55:73, 55:73], axis=(0, 1)) - (-3, 2)).max() < 0.7
    assert np.abs(flow[:6]).max() < 0.5 and not flow_between(drawn, drawn).any()


def test_pictures_that_have_nothing_in_common_do_not_move(drawn: np.ndarray) -> None:
    brighter = np.clip(drawn + 40, 0, 255)
    assert np.abs(flow_between(drawn, brighter)).mean() < 0.5


def test_no_flow_is_the_same_picture_bit_for_bit(drawn: np.ndarray) -> None:
    assert np.array_equal(moved(drawn, np.zeros((128, 128, 2), np.float32)), drawn)


def test_the_photos_own_lines_move_along(drawn: np.ndarray) -> None:
    large = cv2.resize(drawn, (256, 256), interpolation=cv2.INTER_CUBIC)
    lines = np.zeros((256, 256, 3), np.float32)
    lines[::6] = 40
    photo = np.clip(large * 0.7 + lines, 0, 255).astype(np.uint8)
    wanted = shifted(photo.astype(np.float32), 0, -6)
    after = shifted(drawn, 0, -3)
    difference = cv2.resize(after - drawn, (256, 256), interpolation=cv2.INTER_CUBIC)
    middle = np.s_[100:156, 100:156]
    errors = [np.abs(made - wanted)[middle].mean() for made in (with_motion(photo, drawn, after), with_change(photo, difference))]
    assert errors[0] < 0.6 * errors[1]
    assert np.array_equal(with_motion(photo, drawn, drawn), photo.astype(np.float32))
