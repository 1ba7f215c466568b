"""A rasteriser of small triangles in numpy: which triangle covers each pixel, and values interpolated over it.

Made for a mesh whose depth order never changes: the triangles come sorted from the farthest to the nearest, so that the
painter's algorithm (the last one written is the one seen) replaces the depth buffer. All triangles are handled at once,
row by row: the half-plane tests of J. Pineda, "A parallel algorithm for polygon rasterization" (1988), solved for the span
of each row instead of tried at each pixel. Points are continuous pixels: pixel i spans i..i+1 and is covered by the
triangle that contains its centre i + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SLACK = np.float32(1e-5)
"""How far below zero a barycentric coordinate may be: neighbours leave no gap through rounding."""


@dataclass(frozen=True)
class Coverage:
    """What a rasterised mesh covers of a picture.

    shape    (height, width) of the picture
    pixels   int (n,), flat indices of the covered pixels
    corners  int (n, 3), the vertices of the triangle seen there
    weights  float32 (3, n), its barycentric coordinates
    """

    shape: tuple[int, int]
    pixels: np.ndarray
    corners: np.ndarray
    weights: np.ndarray

    def mask(self) -> np.ndarray:
        """float32 (H, W): 1 where covered."""
        covered = np.zeros(self.shape, np.float32)
        covered.ravel()[self.pixels] = 1
        return covered

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Values (V, C) of the vertices -> float32 (H, W, C), 0 where nothing is covered."""
        picture = np.zeros((*self.shape, values.shape[1]), np.float32)
        picture.reshape(-1, values.shape[1])[self.pixels] = self.at_pixels(values)
        return picture

    def at_pixels(self, values: np.ndarray) -> np.ndarray:
        """Values (V, C) of the vertices -> (n, C) at `pixels`."""
        result: np.ndarray = self.weights[0][:, None] * values.take(self.corners[:, 0], axis=0)
        for k in (1, 2):
            result += self.weights[k][:, None] * values.take(self.corners[:, k], axis=0)
        return result


def rasterise(points: np.ndarray, triangles: np.ndarray, shape: tuple[int, int], *, front_only: bool = True) -> Coverage:
    """Points (V, 2) in pixels and triangles (T, 3), farthest first -> what they cover of a picture of `shape`.

    `front_only` drops the triangles that turn their back: those of negative area in the y-down picture are kept, which is
    how a mesh with outward counter-clockwise faces (y up) appears.
    """
    x, y = np.ascontiguousarray(points.T, np.float32) - np.float32(0.5)  # pixel centres are whole numbers here
    tx, ty = x.take(triangles.T), y.take(triangles.T)
    area = (tx[1] - tx[0]) * (ty[2] - ty[0]) - (tx[2] - tx[0]) * (ty[1] - ty[0])
    x0, x1 = _span(tx, shape[1])
    y0, y1 = _span(ty, shape[0])
    kept = np.flatnonzero((x1 >= x0) & (y1 >= y0) & ((area < 0) if front_only else (area != 0)))
    rows = _Rows(tx.take(kept, axis=1), ty.take(kept, axis=1), area.take(kept), x0.take(kept), y0.take(kept), y1.take(kept))
    start, count = rows.spans((x1 - x0).take(kept))
    owner = np.repeat(np.arange(len(count), dtype=np.int32), count)
    step = np.arange(len(owner), dtype=np.int32) - np.repeat((np.cumsum(count) - count).astype(np.int32), count)
    first = ((rows.y * shape[1]) + rows.x + start).astype(np.int32)
    seen = np.full(shape[0] * shape[1], -1, np.int32)
    seen[first.take(owner) + step] = np.arange(len(owner), dtype=np.int32)  # a later, nearer triangle overwrites
    pixels = np.flatnonzero(seen >= 0)
    winner = seen.take(pixels)
    row = owner.take(winner)
    weights = rows.weights(row, start.take(row) + step.take(winner))
    return Coverage(shape, pixels, triangles.take(kept.take(rows.owner.take(row)), axis=0), weights)


class _Rows:
    """The pixel rows of triangles: for each row its triangle (`owner`), its first pixel (`x`, `y`), and the second and third
    barycentric coordinate there (`value`) with their change from one pixel to the next (`slope`)."""

    def __init__(self, tx: np.ndarray, ty: np.ndarray, area: np.ndarray, x0: np.ndarray, y0: np.ndarray, y1: np.ndarray):
        height = (y1 - y0).astype(np.int32) + 1
        self.owner = np.repeat(np.arange(len(area), dtype=np.int32), height)
        row = np.arange(len(self.owner)) - np.repeat(np.cumsum(height) - height, height)
        self.x, self.y = x0.take(self.owner), y0.take(self.owner) + row.astype(np.float32)
        inverse = 1 / area
        across = ((ty[2] - ty[0]) * inverse, -(ty[1] - ty[0]) * inverse)
        down = (-(tx[2] - tx[0]) * inverse, (tx[1] - tx[0]) * inverse)
        right, below = x0 - tx[0], y0 - ty[0]
        self.slope = [a.take(self.owner) for a in across]
        corner = [a * right + b * below for a, b in zip(across, down, strict=True)]
        step = row.astype(np.float32)
        self.value = [c.take(self.owner) + b.take(self.owner) * step for c, b in zip(corner, down, strict=True)]

    def spans(self, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first pixel counted from x, number of pixels) of each row; boxes are `width` + 1 pixels wide."""
        low, high = np.zeros(len(self.owner), np.float32), width.take(self.owner)
        lines = [(self.slope[0], self.value[0]), (self.slope[1], self.value[1])]
        lines.append((-(self.slope[0] + self.slope[1]), 1 - self.value[0] - self.value[1]))
        for slope, value in lines:
            value = value + SLACK
            with np.errstate(divide="ignore", invalid="ignore"):
                crossing = -value / slope
            np.maximum(low, crossing, out=low, where=slope > 0)
            np.minimum(high, crossing, out=high, where=slope < 0)
            high[(slope == 0) & (value < 0)] = -1
        low = np.ceil(low)
        return low, np.maximum(np.floor(high) - low + 1, 0).astype(np.int32)

    def weights(self, row: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Barycentric coordinates (3, n) at the pixels `x` (counted from the row's first) of the given rows."""
        second, third = (v.take(row) + s.take(row) * x for v, s in zip(self.value, self.slope, strict=True))
        return np.stack([1 - second - third, second, third]).astype(np.float32)


def _span(coordinate: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and last whole number within triangles with corner coordinates (3, T), clipped to the picture."""
    low = np.minimum(np.minimum(coordinate[0], coordinate[1]), coordinate[2])
    high = np.maximum(np.maximum(coordinate[0], coordinate[1]), coordinate[2])
    return np.clip(np.ceil(low), 0, length), np.clip(np.floor(high), -1, length - 1)
