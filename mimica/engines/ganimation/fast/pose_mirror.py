"""What a turn of the head uncovers, filled from the other side of the face.

A photo that shows a head turned shows one side of it badly or not at all; turned back, that side would be the little that is seen
of it, stretched. Where the head's other side was seen better, its mirror image is drawn over the stretched one: the fitted head
says which point is whose mirror image (`mimica.face.head`) and how obliquely each was seen. The light of both sides is compared
where both are seen well, and what is brought over is made as light as its neighbourhood. A photo that faces the camera sees both
sides equally badly, so that nothing is to be had from a mirror, and nothing is computed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.ganimation.fast.depth import Grid, smoothstep
from mimica.engines.ganimation.fast.pose_flow import Mirror, Scene, Skin, Turn
from mimica.face import raster
from mimica.face.head import LANDMARKS, Head

SIDEWAYS = (0.08, 0.16)
"""Sine of the angle by which the photo shows the head turned to a side: below the first both sides are seen alike."""
BETTER = (0.10, 0.35)
"""By how much the cosine at which the mirror image was seen is greater than the point's own: it counts from the first on, from
the second on fully."""
WELL = (0.25, 0.5)
"""Cosines from which on the mirror image is seen well enough."""
OBLIQUE = (0.35, 0.60)
"""Points that the photo shows at cosines of the second and more need no mirror."""
UNCOVERED = (0.02, 0.20)
"""By how much the turn raises a point's own cosine: what it does not uncover stays as it is."""
BOTH = 0.3
"""Where both sides are seen at this cosine and more, their light is compared,"""
NEIGHBOURS = 0.08
"""over about so much (shares of the side)."""
UNLIKE = (0.4, 0.8)
"""Logarithm of the light of one side over that of the other: from the first on the mirror image fades, from the second on it is
not used."""
ODD = 0.1
"""Logarithm: places that differ so much more from their mirror images than their neighbours do count half for it."""
SURE = (0.15, 0.4)
"""Where they count for less than this on average, the two sides are not alike: as `UNLIKE`."""
FAINT = 0.01
"""Less of it than this is not drawn."""
CALM, DARK = 1.5, 4.0
"""Cells: light is compared of places so wide; values of 255 that are hardly told from black."""
FADE, MARGIN = 1.0, 6
"""Cells over which the mirror image passes into the stretched one, and by which its maps are continued."""


def mirror_of(head: Head, skin: Skin) -> Mirror | None:
    """None where no side is seen so much better than the other that it could help it out."""
    vertices, skull = head.vertices[:-LANDMARKS], ~head.model.is_neck[:-LANDMARKS]
    triangles = head.model.triangles[skull[head.model.triangles].all(axis=1)]
    normals = _normals(vertices, triangles)
    image, along = _images(head, vertices)
    seen, other, below = normals[:, 2], normals[along, 2], skin.below[: len(vertices)]
    gain = _step(other - seen, BETTER) * _step(other, WELL) * (1 - _step(seen, OBLIQUE)) * below
    gain *= _step(np.abs(head.rotation[2, 0]), SIDEWAYS)
    triangles = triangles[(gain[triangles] > 0).any(axis=1)]
    lit = np.flatnonzero((seen > BOTH) & (other > BOTH) & skull & (below > 0.99))
    if not len(triangles) or not len(lit):
        return None
    used, numbers = np.unique(triangles, return_inverse=True)
    near, lit_near = (_neighbours(vertices[some, :2], vertices[lit, :2]) for some in (used, lit))
    image = (image - head.pivot[:2]).astype(np.float32)
    drawn = normals[used].astype(np.float32), numbers.reshape(-1, 3), gain[used].astype(np.float32)
    return Mirror(used, lit, along[used], along[lit], image[used], image[lit], *drawn, near, lit_near)


def _neighbours(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """float32 (n, m): weights of the points (m, 2) that lie near each of (n, 2), their sum 1."""
    apart = ((points[:, None] - others) ** 2).sum(axis=-1)
    near = np.exp(-(apart - apart.min(axis=1, keepdims=True)) / (2 * NEIGHBOURS**2))
    weights: np.ndarray = (near / near.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


def _step(values: np.ndarray | np.floating, ends: tuple[float, float]) -> np.ndarray:
    return smoothstep((np.asarray(values) - ends[0]) / (ends[1] - ends[0]))


def _normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V, 3), unit, camera axes (y down), z to the viewer."""
    corners = vertices[triangles]
    faces = -np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in triangles.T:
        np.add.at(normals, corner, faces)
    unit: np.ndarray = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return unit


def _images(head: Head, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the mirror images of vertices (V, 3) are in the picture (V, 2), and which vertex is nearest to each."""
    shaped = head.shaped[:-LANDMARKS]
    mirrored = shaped * [-1, 1, 1]
    points, others = shaped.astype(np.float32), mirrored.astype(np.float32)
    along = ((points**2).sum(axis=1) - 2 * others @ points.T).argmin(axis=1)
    rest = (vertices - head.placed(shaped))[along]  # what the fit left there is the same in the picture
    return (head.placed(mirrored) + rest)[:, :2], along


@dataclass(frozen=True)
class Filling:
    """Maps of some cells of the grid, whose upper left corner is the frame's pixel (`left`, `top`): `place_x`, `place_y` float32
    (h, w), the frame's pixels that show the mirror image; `share` in [0, 1], how far it counts; `light` (h, w, 3), its gain."""

    left: int
    top: int
    cell: int
    place_x: np.ndarray
    place_y: np.ndarray
    share: np.ndarray
    light: np.ndarray


def fill(scene: Scene, turn: Turn, frame: np.ndarray, expression: np.ndarray | None) -> Filling | None:
    """What is drawn over a turned frame, uint8 (H, W, 3); None where nothing is. The scene is in the frame's
    pixels, `expression` as in `pose_front.draw`."""
    mirror, skin, m = scene.mirror, scene.skin, turn.matrix
    if mirror is None:
        return None
    nx, ny, nz = mirror.normals.T
    share = mirror.gain * _step(m[2, 0] * nx - m[2, 1] * ny + (m[2, 2] - 1) * nz, UNCOVERED)
    triangles = mirror.triangles[(share[mirror.triangles] > 0).any(axis=1)]
    if not len(triangles):
        return None
    points, moved = skin.points, np.zeros((len(skin.points), 2), np.float32)
    if expression is not None:
        moved = skin.spread @ expression.astype(np.float32)
    image, lit_image = mirror.image + moved[mirror.along], mirror.lit_image + moved[mirror.lit_along]
    light, alike = _light(scene, points[mirror.lit, :2] + moved[mirror.lit], lit_image, frame)
    x, y, z = points[mirror.used].T
    x, y = x + moved[mirror.used, 0], y + moved[mirror.used, 1]
    weight = skin.weight[mirror.used]
    dx, dy = turn.out_of_plane(x, y, z, weight, np.float32(1))
    place = _cells(scene, np.stack(turn.in_plane(x + dx, y + dy, weight), axis=1))
    depth = m[2, 0] * x - m[2, 1] * y + m[2, 2] * z
    triangles = triangles[np.argsort(depth[triangles].sum(axis=1))]
    return _filling(scene.grid, place, triangles, _cells(scene, image), share * alike, light)


def _cells(scene: Scene, places: np.ndarray) -> np.ndarray:
    """(n, 2), shares about the pivot -> cells from the grid's corner."""
    cells = np.float32(scene.grid.cells)
    corner = np.array([scene.x[0, 0], scene.y[0, 0]], np.float32) - np.float32(0.5) / cells
    found: np.ndarray = (places - corner) * cells
    return found


def _light(scene: Scene, points: np.ndarray, image: np.ndarray, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much the side of each of the mirror's V points is lighter than its mirror image's, float32 (V, 3), and how far they
    may be compared at all, (V,) in [0, 1]; by what is seen at `points` (n, 2) and at their `image`, shares about the pivot."""
    mirror, grid = scene.mirror, scene.grid
    assert mirror is not None
    sides = [_cells(scene, places) for places in (points, image)]
    low = np.floor(np.min(sides, axis=(0, 1))).astype(int) - 2
    high = np.ceil(np.max(sides, axis=(0, 1))).astype(int) + 2
    x0, y0 = (int(v) for v in np.maximum([grid.left, grid.top] + low * grid.cell, 0))
    x1, y1 = (int(v) for v in np.minimum([grid.left, grid.top] + high * grid.cell, frame.shape[1::-1]))
    small = cv2.resize(frame[y0:y1, x0:x1], None, fx=1 / grid.cell, fy=1 / grid.cell, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small.astype(np.float32), (0, 0), CALM)
    start = np.array([x0 - grid.left, y0 - grid.top], np.float32) / np.float32(grid.cell) + np.float32(0.5)
    own, other = (cv2.remap(small, *_planes(side - start), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for side in sides)
    ratio: np.ndarray = np.log((own[:, 0] + DARK) / (other[:, 0] + DARK))
    odd = np.abs(ratio - mirror.lit_near @ ratio).max(axis=1)  # hair over one side, a shadow's edge
    trusted = 1 / (1 + (odd / ODD) ** 2)
    sure = mirror.near @ trusted
    ratio = mirror.near @ (ratio * trusted[:, None]) / sure[:, None]
    alike: np.ndarray = _step(sure, SURE) * (1 - _step(np.abs(ratio).max(axis=1), UNLIKE))
    return np.exp(ratio), alike


def _planes(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) -> x and y as OpenCV wants them, (n, 1) each."""
    x, y = (np.ascontiguousarray(part[:, None], np.float32) for part in points.T)
    return x, y


def _filling(
    grid: Grid, place: np.ndarray, triangles: np.ndarray, image: np.ndarray, share: np.ndarray, light: np.ndarray
) -> Filling | None:
    """The triangles drawn at `place` (cells), each map continued over some cells beyond what they cover."""
    used = place[triangles]
    low = np.maximum(np.floor(used.min(axis=(0, 1))).astype(int) - MARGIN, 0)
    high = np.minimum(np.ceil(used.max(axis=(0, 1))).astype(int) + MARGIN, grid.shape[::-1])
    if (high <= low).any():
        return None
    cover = raster.rasterise(place - low, triangles, (int(high[1] - low[1]), int(high[0] - low[0])))
    mask = cover.mask()
    drawn = cover.interpolate(np.concatenate([image.T, light.T, share[None]]).astype(np.float32))
    spread = cv2.GaussianBlur(mask, (0, 0), FADE)
    known = np.maximum(spread, 1e-3)
    x, y, *tones = (np.where(mask > 0, plane, cv2.GaussianBlur(plane, (0, 0), FADE) / known) for plane in drawn[:5])
    fading = cv2.GaussianBlur(drawn[5] * _step(spread, (0.5, 0.95)), (0, 0), 1.0)
    if fading.max() < FAINT:
        return None
    x, y = (plane * grid.cell + (start - 0.5) for plane, start in ((x, grid.left), (y, grid.top)))
    left, top = (int(v) for v in low * grid.cell + [grid.left, grid.top])
    return Filling(left, top, grid.cell, *(plane.astype(np.float32) for plane in (x, y, fading, np.stack(tones, axis=-1))))


def lay(result: np.ndarray, frame: np.ndarray, filling: Filling) -> None:
    """Draws it over the turned frame, in place. What comes from beyond the frame's border is not drawn."""
    scale, height, width = filling.cell, *frame.shape[:2]
    x0, y0 = max(filling.left, 0), max(filling.top, 0)
    rows, columns = filling.share.shape
    x1, y1 = min(filling.left + columns * scale, width), min(filling.top + rows * scale, height)
    if x1 <= x0 or y1 <= y0:
        return
    here = np.s_[y0 - filling.top : y1 - filling.top, x0 - filling.left : x1 - filling.left]
    x, y, share, light = (
        np.ascontiguousarray(cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)[here])
        for plane in (filling.place_x, filling.place_y, filling.share, filling.light)
    )
    inside = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    share *= np.clip(inside / np.float32(scale), 0, 1)
    image = cv2.remap(frame, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).astype(np.float32) * light
    part = result[y0:y1, x0:x1]
    mixed = part + share[..., None] * (image - part)
    part[...] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
