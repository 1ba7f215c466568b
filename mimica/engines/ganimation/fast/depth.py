"""How deep everything around a head lies, and how far it goes along when the head turns: maps on a coarse grid.

The depth of the fitted head is drawn (`mimica.face.head`), its holes are closed, and its slopes are bounded: a warp stretches by
1 + slope sin(turn) on the side that comes into sight. Bounded are the upper envelope (fronts reach out, noses keep their length)
and the lower one (sides reach in), mixed by the distance from the outline. The side that turns away is drawn from the head itself
(`pose_front`). Depth 0 is the coronal plane through the pivot, so a yaw leaves the outline of the head nearly where it is.

All lengths are shares of the side of the tight crop, in the camera axes of `mimica.face.head`; a cell of the grid is a whole
number of the photo's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.face import raster
from mimica.face.head import LANDMARKS, Head

REGION = (-1.30, -1.25, 1.30, 1.65)
"""Left, top, right and bottom of the grid."""
MOST_CELLS = 72
"""Cells over a side, at most."""
BORDER = 0.25
"""Towards the grid's border motion falls to 0 over this."""

SLOPE, BLUR = 1.8, 0.018
"""The greatest slope on the side that comes into sight, and the blur of the map."""
UPPER = 0.2
"""The share of the upper envelope at the outline; from `RIM` inside it is all."""
RIM = 0.35
CALM = 0.06
"""So far outside the outline depth has come to 0: hair and what is beside the head lies in the plane of its outline."""
OUTLINE = 0.18
"""Above the eyes, so far inside the outline, the head narrows by the cosine of the turn as any plane does; at the outline
itself not at all: a ball's does not shrink."""
CROWN = (0.05, 0.35)

HAIR_SIDE, HAIR_TOP = 1.14, 1.30
"""The outline of the skull, grown by these, is all that moves with it: hair."""
FALL, FALL_DOWN = 0.60, 0.46
"""Beyond that motion falls to 0 over so much; below the chin over less, since shoulders stay."""
SOFT = 0.03
OTHERS, OTHERS_FALL = 1.35, 0.3
"""The hull of another face's landmarks, grown by the first, stays where it is; over the second motion comes back."""
HOLE = 25
"""Cells: holes of the head's picture (eyes, mouth) are at most so wide."""


@dataclass(frozen=True)
class Grid:
    """left, top   pixels of the photo, may lie outside it      cell   pixels of a cell      cells   cells over a side, float
    x, y        float32 (rows, columns), the centres of the cells
    """

    left: int
    top: int
    cell: int
    cells: float
    x: np.ndarray
    y: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.shape[0], self.x.shape[1]

    def part(self, box: tuple[slice, slice]) -> Grid:
        """Some of its rows and columns."""
        row, column = (side.indices(length)[0] for side, length in zip(box, self.shape, strict=True))
        left, top = self.left + column * self.cell, self.top + row * self.cell
        return Grid(left, top, self.cell, self.cells, self.x[box], self.y[box])

    def points(self, places: np.ndarray) -> np.ndarray:
        """(..., 2) in shares -> cells from the grid's corner."""
        corner = np.array([self.x[0, 0], self.y[0, 0]]) - 0.5 / self.cells
        found: np.ndarray = (places - corner) * self.cells
        return found

    def filled(self, hull: np.ndarray) -> np.ndarray:
        """uint8, 1 within the polygon (n, 2)."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [np.round((self.points(hull) - 0.5) * 16).astype(np.int32)], 1, shift=4)
        return mask

    def outside(self, mask: np.ndarray) -> np.ndarray:
        """float32, how far each cell is from those of `mask`, in shares."""
        away: np.ndarray = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, 5) * np.float32(1 / self.cells)
        return away


def make_grid(head: Head) -> Grid:
    """The grid around a head."""
    x0, y0, x1, y1 = REGION
    cell = max(1, int(np.ceil(head.side / MOST_CELLS)))
    cells = head.side / cell
    columns, rows = int((x1 - x0) * cells), int((y1 - y0) * cells)
    left, top = (int(v) for v in np.round(head.in_photo(np.array([x0, y0]))))
    corner = head.from_photo(np.array([left, top]))
    x, y = ((np.arange(n) + 0.5) / cells + start for n, start in zip((columns, rows), corner, strict=True))
    planes = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return Grid(left, top, cell, cells, *planes)


@dataclass(frozen=True)
class Relief:
    """Maps of a grid, float32.

    solid       the head's own depth towards the viewer, 0 beside it
    depth       the same with bounded slopes, continued outside the head
    inner       in [0, 1], how much of the cosine's narrowing is shown
    weight      in [0, 1], how far each place goes along with the head
    """

    solid: np.ndarray
    depth: np.ndarray
    inner: np.ndarray
    weight: np.ndarray

    def part(self, box: tuple[slice, slice]) -> Relief:
        """Some of the rows and columns."""
        return Relief(self.solid[box], self.depth[box], self.inner[box], self.weight[box])


def relief(head: Head, grid: Grid, others: Sequence[np.ndarray] = (), flat: np.ndarray | None = None) -> Relief:
    """The maps of a head. `others`: landmarks (68, 2) of the other faces of the photo; `flat`: a hull (n, 2) within which depth
    is a plane (glasses, whose rims then stay straight); both in shares."""
    known, depth = _solid_depth(head, grid)
    deep, away = grid.outside(~known), grid.outside(known)
    bounded = _bounded(depth, known, deep, away, grid, flat)
    up = _up(head)
    above = smoothstep((grid.x * up[0] + grid.y * up[1] - CROWN[0]) / CROWN[1])
    inner = 1 - above * (1 - smoothstep(deep / OUTLINE))
    return Relief(depth, bounded, inner.astype(np.float32), _weight(head, grid, others))


def smoothstep(t: np.ndarray) -> np.ndarray:
    """3 t^2 - 2 t^3 of t clipped to [0, 1]."""
    t = np.clip(t, 0, 1)
    result: np.ndarray = t * t * (3 - 2 * t)
    return result


def _solid_depth(head: Head, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """bool, where the head is, and its depth there, holes closed; 0 elsewhere."""
    depth = head.vertices[:, 2] - head.pivot[2]
    triangles = head.model.triangles
    order = np.argsort(depth[triangles].mean(axis=1))
    cover = raster.rasterise(grid.points(head.vertices[:, :2]), triangles[order], grid.shape)
    drawn, share = cover.interpolate(depth[None].astype(np.float32))[0], cover.mask()
    solid = cv2.morphologyEx(share, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (HOLE, HOLE)))
    for reach in (2, 4, 8):
        values, amount = (cv2.GaussianBlur(plane, (0, 0), reach) for plane in (drawn, share))
        hole = (solid > 0) & (share == 0) & (amount > 0.05)
        drawn[hole], share[hole] = values[hole] / amount[hole], 1
    return share > 0, drawn


def _bounded(
    depth: np.ndarray,
    known: np.ndarray,
    deep: np.ndarray,
    away: np.ndarray,
    grid: Grid,
    flat: np.ndarray | None,
) -> np.ndarray:
    """The depth with slopes of at most `SLOPE`, continued outside the head."""
    nowhere = np.float32(-9)
    high = envelope(np.where(known, depth, nowhere), SLOPE / grid.cells)
    low = -envelope(np.where(known, -depth, nowhere), SLOPE / grid.cells)
    share = np.where(known, UPPER + (1 - UPPER) * smoothstep(deep / RIM), 0.5).astype(np.float32)
    mixed = low + share * (high - low)
    mixed *= 1 - smoothstep(away / CALM)
    mixed = 0.5 * (envelope(mixed, SLOPE / grid.cells) - envelope(-mixed, SLOPE / grid.cells))
    if flat is not None:
        mixed = _flattened(mixed, grid, flat)
    return cv2.GaussianBlur(mixed, (0, 0), BLUR * grid.cells)


def envelope(depth: np.ndarray, slope: float) -> np.ndarray:
    """The least map above `depth` that changes by `slope` a cell at most along rows and along columns (two running maxima
    each)."""
    for axis in (1, 0):
        ramp = np.float32(slope) * np.arange(depth.shape[axis], dtype=np.float32)
        ramp = ramp[:, None] if axis == 0 else ramp
        ahead = np.maximum.accumulate(depth + ramp, axis=axis) - ramp
        behind = np.flip(np.maximum.accumulate(np.flip(depth - ramp, axis), axis=axis), axis) + ramp
        depth = np.maximum(ahead, behind)
    return depth


def hull_share(grid: Grid, hull: np.ndarray) -> np.ndarray:
    """float32: 1 within the convex hull of (n, 2) shares, with soft edges."""
    mask = grid.filled(cv2.convexHull(hull.astype(np.float32))[:, 0])
    share: np.ndarray = cv2.GaussianBlur(cv2.dilate(mask, np.ones((5, 5), np.uint8)).astype(np.float32), (0, 0), 3)
    return share


def _flattened(depth: np.ndarray, grid: Grid, hull: np.ndarray) -> np.ndarray:
    """The best plane within the hull, blended in."""
    mask = grid.filled(cv2.convexHull(hull.astype(np.float32))[:, 0])
    inside = mask > 0
    if inside.sum() < 3:
        return depth
    columns = np.stack([np.ones(int(inside.sum())), grid.x[inside], grid.y[inside]], axis=1)
    level, across, down = np.linalg.lstsq(columns, depth[inside], rcond=None)[0].astype(np.float32)
    result: np.ndarray = depth + hull_share(grid, hull) * (level + across * grid.x + down * grid.y - depth)
    return result


def _up(head: Head) -> np.ndarray:
    """(2,), the direction of the head's crown in the picture."""
    up = head.rotation[:2, 1] * [1, -1]
    direction: np.ndarray = up / np.hypot(*up)
    return direction


def _weight(head: Head, grid: Grid, others: Sequence[np.ndarray]) -> np.ndarray:
    skull = ~head.model.is_neck
    hull = cv2.convexHull(head.vertices[skull, :2].astype(np.float32))[:, 0]
    face = head.vertices[-LANDMARKS:, :2]
    centre, up = (face[36:48].mean(axis=0) + face[27]) / 2, _up(head)
    side = np.array([-up[1], up[0]])
    along, across = (hull - centre) @ up, (hull - centre) @ side
    along = np.where(along > 0, along * HAIR_TOP, along)
    grown = centre + np.outer(across * HAIR_SIDE, side) + np.outer(along, up)
    below = np.clip(-((grid.x - centre[0]) * up[0] + (grid.y - centre[1]) * up[1]) / 0.6, 0, 1)
    away = grid.outside(grid.filled(grown))
    weight = (1 - smoothstep(away / (FALL + (FALL_DOWN - FALL) * below))).astype(np.float32)
    weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), SOFT * grid.cells), np.float32)
    for other in others:
        hull = cv2.convexHull(np.asarray(other, np.float32))[:, 0]
        middle = hull.mean(axis=0)
        weight *= smoothstep(grid.outside(grid.filled(middle + (hull - middle) * OTHERS)) / OTHERS_FALL)
    half = 0.5 / grid.cells
    edge = np.minimum(
        np.minimum(grid.x - grid.x[0, 0], grid.x[0, -1] - grid.x), np.minimum(grid.y - grid.y[0, 0], grid.y[-1, 0] - grid.y)
    )
    weight *= smoothstep((edge - half) / BORDER)
    return weight
