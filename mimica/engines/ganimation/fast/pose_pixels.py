"""The last step of a turned head: the photo's pixels, sampled once along the backward flow of the grid."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.ganimation.fast.depth import Grid, smoothstep

PINNED, ROUNDED = np.float32(0.3), np.float32(0.35)
"""What comes from beyond the photo's border is taken from this share of the place's own distance from the border; the kink
between that and the free flow is rounded by the second, times the overhang."""
LEAST, FULL = 0.02, 0.5
"""Cells: less motion is none. Pixels: from so much more on a moved pixel is the moved one."""
STRIP = 160
"""Rows that are sampled at a time: what stays in the processor's cache is fast."""
CROWDED = (2.2, 0.6)
"""From so many source pixels for one on, over the next so many, what is pressed together is cut."""
BESIDE, SEAM = 3.0, 0.4
"""Cells: what lies so far beside a place is no more pressed. The share of a cut's width over which its two sides pass into each
other."""
SHARPEN = 0.2
"""An unsharp mask of 3 x 3 gives back what sampling takes of the sharpness."""
CHUNK = 30_000
FAINT = 0.02
"""A cut that counts less is none."""


@dataclass(frozen=True)
class Region:
    """Cells i0..i1 x j0..j1 of the grid that move, and the photo's columns x0..x1 and rows y0..y1 that they cover; `skip_x`:
    columns of these cells that lie left of the photo."""

    i0: int
    i1: int
    j0: int
    j1: int
    x0: int
    x1: int
    y0: int
    y1: int

    @classmethod
    def of(cls, grid: Grid, shape: tuple[int, ...], flow_x: np.ndarray, flow_y: np.ndarray) -> Region | None:
        """What of a photo of `shape` moves; None where nothing does."""
        moving = cv2.dilate((cv2.magnitude(flow_x, flow_y) > LEAST).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        columns, rows = np.flatnonzero(moving.any(axis=0)), np.flatnonzero(moving.any(axis=1))
        if not len(columns):
            return None
        i0, i1 = max(int(columns[0]), -grid.left // grid.cell), min(int(columns[-1]) + 1, -((grid.left - shape[1]) // grid.cell))
        j0, j1 = max(int(rows[0]), -grid.top // grid.cell), min(int(rows[-1]) + 1, -((grid.top - shape[0]) // grid.cell))
        if i1 <= i0 or j1 <= j0:
            return None
        x0, x1 = max(0, grid.left + i0 * grid.cell), min(shape[1], grid.left + i1 * grid.cell)
        y0, y1 = max(0, grid.top + j0 * grid.cell), min(shape[0], grid.top + j1 * grid.cell)
        return cls(i0, i1, j0, j1, x0, x1, y0, y1)


def held_inside(grid: Grid, shape: tuple[int, ...], flow_x: np.ndarray, flow_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same backward flow (cells), but nothing comes from beyond the border of a photo of `shape`: its last strip is
    stretched, evenly, in place of a mirror image or a hole. What is further in stays rigid."""
    held = []
    for flow, axis, start, length in ((flow_x, 1, grid.left, shape[1]), (flow_y, 0, grid.top, shape[0])):
        place = (np.arange(flow.shape[axis], dtype=np.float32) + np.float32(0.5)) + np.float32(start / grid.cell)
        low, high = np.maximum(place, 0.25), np.maximum(np.float32(length / grid.cell) - place, 0.25)
        if axis == 0:
            low, high = low[:, None], high[:, None]
        before = _held(low, -np.minimum(flow, 0)) - low
        held.append(before + high - _held(high, np.maximum(flow, 0)))
    return held[0], held[1]


def _held(room: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """`room` away from the border, `wanted` nearer to it or beyond: room - wanted, but no less than PINNED x room, rounded."""
    free, least = room - wanted, PINNED * room
    result: np.ndarray = 0.5 * (free + least + np.sqrt((free - least) ** 2 + (ROUNDED * wanted) ** 2))
    return result


def sample(
    grid: Grid,
    photo: np.ndarray,
    flow_x: np.ndarray,
    flow_y: np.ndarray,
    axis: tuple[float, float] = (0.0, 0.0),
    rim: np.ndarray | None = None,
) -> np.ndarray:
    """The photo, uint8 (H, W, 3), along a backward flow in cells; `axis` is the direction in which the front of the head moves,
    `rim` the map of `Relief`. Pixels that do not move are the photo's, bit for bit; those that move by less than `FULL` pixels
    pass from it into the moved ones."""
    flow_x, flow_y = held_inside(grid, photo.shape, flow_x, flow_y)
    region = Region.of(grid, photo.shape, flow_x, flow_y)
    result = photo.copy()
    if region is None:
        return result
    crowd = None if rim is None else _Crowd.of(grid, photo, (flow_x, flow_y), axis, rim)
    cell = np.float32(grid.cell)
    moved = (cv2.magnitude(flow_x, flow_y) - np.float32(LEAST)) * np.float32(cell / FULL)
    planes = cv2.merge([flow_x * cell, flow_y * cell, np.clip(moved, 0, 1)])
    rows = max(grid.cell, STRIP // grid.cell * grid.cell)
    for top in range(region.y0, region.y1, rows):
        y0, y1 = max(region.y0, top - 1), min(region.y1, top + rows + 1)  # a row more on each side, for the unsharp mask
        x, y, share = cv2.split(_fine(planes, grid, region, y0, y1))
        x += np.arange(region.x0, region.x1, dtype=np.float32)
        y += np.arange(y0, y1, dtype=np.float32)[:, None]
        strip = cv2.remap(photo, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        if crowd is not None:
            crowd.cut(strip, x, y, region.x0, y0)
        strip = cv2.addWeighted(strip, 1 + SHARPEN, cv2.GaussianBlur(strip, (3, 3), 0), -SHARPEN, 0)
        end = min(top + rows, region.y1)
        place, strip, share = result[top:end, region.x0 : region.x1], strip[top - y0 : end - y0], share[top - y0 : end - y0]
        place[...] = strip if share.min() >= 1 else cv2.blendLinear(strip, place.copy(), share, 1 - share)
    return result


def _fine(planes: np.ndarray, grid: Grid, region: Region, y0: int, y1: int) -> np.ndarray:
    """Maps of the grid at the photo's pixels, the region's columns and the rows y0..y1."""
    j0, j1 = max((y0 - grid.top) // grid.cell - 1, 0), min(-((grid.top - y1) // grid.cell) + 1, len(planes))
    fine = cv2.resize(planes[j0:j1, region.i0 : region.i1], None, fx=grid.cell, fy=grid.cell, interpolation=cv2.INTER_LINEAR)
    up, left = y0 - (grid.top + j0 * grid.cell), region.x0 - (grid.left + region.i0 * grid.cell)
    return fine[up : up + y1 - y0, left : left + region.x1 - region.x0]


@dataclass(frozen=True)
class _Crowd:
    """Where the picture is pressed together: a band beside the far outline of a turned head (its ear, hair, their shadow),
    which would be drawn as a dark line. The band is cut instead: up to its middle the picture goes on as it comes from inside,
    then as from outside.

    sides  float32 (rows, columns, 4): the flow `BESIDE` cells back along the motion, and ahead, in pixels
    share  float32 (rows, columns): how fully the cut counts
    axis   float32 (2,), the direction of the motion
    """

    grid: Grid
    photo: np.ndarray
    sides: np.ndarray
    share: np.ndarray
    axis: np.ndarray

    @classmethod
    def of(
        cls, grid: Grid, photo: np.ndarray, flow: tuple[np.ndarray, np.ndarray], axis: tuple[float, float], rim: np.ndarray
    ) -> _Crowd | None:
        """None where nothing is pressed."""
        (flow_x, flow_y), (y, x) = flow, np.indices(rim.shape, np.float32)
        across, down = np.ones_like(flow_x), np.ones_like(flow_y)
        across[:, 1:-1] += (flow_x[:, 2:] - flow_x[:, :-2]) * np.float32(0.5)
        down[1:-1] += (flow_y[2:] - flow_y[:-2]) * np.float32(0.5)
        share = np.clip((np.maximum(across, down) - CROWDED[0]) / CROWDED[1], 0, 1)
        if axis == (0.0, 0.0) or not share.any():
            return None
        share = cv2.blur(cv2.dilate(share, np.ones((3, 3), np.uint8)), (3, 3)) * _at(rim, x + flow_x, y + flow_y)
        pixels, way = cv2.merge([flow_x, flow_y]) * np.float32(grid.cell), np.array(axis, np.float32)
        shifts = [np.float32(far) * way for far in (-BESIDE, BESIDE)]
        sides = [_at(pixels, np.add(x, right), np.add(y, down)) for right, down in shifts]
        return cls(grid, photo, np.dstack(sides), share, way)

    def cut(self, strip: np.ndarray, x: np.ndarray, y: np.ndarray, x0: int, y0: int) -> None:
        """Draws what of the band lies in a strip, in place, whose first pixel is (x0, y0) and which was sampled at x, y."""
        cell, (height, width) = self.grid.cell, x.shape
        rows, columns = np.nonzero(self.share > FAINT)
        top, left, step = self.grid.top + rows * cell - y0, self.grid.left + columns * cell - x0, np.arange(cell)
        here = (top + cell > 0) & (top < height)
        px = np.repeat(left[here][:, None] + step, cell, axis=0).ravel()
        py = np.repeat((top[here])[:, None] + step, cell, axis=1).ravel()
        kept = (px >= 0) & (py >= 0) & (px < width) & (py < height)
        px, py = px[kept], py[kept]
        for start in range(0, len(px), CHUNK):  # remap wants fewer than 2^15 rows
            i, j = py[start : start + CHUNK], px[start : start + CHUNK]
            band, share = self._band(np.stack([j + x0, i + y0], axis=1), np.stack([x[i, j], y[i, j]], axis=1))
            old = strip[i, j].astype(np.float32)
            strip[i, j] = np.clip(old + share * (band - old) + 0.5, 0, 255).astype(np.uint8)

    def _band(self, place: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (n, 2) and where they come from -> their colours when the band is cut (n, 3), and how fully that counts (n,
        1)."""
        corner = [self.grid.left, self.grid.top]
        at = ((place + 0.5 - corner) / self.grid.cell - 0.5).astype(np.float32)
        sides = _at(self.sides, at[:, :1], at[:, 1:])[:, 0]
        inside, outside = (np.asarray(place + sides[:, i : i + 2], np.float32) for i in (0, 2))
        whole = (outside - inside) @ self.axis
        passed = ((source - inside) @ self.axis) / np.where(np.abs(whole) < 1, 1, whole)
        part = smoothstep((passed - 0.5) / SEAM + 0.5)[:, None]
        colours = [_at(self.photo, p[:, :1], p[:, 1:])[:, 0].astype(np.float32) for p in (inside, outside)]
        return colours[0] + part * (colours[1] - colours[0]), _at(self.share, at[:, :1], at[:, 1:])


def _at(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`picture` at places counted from pixel centres, (h, w) each."""
    x, y = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
    return cv2.remap(np.ascontiguousarray(picture), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
