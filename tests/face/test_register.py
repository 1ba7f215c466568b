"""Registration: the place of a crop in its photo, from a start that is off; and nothing where nothing fits."""

from __future__ import annotations

import numpy as np
import pytest
from bright_mouth import ASTRONAUT

from mimica.face.align import crop_from_photo, cut, transform
from mimica.face.register import register

CORNERS = np.array([[20.0, 20], [140, 20], [20, 140], [140, 140]])


@pytest.mark.parametrize("side", [160, 240])
def test_the_crops_place_is_found_to_a_fraction_of_a_pixel(astronaut: np.ndarray, side: int) -> None:
    true = crop_from_photo(ASTRONAUT, side)
    crop = cut(astronaut, true, side)
    start = crop_from_photo(ASTRONAUT + np.random.default_rng(0).normal(0, 1.5, ASTRONAUT.shape), side)
    found, correlation = register(astronaut, crop, start)
    photo_corners = ASTRONAUT.mean(axis=0) + (CORNERS - 80) / 2
    assert np.abs(transform(photo_corners, start) - transform(photo_corners, true)).max() > 0.5, "the start is off"
    assert np.abs(transform(photo_corners, found) - transform(photo_corners, true)).max() < 0.3
    assert correlation > 0.99


@pytest.mark.parametrize("kind", ["black", "noise"])
def test_where_nothing_fits_the_correlation_says_so(astronaut: np.ndarray, kind: str) -> None:
    start = crop_from_photo(ASTRONAUT, 160)
    noise = np.random.default_rng(1).integers(0, 256, (160, 160, 3), np.uint8)
    assert register(astronaut, noise if kind == "noise" else np.zeros_like(noise), start)[1] < 0.9
