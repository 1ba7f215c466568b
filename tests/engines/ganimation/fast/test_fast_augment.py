"""Looks of cameras: what they change and what they must not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimica.engines.ganimation.fast.augment import LUMA, Look, draw, look_at


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(40, 200, (24, 32, 3), np.uint8)


def test_the_neutral_look_changes_nothing(image: np.ndarray) -> None:
    assert look_at(image, Look()) is image


def test_light_is_worked_out_by_hand() -> None:
    gray = np.full((1, 3, 3), 102, np.uint8)  # 0.4
    seen = look_at(gray, Look(gain=(1.5, 1.0, 0.5), gamma=2.0, slope=(0.5, 0.0)))
    expected = 0.16 * np.outer([0.5, 1.0, 1.5], [1.5, 1.0, 0.5]) * 255
    assert np.array_equal(seen[0], np.rint(expected))


def test_without_saturation_all_channels_are_the_luma(image: np.ndarray) -> None:
    seen = look_at(image, Look(saturation=0.0))
    assert np.array_equal(seen[..., 0], seen[..., 2])
    assert np.abs(seen[..., 0] - image @ LUMA).max() <= 0.51


def test_a_blur_and_a_loss_of_pixels_take_contrast_away(image: np.ndarray) -> None:
    assert look_at(image, Look(blur=1.0)).std() < 0.7 * image.std()
    assert look_at(image, Look(shrink=0.5)).std() < 0.7 * image.std()


def test_blocks_are_the_sources_alone(image: np.ndarray) -> None:
    look = Look(gamma=1.2, quality=30)
    assert np.array_equal(look_at(image, look, blocks=False), look_at(image, Look(gamma=1.2)))
    assert not np.array_equal(look_at(image, look), look_at(image, look, blocks=False))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_a_drawn_look_gives_a_picture_of_the_same_kind_and_is_the_same_for_both_frames(seed: int) -> None:
    frame = np.full((16, 16, 3), 128, np.uint8)
    look = draw(np.random.default_rng(seed))
    seen = look_at(frame, look)
    assert seen.shape == frame.shape and seen.dtype == np.uint8
    assert look == draw(np.random.default_rng(seed)) and np.array_equal(seen, look_at(frame, look))
