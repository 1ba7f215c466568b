"""The side of a head that turns away, drawn from the head itself: what is in front hides what it comes upon.

The flow of the grid (`pose_flow`) is one sheet and may not fold, so it can neither press a cheek together as far as a turn does
nor let it hide an ear. There the fitted head's triangles are moved and drawn in the order of their depth: for each cell of the
grid they say where its picture comes from. Beyond their outline lies what lay beyond the outline before: the sheet is drawn back
there, just so far that no rim of the cheek is seen twice. Between the two sheets the picture jumps along an outline that is a
smooth curve, whatever the grid's cells (`pose_pixels` draws it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.ganimation.fast.beside import both
from mimica.engines.ganimation.fast.depth import Grid, Relief, hull_share, smoothstep
from mimica.engines.ganimation.fast.pose_flow import Scene, Skin, Turn, far_side
from mimica.face import raster
from mimica.face.head import LANDMARKS, Head

CROWN = (0.25, 0.50)
"""So far above the eyes the head goes over into hair, which is one sheet with what lies behind it."""
FRONT = 2.3
"""The near side is drawn from the head, too, fully only so far before the contour of the jaw (model units): nearer to its outline
the grid's flow stretches what little is seen there."""
SOON = 0.06
"""Sine of the turn from which on all this counts fully."""
RIM = 0.3
"""The front ends so far before the contour of the jaw (model units): where the fit is a little off, ear and neck lie there."""
CLIMB = 2.0
"""Above the contour's ends it falls back by so much a unit: the skull belongs to the front."""
JAW = 17
"""The first landmarks are the contour."""
EYE, MOUTH = 1.7, 1.1
"""The holes of the mesh are covered by patches: the landmarks about them, grown so far."""
PATCH_BEHIND = 0.05
REACH, DOUBT = 0.09, 0.25
"""Points of the skin follow landmarks that are so near; the doubt makes it fade."""
BEYOND = 0.025
"""How far beside the outline of the fitted head the face's own outline may lie."""
BIN = 0.03
"""Width of the lines along the motion on which outlines are compared."""
DRAWN, INSIDE = 0.20, 0.12
"""The sheet behind is drawn back over so much beyond the outline; and inside, where it's hidden, from so much before it on."""
SOFT = 1.0
"""Cells: blur of the cover."""
WIDE, MARGIN = 9, 10
"""Cells: what is not covered is filled from beside over about so many; so far around the front is looked at."""


@dataclass(frozen=True)
class Front:
    """flow_x, flow_y  float32, cells: where each cell of the front comes from, continued beyond its outline
    cover           float32: above 0.5 the front is seen; a smooth step of about two cells
    box             the cells (rows, columns) beyond which the cover is 0
    """

    flow_x: np.ndarray
    flow_y: np.ndarray
    cover: np.ndarray
    box: tuple[slice, slice] = np.s_[:, :]


def skin_of(head: Head, grid: Grid, maps: Relief, flat: np.ndarray | None = None) -> Skin:
    """The surface of a fitted head that the photo shows; within the hull `flat` (n, 2) it is as flat as `maps` are."""
    vertices, triangles = head.vertices, head.model.triangles
    before = _before_contour(head)
    triangles = triangles[(_cosines(vertices, triangles) > 0) & (before >= RIM)[triangles].all(axis=1)]
    patches, fans = _patches(vertices[-LANDMARKS:, :2], len(vertices))
    depth = _at(maps.solid, grid.points(patches))
    vertices = np.concatenate([vertices, np.column_stack([patches, depth + head.pivot[2]])])
    if flat is not None:
        even = _at(hull_share(grid, flat), grid.points(vertices[:, :2]))
        vertices[:, 2] += even * (_at(maps.depth, grid.points(vertices[:, :2])) + head.pivot[2] - vertices[:, 2])
    behind = np.repeat(np.array([0, PATCH_BEHIND], np.float32), [len(triangles), len(fans)])
    place, face = vertices[:, :2], head.vertices[-LANDMARKS:, :2]
    apart = ((place[:, None] - face) ** 2).sum(axis=-1)
    near = np.exp(-apart / (2 * REACH**2))
    spread = near / (near.sum(axis=1, keepdims=True) + DOUBT)
    up = head.rotation[:2, 1] * [1, -1]
    above = place @ (up / np.hypot(*up))
    below = 1 - smoothstep((above - CROWN[0]) / (CROWN[1] - CROWN[0]))
    weight = _at(maps.weight, grid.points(place))
    points = (vertices - head.pivot).astype(np.float32)
    before = np.append(before, np.full(len(patches), FRONT))
    near = smoothstep((before - RIM) / (FRONT - RIM))
    parts = (part.astype(np.float32) for part in (behind, weight, below, near, spread))
    contour = np.arange(JAW) + len(head.vertices) - LANDMARKS
    return Skin(points, np.concatenate([triangles, fans]), contour, *parts)


def _before_contour(head: Head) -> np.ndarray:
    """(V,), model units: how far each vertex lies before the contour of the face that the landmarks of the jaw draw from temple
    to temple. Ears, the jaw's underside and the neck lie behind it, the skull above it far before."""
    height, depth = head.model.mean[-LANDMARKS:][8::-1, 1:].T
    y, z = head.model.mean[:, 1:].T
    before: np.ndarray = z - np.interp(y, height, depth) + CLIMB * np.maximum(y - height[-1], 0)
    return np.where(head.model.is_neck, -np.inf, before)


def _cosines(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T,): of the angle at which the triangles of a surface (V, 3) are seen; negative from behind."""
    corners = points[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    seen: np.ndarray = -normal[:, 2] / np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
    return seen


def _patches(landmarks: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) and triangles that close eyes and mouth; the points will be numbered from `first` on."""
    points, fans = list[np.ndarray](), list[np.ndarray]()
    for start, end, grown in ((36, 42, EYE), (42, 48, EYE), (48, 60, MOUTH)):
        ring = landmarks[start:end]
        middle = ring.mean(axis=0)
        number = first + sum(len(each) for each in points)
        count = end - start
        points.append(np.vstack([middle + grown * (ring - middle), middle]))
        step = np.arange(count)
        fans.append(np.column_stack([number + (step + 1) % count, number + step, np.full(count, number + count)]))
    return np.concatenate(points), np.concatenate(fans)


def draw(
    scene: Scene, turn: Turn, flow: tuple[np.ndarray, np.ndarray], expression: np.ndarray | None = None
) -> tuple[tuple[np.ndarray, np.ndarray], Front | None]:
    """The backward flow (cells) of what is seen beside the front, and the front, None where nothing turns away. `flow` is that of
    the grid, `expression` (68, 2), by how much the frame's landmarks are displaced from the photo's, shares of the side."""
    if turn.sine < 0.05 * SOON:
        return flow, None
    skin = scene.skin
    points = skin.points
    if expression is not None:
        points = points.copy()
        points[:, :2] += skin.spread @ expression.astype(np.float32)
    x, y, z = points.T
    dx, dy = turn.out_of_plane(x, y, z, skin.weight, np.float32(1))
    nose = np.array([scene.x[0, 0] - scene.nose_x[0, 0], scene.y[0, 0] - scene.nose_y[0, 0]])
    far = far_side(x - nose[0], y - nose[1], turn)
    fully = skin.below * np.float32(smoothstep(np.array(turn.sine / SOON)))
    drawn = (far + skin.near * (1 - far)) * fully
    kept = (drawn[skin.triangles] > 0).any(axis=1)
    triangles = skin.triangles[kept]
    if not len(triangles):
        return flow, None
    moved = np.stack([x + dx, y + dy], axis=1)
    depth = turn.matrix[2, 0] * x - turn.matrix[2, 1] * y + turn.matrix[2, 2] * z
    triangles = triangles[np.argsort(depth[triangles].sum(axis=1) / 3 - skin.behind[kept])]
    place = np.stack(turn.in_plane(moved[:, 0], moved[:, 1], skin.weight), axis=1)
    used = np.zeros(len(points), bool)
    used[triangles] = True
    inner, far = np.flatnonzero(used), far * fully
    contour = skin.contour[far[skin.contour] > 0]

    def front() -> Front | None:
        return _drawn(scene, points[:, :2], place, drawn, triangles, flow)

    def back() -> tuple[np.ndarray, np.ndarray]:
        return _drawn_back(scene, turn, flow, points[:, :2], moved, far, inner, np.append(inner, contour))

    drawn_front, drawn_back = both(front, back)
    return (flow if drawn_front is None else drawn_back), drawn_front


def _drawn(
    scene: Scene,
    source: np.ndarray,
    place: np.ndarray,
    away: np.ndarray,
    triangles: np.ndarray,
    flow: tuple[np.ndarray, np.ndarray],
) -> Front | None:
    """The triangles at `place`, showing what is at `source` (V, 2 each, shares about the pivot), as far as `away` (V,) says; the
    rest is the grid's own flow. None where they are beyond the grid."""
    grid = scene.grid
    corner = np.array([scene.x[0, 0], scene.y[0, 0]], np.float32) - np.float32(0.5 / grid.cells)
    place, ways = (place - corner) * np.float32(grid.cells), (source - place).T * np.float32(grid.cells)
    used = place[triangles]
    low = np.maximum(np.floor(used.min(axis=(0, 1))).astype(int) - MARGIN, 0)
    high = np.minimum(np.ceil(used.max(axis=(0, 1))).astype(int) + MARGIN, grid.shape[::-1])
    if (high <= low).any():
        return None
    box = np.s_[low[1] : high[1], low[0] : high[0]]
    cover = raster.rasterise(place - low, triangles, (int(high[1] - low[1]), int(high[0] - low[0])))
    drawn, mask = cover.interpolate(np.concatenate([ways, away[None]])), cover.mask()
    apart = [(plane - whole[box]) * drawn[2] for plane, whole in zip(drawn[:2], flow, strict=True)]
    front_x, front_y, soft = (flow[0].copy(), flow[1].copy(), np.zeros(grid.shape, np.float32))
    soft[box] = cv2.GaussianBlur(mask, (0, 0), SOFT)
    for plane, more in zip((front_x, front_y), _continued(apart, mask), strict=True):
        plane[box] += more
    return Front(front_x, front_y, soft, box)


def _continued(planes: Sequence[np.ndarray], mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two planes that are known where the mask is 1 and 0 elsewhere, calmed, and carried on from there over some cells."""
    known = cv2.merge([*planes, mask])
    near, wide = cv2.GaussianBlur(known, (0, 0), 1.0), cv2.blur(cv2.blur(known, (WIDE, WIDE)), (WIDE, WIDE))
    (ax, ay, an), (bx, by, bn) = cv2.split(near), cv2.split(wide)
    share, an, bn = np.clip(4 * an, 0, 1), 1 / np.maximum(an, 1e-3), 1 / np.maximum(bn, 1e-3)
    bx, by = bx * bn, by * bn
    return bx + share * (ax * an - bx), by + share * (ay * an - by)


def _drawn_back(
    scene: Scene,
    turn: Turn,
    flow: tuple[np.ndarray, np.ndarray],
    source: np.ndarray,
    moved: np.ndarray,
    far: np.ndarray,
    front: np.ndarray,
    face: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The grid's flow with what lies beyond the face's outline drawn in under the front. Points (V, 2) before and after the turn,
    shares about the pivot; how `far` (V,) each is on the side that turns away; which of them are the front's and the face's."""
    axis = np.array(turn.axis, np.float32)
    cross = np.array([-axis[1], axis[0]], np.float32)
    number = np.floor((moved @ cross) / BIN).astype(int)  # lines stay where they are from frame to frame
    first = int(number[face].min()) - 3
    count = int(number[face].max()) - first + 4
    last = front[_last(number[front] - first, (moved @ axis)[front], count)]
    widest = face[_last(number[face] - first, (source @ axis)[face], count)]
    known = np.bincount(number[front] - first, minlength=count) > 0
    low = first * BIN
    middle = low + (np.arange(count) + 0.5) * BIN
    outline = np.where(known, (source @ axis)[widest], 0).astype(np.float32)
    edge = np.where(known, (moved @ axis)[last], 0).astype(np.float32)
    place = edge[:, None] * axis + middle[:, None].astype(np.float32) * cross
    x, y = (part[:, None] for part in turn.in_plane(place[:, 0], place[:, 1], np.ones(count, np.float32)))
    cells, corner = scene.grid.cells, (float(scene.x[0, 0]), float(scene.y[0, 0]))
    seen = [_remapped(plane, (x - corner[0]) * cells, (y - corner[1]) * cells)[:, 0] / cells for plane in flow]
    here = (x[:, 0] + seen[0]) * axis[0] + (y[:, 0] + seen[1]) * axis[1]
    rim = BEYOND * min(1.0, turn.sine / 0.15)
    lacking = np.where(known, np.maximum(outline + rim - here, 0) * far[last], 0).astype(np.float32)
    lacking, edge = _smooth(lacking), _smooth(_filled(edge, known))
    box = _band(scene, turn, axis, (float(edge.min()) - INSIDE, float(edge.max()) + DRAWN), (low, low + count * BIN))
    cosine, sine = np.float32(np.cos(turn.angle)), np.float32(np.sin(turn.angle))
    back_x = cosine * scene.x[box] - sine * scene.y[box]  # the swirl undone
    back_y = sine * scene.x[box] + cosine * scene.y[box]
    along, across = back_x * axis[0] + back_y * axis[1], back_x * cross[0] + back_y * cross[1]
    at = (across - np.float32(low)) * np.float32(1 / BIN) - np.float32(0.5)
    zero = np.zeros_like(at)
    beyond = along - _remapped(edge[None], at, zero)
    share = (1 - smoothstep(beyond / DRAWN)) * smoothstep(1 + beyond / INSIDE)
    more = _remapped(lacking[None], at, zero) * share * scene.maps.weight[box] * np.float32(cells)
    back = flow[0].copy(), flow[1].copy()
    for plane, way in zip(back, axis, strict=True):
        plane[box] += more * way
    return back


def _band(
    scene: Scene, turn: Turn, axis: np.ndarray, along: tuple[float, float], across: tuple[float, float]
) -> tuple[slice, slice]:
    """The grid's cells (rows, columns) between two places along the motion and two across it, shares about the pivot before the
    swirl."""
    corners = np.array([[a * axis[0] - b * axis[1], a * axis[1] + b * axis[0]] for a in along for b in across])
    cosine, sine = np.cos(turn.angle), np.sin(turn.angle)
    swirled = corners @ [[cosine, -sine], [sine, cosine]]
    places = (swirled - [float(scene.x[0, 0]), float(scene.y[0, 0])]) * scene.grid.cells
    low = np.clip(np.floor(places.min(axis=0)).astype(int), 0, None)
    high = np.ceil(places.max(axis=0)).astype(int) + 1
    return slice(low[1], max(high[1], 0)), slice(low[0], max(high[0], 0))


def _last(number: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """int (count,), which point of each line has the greatest value; anything where a line has none."""
    order = np.lexsort((value, number))
    result = np.zeros(count, np.int64)
    result[number[order]] = order  # numpy writes in order, so that the greatest of a line stays
    return result


def _filled(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    where = np.flatnonzero(known)
    return np.interp(np.arange(len(values)), where, values[where]).astype(np.float32)


def _smooth(values: np.ndarray) -> np.ndarray:
    smoothed: np.ndarray = cv2.GaussianBlur(values[None], (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)[0]
    return smoothed


def _remapped(plane: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32)
    result: np.ndarray = cv2.remap(np.ascontiguousarray(plane), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return result


def _at(plane: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A map of the grid at points (n, 2) in cells from its corner."""
    return _remapped(plane, points[:, :1] - 0.5, points[:, 1:] - 0.5)[:, 0]
