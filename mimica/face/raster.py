"""A rasteriser of small triangles in numpy: which triangle covers each pixel, and values interpolated over it.

Made for a mesh whose depth order never changes: the triangles come sorted from the farthest to the nearest, so that of two
that cover a pixel the later one is seen, without a depth buffer. All triangles of one height are handled at once, a row at a
time: the half-plane tests of J. Pineda, "A parallel algorithm for polygon rasterization" (1988), solved for the span of each
row instead of tried at each pixel. Points are continuous pixels: pixel i spans i..i+1 and is covered by the triangle that
contains its centre i + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SLACK = np.float32(1e-5)
"""How far below zero a barycentric coordinate may be: neighbours leave no gap through rounding."""
HEIGHTS = (2, 4, 6, 9, 13, 20, 34, 60)
"""Triangles of no more than so many rows are handled together."""
_FAR, _LEVEL = np.float32(1e9), np.float32(1e-12)


@dataclass(frozen=True)
class Coverage:
    """What a rasterised mesh covers of a picture.

    shape      (height, width) of the picture
    pixels     int (n,), flat indices of the covered pixels, ascending
    corners    int (3, T), the vertices of the triangles        faces  int (n,), the triangle that is seen at a pixel
    slopes     float32 (2, 2, T), how the second and third barycentric coordinate (first axis) change along x and y
    away       float32 (2, n), each pixel's x and y counted from its triangle's first corner
    """

    shape: tuple[int, int]
    pixels: np.ndarray
    corners: np.ndarray
    faces: np.ndarray
    slopes: np.ndarray
    away: np.ndarray

    def mask(self) -> np.ndarray:
        """float32 (H, W): 1 where covered."""
        covered = np.zeros(self.shape, np.float32)
        covered.ravel()[self.pixels] = 1
        return covered

    def interpolate(self, values: np.ndarray) -> np.ndarray:
        """Values (C, V) of the vertices -> float32 (C, H, W), 0 where nothing is covered."""
        picture = np.zeros((len(values), *self.shape), np.float32)
        for plane, channel in zip(picture.reshape(len(values), -1), values, strict=True):
            plane[self.pixels] = self.at_pixels(channel)
        return picture

    def at_pixels(self, channel: np.ndarray) -> np.ndarray:
        """Values (V,) of the vertices -> (n,) at `pixels`: linear over each triangle, a plane of which slope and height are
        worked out once a triangle."""
        first, second, third = channel.take(self.corners)
        second, third = second - first, third - first
        (second_x, second_y), (third_x, third_y) = self.slopes
        along_x, along_y = second * second_x + third * third_x, second * second_y + third * third_y
        result: np.ndarray = along_x.take(self.faces) * self.away[0]
        result += along_y.take(self.faces) * self.away[1]
        result += first.take(self.faces)
        return result


def rasterise(points: np.ndarray, triangles: np.ndarray, shape: tuple[int, int], *, front_only: bool = True) -> Coverage:
    """Points (V, 2) in pixels and triangles (T, 3), farthest first -> what they cover of a picture of `shape`.

    `front_only` drops the triangles that turn their back: those of negative area in the y-down picture are kept, which is
    how a mesh with outward counter-clockwise faces (y up) appears.
    """
    height, width = shape
    x, y = np.ascontiguousarray(points.T, np.float32) - np.float32(0.5)  # pixel centres are whole numbers here
    tx, ty = x.take(triangles.T), y.take(triangles.T)
    area = (tx[1] - tx[0]) * (ty[2] - ty[0]) - (tx[2] - tx[0]) * (ty[1] - ty[0])
    boxes = np.stack([*_span(tx, width), *_span(ty, height)])
    drawn = (boxes[1] >= boxes[0]) & (boxes[3] >= boxes[2]) & ((area < 0) if front_only else (area != 0))
    kept = np.flatnonzero(drawn)
    kept = kept.take(np.argsort((boxes[3] - boxes[2]).take(kept).astype(np.uint16), kind="stable"))
    tx, ty, inverse = tx.take(kept, axis=1), ty.take(kept, axis=1), 1 / area.take(kept)
    slopes = np.stack([ty[2] - ty[0], tx[0] - tx[2], ty[0] - ty[1], tx[1] - tx[0]]).reshape(2, 2, -1) * inverse
    start, length, face = _spans(boxes.take(kept, axis=1), tx[0], ty[0], slopes, width)
    pixels, faces = _seen(start, length, kept.take(face), height * width)
    place = np.empty(len(triangles), np.int64)
    place[kept] = np.arange(len(kept))
    faces = place.take(faces)
    row = pixels // width
    column, row = (pixels - row * width).astype(np.float32), row.astype(np.float32)
    away = np.stack([column - tx[0].take(faces), row - ty[0].take(faces)])
    return Coverage(shape, pixels, triangles.T.take(kept, axis=1), faces, slopes, away)


def _span(coordinate: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and last whole number within triangles with corner coordinates (3, T), clipped to the picture."""
    low = np.minimum(np.minimum(coordinate[0], coordinate[1]), coordinate[2])
    high = np.maximum(np.maximum(coordinate[0], coordinate[1]), coordinate[2])
    return np.clip(np.ceil(low), 0, length), np.clip(np.floor(high), -1, length - 1)


def _spans(
    boxes: np.ndarray, x: np.ndarray, y: np.ndarray, slopes: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles by height, with their boxes x0, x1, y0, y1 (4, T) and first corners -> the spans of their rows: flat index of
    the first pixel, how many follow it, and the triangle."""
    x0, x1, y0, y1 = boxes
    at = slopes[:, 0] * (x0 - x) + slopes[:, 1] * (y0 - y)  # both coordinates at the upper left pixel of the box
    across, down = (np.concatenate([part, -part[:1] - part[1:]]) for part in (slopes[:, 0], slopes[:, 1]))
    across += (across == 0) * _LEVEL
    crossing = (np.concatenate([at, 1 - at[:1] - at[1:]]) + SLACK) / -across  # where a coordinate is 0 in the first row
    shift = down / -across  # and how far it is from there in the next
    rises = (across > 0).astype(np.float32)
    far = _FAR * (2 * rises - 1)
    low, high = (np.minimum(crossing, far), shift * rises), (np.maximum(crossing, far), shift * (1 - rises))
    tall, wide, first = y1 - y0, x1 - x0, (y0 * np.float32(width) + x0).astype(np.int64)
    found, begin = [], 0
    for end, rows in zip([*np.searchsorted(tall, HEIGHTS), len(tall)], [*HEIGHTS, _most_rows(tall)], strict=True):
        if end > begin:
            here = np.s_[:, begin:end]
            rises_to, falls_from = [part[here] for part in low], [part[here] for part in high]
            row, face, start, length = _rows(rises_to, falls_from, tall[begin:end], wide[begin:end], rows)
            face += begin
            found.append((first.take(face) + row * width + start, length, face))
            begin = end
    parts = zip(*found, strict=True) if found else ([np.zeros(0, np.int64)],) * 3
    start, length, face = (np.concatenate(list(part)) for part in parts)
    return start, length, face


def _most_rows(tall: np.ndarray) -> int:
    """Rows of the tallest triangle."""
    return int(tall[-1]) + 1 if len(tall) else 1


def _rows(
    low: list[np.ndarray], high: list[np.ndarray], tall: np.ndarray, wide: np.ndarray, rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Triangles of up to `rows` rows: a coordinate rises above 0 at `low[0] + row * low[1]` (3, T), or falls below it at `high`.
    -> row, triangle, first pixel and number of pixels after it, of the rows that have some."""
    row = np.arange(rows, dtype=np.float32)[:, None]
    start, stop = np.zeros((rows, len(tall)), np.float32), np.broadcast_to(wide, (rows, len(tall)))
    for at, shift in zip(*low, strict=True):
        start = np.maximum(start, at + shift * row)
    for at, shift in zip(*high, strict=True):
        stop = np.minimum(stop, at + shift * row)
    start = np.ceil(start)
    length = np.floor(stop) - start
    filled = np.flatnonzero((length >= 0) & (row <= tall))
    number = filled // len(tall)
    first, more = (part.ravel().take(filled).astype(np.int64) for part in (start, length))
    return number, filled - number * len(tall), first, more


def _seen(pixels: np.ndarray, length: np.ndarray, faces: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Spans of pixels and the triangle of each -> the covered pixels, ascending, and the last triangle that covers them."""
    drawn = []
    while len(pixels):  # the first pixel of every span, then the second of those that have one ...
        drawn.append((pixels, faces))
        longer = np.flatnonzero(length)
        pixels, faces, length = pixels.take(longer) + 1, faces.take(longer), length.take(longer) - 1
    pixels, faces = (np.concatenate(part) for part in zip(*drawn, strict=True)) if drawn else (pixels, faces)
    picture = np.full(size, -1, np.int32)
    while len(pixels):  # until no nearer triangle has been overwritten by a farther one, which is after two rounds mostly
        picture[pixels] = faces
        lost = np.flatnonzero(picture.take(pixels) < faces)
        pixels, faces = pixels.take(lost), faces.take(lost)
    covered = np.flatnonzero(picture >= 0)
    return covered, picture.take(covered)
