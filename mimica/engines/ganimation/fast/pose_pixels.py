"""The last step of a turned head: the photo's pixels, sampled once along the backward flow of the grid."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.ganimation.fast.beside import halved
from mimica.engines.ganimation.fast.depth import Grid
from mimica.engines.ganimation.fast.pose_front import Front

PINNED, ROUNDED = np.float32(0.3), np.float32(0.35)
"""What comes from beyond the photo's border is taken from this share of the place's own distance from the border; the kink
between that and the free flow is rounded by the second, times the overhang."""
FREE = 10.0
"""A border that is so many times further away than anything moves is not looked at."""
LEAST, FULL = 0.02, 0.5
"""Cells: less motion is none. Pixels: from so much more on a moved pixel is the moved one."""
STRIP = 160
"""Rows that are sampled at a time: what stays in the processor's cache is fast."""
EDGE = 1.5
"""Pixels over which the outline of the front passes into what is behind it."""
SLOPE = 0.4
"""Of the front's cover at its outline, a cell (`pose_front.SOFT`)."""
APART = 0.3
"""Pixels by which front and back differ at least where the outline is drawn."""
SHARPEN = 0.2
"""An unsharp mask of 3 x 3 gives back what sampling takes of the sharpness."""
CHUNK = 30_000


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
    def of(cls, grid: Grid, shape: tuple[int, ...], motion: np.ndarray) -> Region | None:
        """What of a photo of `shape` moves, by `motion` in cells; None where nothing does."""
        moving = cv2.dilate((motion > LEAST).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
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
        result = flow
        place = (np.arange(flow.shape[axis], dtype=np.float32) + np.float32(0.5)) + np.float32(start / grid.cell)
        most = float(flow.min()), float(flow.max())
        for sign, room in ((-1, place), (1, np.float32(length / grid.cell) - place)):
            near = np.flatnonzero(room < FREE * max(1.0, sign * most[max(sign, 0)]))
            if not len(near) or sign * most[max(sign, 0)] <= 0:
                continue
            part = slice(near[0], near[-1] + 1)
            box = (slice(None), part) if axis == 1 else (part, slice(None))
            wanted, free = np.maximum(sign * flow[box], 0), np.maximum(room[part], 0.25)
            free = free if axis == 1 else free[:, None]
            result = result.copy() if result is flow else result
            result[box] -= sign * (_held(free, wanted) - (free - wanted))
        held.append(result)
    return held[0], held[1]


def _held(room: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """`room` away from the border, `wanted` nearer to it or beyond: room - wanted, but no less than PINNED x room, rounded."""
    free, least = room - wanted, PINNED * room
    result: np.ndarray = 0.5 * (free + least + np.sqrt((free - least) ** 2 + (ROUNDED * wanted) ** 2))
    return result


def sample(grid: Grid, photo: np.ndarray, flow_x: np.ndarray, flow_y: np.ndarray, front: Front | None = None) -> np.ndarray:
    """The photo, uint8 (H, W, 3), along a backward flow in cells, with the front over it. Pixels that do not move are the
    photo's, bit for bit; those that move by less than `FULL` pixels pass from it into the moved ones."""
    flow_x, flow_y = held_inside(grid, photo.shape, flow_x, flow_y)
    motion = cv2.magnitude(flow_x, flow_y)
    over = None
    if front is not None:
        over, seen = _Over.of(grid, photo, (flow_x, flow_y), front)
        motion[front.box] = cv2.max(motion[front.box], seen)
    region = Region.of(grid, photo.shape, motion)
    result = photo.copy()
    if region is None:
        return result
    cell = np.float32(grid.cell)
    moved = (motion - np.float32(LEAST)) * np.float32(cell / FULL)
    planes = flow_x * cell, flow_y * cell, np.clip(moved, 0, 1)
    rows = max(grid.cell, min(STRIP, -((region.y0 - region.y1) // 2)) // grid.cell * grid.cell)

    def strip(top: int) -> None:
        end = min(top + rows, region.y1)
        y0, y1 = max(region.y0, top - 1), min(region.y1, end + 1)  # a row more on each side, for the unsharp mask
        moved = _sampled(photo, [_fine(plane, grid, region, y0, y1) for plane in planes[:2]], over, region, y0)
        moved = moved[top - y0 : end - y0]
        place = result[top:end, region.x0 : region.x1]
        if _rows(planes[2], grid, region, top, end).min() < 1:
            share = _fine(planes[2], grid, region, top, end)
            moved = cv2.blendLinear(moved, place.copy(), share, 1 - share)
        place[...] = moved

    halved(strip, range(region.y0, region.y1, rows))
    return result


def _sampled(photo: np.ndarray, flow: list[np.ndarray], over: _Over | None, region: Region, y0: int) -> np.ndarray:
    """The rows from `y0` on along a `flow` in pixels, which is written over."""
    x, y = flow
    band = None if over is None else over.put(x, y, region, y0, y0 + len(x))
    x += np.arange(region.x0, region.x1, dtype=np.float32)
    y += np.arange(y0, y0 + len(y), dtype=np.float32)[:, None]
    strip = cv2.remap(photo, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if band is not None:
        band.blend(strip, photo)
    sharper: np.ndarray = cv2.addWeighted(strip, 1 + SHARPEN, cv2.GaussianBlur(strip, (3, 3), 0), -SHARPEN, 0)
    return sharper


def _rows(plane: np.ndarray, grid: Grid, region: Region, y0: int, y1: int) -> np.ndarray:
    """Those cells of a map that the photo's rows y0..y1 need, of the region's columns."""
    return plane[_first(grid, y0) : min(-((grid.top - y1) // grid.cell) + 1, len(plane)), region.i0 : region.i1]


def _first(grid: Grid, y0: int) -> int:
    return max((y0 - grid.top) // grid.cell - 1, 0)


def _fine(plane: np.ndarray, grid: Grid, region: Region, y0: int, y1: int) -> np.ndarray:
    """A map of the grid at the photo's pixels, the region's columns and the rows y0..y1. (One plane at a time: to split what was
    enlarged together takes longer.)"""
    part = _rows(plane, grid, region, y0, y1)
    fine = cv2.resize(part, None, fx=grid.cell, fy=grid.cell, interpolation=cv2.INTER_LINEAR)
    up, left = y0 - (grid.top + _first(grid, y0) * grid.cell), region.x0 - (grid.left + region.i0 * grid.cell)
    return fine[up : up + y1 - y0, left : left + region.x1 - region.x0]


@dataclass(frozen=True)
class _Over:
    """The front, in pixels, as far as it differs from what is behind it: `planes`, its flow (x, y) and its cover on the part of
    the grid that is its box, of which `region` counts, and how far apart both are."""

    grid: Grid
    region: Region
    planes: tuple[np.ndarray, ...]

    @classmethod
    def of(
        cls, grid: Grid, photo: np.ndarray, flow: tuple[np.ndarray, np.ndarray], front: Front
    ) -> tuple[_Over | None, np.ndarray]:
        """None where the front is nowhere seen; and how far what is seen of it has moved, in cells, over its box."""
        cell, there, cover = np.float32(grid.cell), grid.part(front.box), front.cover[front.box]
        x, y = held_inside(there, photo.shape, front.flow_x[front.box], front.flow_y[front.box])
        apart = cv2.magnitude(x - flow[0][front.box], y - flow[1][front.box]) * cell
        seen = (cover > 0.01).astype(np.float32)
        region = Region.of(there, photo.shape, seen * apart * np.float32(LEAST / APART))
        over = None if region is None else cls(there, region, (x * cell, y * cell, cover, apart))
        return over, seen * cv2.magnitude(x, y)

    def put(self, x: np.ndarray, y: np.ndarray, region: Region, y0: int, y1: int) -> _Band | None:
        """Writes the front's flow over that of a strip, rows y0..y1 and the columns of `region`, in place; gives back its outline
        there."""
        top, bottom = max(y0, self.region.y0), min(y1, self.region.y1)
        if top >= bottom:
            return None
        left, right = self.region.x0, self.region.x1
        here = np.s_[top - y0 : bottom - y0, left - region.x0 : right - region.x0]
        front_x, front_y, cover, apart = (_fine(plane, self.grid, self.region, top, bottom) for plane in self.planes)
        seen = (cover - np.float32(0.5)) * np.float32(self.grid.cell / (SLOPE * EDGE)) + np.float32(0.5)
        back_x, back_y = x[here], y[here]
        over = seen >= 0.5
        edge = cv2.bitwise_and(cv2.inRange(seen, 1e-6, 1 - 1e-6), cv2.inRange(apart, APART, 1e9))
        rows, columns = at = np.nonzero(edge)
        share = np.where(over[at], 1 - seen[at], seen[at])  # of the one that is not drawn in the strip
        x, y = (np.where(over[at], back[at], front[at]) for back, front in ((back_x, front_x), (back_y, front_y)))
        other = np.stack([x + columns + left, y + rows + top])
        np.copyto(back_x, front_x, where=over)
        np.copyto(back_y, front_y, where=over)
        return _Band(rows + (top - y0), columns + (left - region.x0), other.astype(np.float32), share.astype(np.float32))


@dataclass(frozen=True)
class _Band:
    """Pixels of a strip (`rows`, `columns`) on the outline, where the `other` of front and back comes from there (2, n), and its
    `share`."""

    rows: np.ndarray
    columns: np.ndarray
    other: np.ndarray
    share: np.ndarray

    def blend(self, strip: np.ndarray, photo: np.ndarray) -> None:
        """Mixes the other in, in place."""
        for start in range(0, len(self.rows), CHUNK):  # remap wants fewer than 2^15 rows
            part = slice(start, start + CHUNK)
            x, y = (np.ascontiguousarray(plane[part, None]) for plane in self.other)
            other = cv2.remap(photo, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)[:, 0].astype(np.float32)
            at = self.rows[part], self.columns[part]
            mixed = strip[at] + self.share[part, None] * (other - strip[at])
            strip[at] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
