"""Laying what a small network changed over a face in full resolution.

Networks that work at 64 or 128 pixels lose a photo's fine lines. What they change is still right: the difference of their two
pictures, before and after the edit, is enlarged and added to the photo. Where much changes, old lines would shine through; there
the photo's own fine lines are faded out (`GHOST`). Pictures float32 (H, W, 3) of 0 to 255, masks float32 (H, W) in [0, 1].
"""

from __future__ import annotations

import cv2
import numpy as np

from mimica.pictures.pixels import check_finite

GHOST = 45.0
"""Levels of change at which the photo's fine lines have faded to 1/e."""
VISIBLE = (0.6, 3.0)
"""Levels of change: below the first the mask is 0, from the second on it is whole."""


def enlarged(small: np.ndarray, side: int) -> np.ndarray:
    """(h, h) or (h, h, C) -> (side, side) or (side, side, C), bicubic."""
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC))


def with_change(photo: np.ndarray, change: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) plus a change (H, W, 3) in levels, without old lines where much changes: float32 (H, W, 3)."""
    levels = photo.astype(np.float32)
    fine = levels - cv2.GaussianBlur(levels, (0, 0), len(photo) / 96)
    loss = 1 - np.exp(-np.square(np.abs(change).max(2, keepdims=True) / np.float32(GHOST)))
    picture: np.ndarray = levels + change - loss * fine
    return picture


def changed_mask(change: np.ndarray) -> np.ndarray:
    """Where a change (H, W, 3) in levels can be seen."""
    reach: np.ndarray = np.clip((np.abs(change).max(2) - VISIBLE[0]) / (VISIBLE[1] - VISIBLE[0]), 0, 1)
    return reach


def to_pixels(levels: np.ndarray) -> np.ndarray:
    """Float levels -> uint8. Raises `WeightsError` for what is not finite."""
    check_finite(levels)
    return np.asarray(np.rint(np.clip(levels, 0, 255)).astype(np.uint8))


def as_layers(weight: np.ndarray, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Named as GANimation names them: `attention` keeps the photo where it is 1; `picture` is uint8."""
    return {"attention": 1 - weight, "color": picture.astype(np.float32) / np.float32(255)}
