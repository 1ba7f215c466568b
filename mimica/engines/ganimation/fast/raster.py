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
    pixels   int (n,), flat indices of the covered pixels in the order of drawing: of two entries for one pixel the later,
             nearer one is seen
    corners  int (3, n), the vertices of the triangle drawn there
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
        """Values (C, V) of the vertices -> float32 (C, H, W), 0 where nothing is covered."""
        picture = np.zeros((len(values), *self.shape), np.float32)
        for plane, channel in zip(picture.reshape(len(values), -1), values, strict=True):
            plane[self.pixels] = self.at_pixels(channel)  # numpy writes in order, so that the last of a pixel's entries stays
        return picture

    def at_pixels(self, channel: np.ndarray) -> np.ndarray:
        """Values (V,) of the vertices -> (n,) at `pixels`."""
        first, second, third = (channel.take(corner) * weight for corner, weight in zip(self.corners, self.weights, strict=True))
        return first + second + third


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
    filled = np.flatnonzero(count)
    start, count = start.take(filled), count.take(filled)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)  # of each pixel along its row's span
    row = np.repeat(filled, count)
    x_in_box = np.repeat(start, count) + step.astype(np.float32)
    first = (rows.y * np.float32(shape[1]) + rows.x).astype(np.int64)
    pixels = first.take(row) + x_in_box.astype(np.int64)
    corners = triangles.T.take(kept, axis=1).take(rows.owner.take(row), axis=1).astype(np.int64)
    return Coverage(shape, pixels, corners, rows.weights(row, x_in_box))


class _Rows:
    """The pixel rows of triangles: for each row its triangle (`owner`), its first pixel (`x`, `y`), and the second and third
    barycentric coordinate there (`value`) with their change from one pixel to the next (`slope`)."""

    def __init__(self, tx: np.ndarray, ty: np.ndarray, area: np.ndarray, x0: np.ndarray, y0: np.ndarray, y1: np.ndarray):
        height = (y1 - y0).astype(np.int64) + 1
        self.owner = np.repeat(np.arange(len(area)), height)
        step = (np.arange(len(self.owner)) - np.repeat(np.cumsum(height) - height, height)).astype(np.float32)
        self.x, self.y = x0.take(self.owner), y0.take(self.owner) + step
        inverse = 1 / area
        across = ((ty[2] - ty[0]) * inverse, -(ty[1] - ty[0]) * inverse)
        down = (-(tx[2] - tx[0]) * inverse, (tx[1] - tx[0]) * inverse)
        right, below = x0 - tx[0], y0 - ty[0]
        self.slope = [a.take(self.owner) for a in across]
        corner = [a * right + b * below for a, b in zip(across, down, strict=True)]
        self.value = [c.take(self.owner) + b.take(self.owner) * step for c, b in zip(corner, down, strict=True)]

    def spans(self, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first pixel counted from x, number of pixels) of each row; boxes are `width` + 1 pixels wide."""
        low, high = np.zeros(len(self.owner), np.float32), width.take(self.owner)
        lines = [(self.slope[0], self.value[0]), (self.slope[1], self.value[1])]
        lines.append((-(self.slope[0] + self.slope[1]), 1 - self.value[0] - self.value[1]))
        for slope, value in lines:  # a line is positive right of its crossing if it rises, left of it if it falls
            value = value + SLACK
            level = np.where(value < 0, np.float32(-1), high)
            with np.errstate(divide="ignore", invalid="ignore"):
                crossing = -value / slope
            low = np.maximum(low, np.where(slope > 0, crossing, 0))
            high = np.where(slope > 0, high, np.where(slope < 0, np.minimum(high, crossing), level))
        low = np.ceil(low)
        return low, np.maximum(np.floor(high) - low + 1, 0).astype(np.int64)

    def weights(self, row: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Barycentric coordinates (3, n) at the pixels `x` (counted from the row's first) of the given rows."""
        result = np.empty((3, len(row)), np.float32)
        for k in (0, 1):
            result[k + 1] = self.value[k].take(row) + self.slope[k].take(row) * x
        result[0] = 1 - result[1] - result[2]
        return result


def _span(coordinate: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and last whole number within triangles with corner coordinates (3, T), clipped to the picture."""
    low = np.minimum(np.minimum(coordinate[0], coordinate[1]), coordinate[2])
    high = np.maximum(np.maximum(coordinate[0], coordinate[1]), coordinate[2])
    return np.clip(np.ceil(low), 0, length), np.clip(np.floor(high), -1, length - 1)
