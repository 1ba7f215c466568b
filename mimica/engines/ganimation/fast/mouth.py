"""A mouth that nobody asks to move: an open smile keeps its lips and teeth while brows, lids, nose or cheeks do something.

In the training pairs every unit moves the whole face a little; on a closed mouth that is hardly seen, but over the photo's own
teeth others would be drawn."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from mimica.engines.ganimation.fast.depth import smoothstep
from mimica.engines.ganimation.fast.warp import Field
from mimica.facs import SIDED_AU_NAMES

_ASKING = ("AU10", "AU12", "AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26")
UNITS = [i for i, name in enumerate(SIDED_AU_NAMES) if name[:4] in _ASKING]
"""Controls that ask for the mouth."""
ASKED = 0.15
"""A change of one of them by so much lets the whole mouth move."""
STILL_NEAR, FREE_FROM = 0.015, 0.10
"""How far from the lips, in shares of the side, a face stays and from where on it moves."""


def freedom(lips: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """float32 `shape` (rows, columns), how free a face is while its mouth, landmarks (20, 2) in shares of the columns, stays: 0
    on the lips, 1 far away."""
    away = np.ones(shape, np.uint8)
    cv2.fillConvexPoly(away, cv2.convexHull(np.round(lips * shape[1]).astype(np.int32)), 0)
    distance = cv2.distanceTransform(away, cv2.DIST_L2, 3) * (1 / shape[1])
    free: np.ndarray = smoothstep((distance - STILL_NEAR) / (FREE_FROM - STILL_NEAR)).astype(np.float32)
    return free


def at_vertices(free: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """(V,), `freedom` at vertices (V, 2)."""
    height, width = free.shape
    column, row = (vertices * width).astype(int).T
    return free[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]


def held(field: Field, free: np.ndarray, alone: float) -> Field:
    """The field with the mouth as the photo shows it, as far as `alone` says; `free` as `freedom` gives it, for the field."""
    part = 1 - np.float32(alone) * (1 - free)
    flow, gain = (np.ascontiguousarray(values * part[..., None]) for values in (field.flow, field.gain))
    return replace(field, flow=flow, gain=gain, steps=field.steps * (part > 0.5).astype(np.uint8))


def left_alone(source: np.ndarray, target: np.ndarray, opening: np.ndarray) -> float:
    """In [0, 1], how far the mouth is to stay as it is: Action Units (34,) before and after, and the photo's opening."""
    asked = float(np.abs(target - source)[UNITS].max()) / ASKED
    return max(0.0, 1.0 - asked) * float(opening.max())
