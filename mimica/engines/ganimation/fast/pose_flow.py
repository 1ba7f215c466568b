"""From a turn of the head to a flow on the grid: where everything goes, and, inverted, where every place of the new picture
comes from.

A point of the head at (x, y, z) about the pivot goes to R (x, y, z). The rotation is split into one in the picture's plane,
Rz(g), which is bent into a swirl that dies out around the head, and the rest, M:

    d = w [(M11 - 1) x - M12 y + M13 z, -M21 x + (M22 - 1) y - M23 z]      (y down)

What comes to the front hides what it comes upon: along the motion places never come in the wrong order. The backward flow is
found by Newton steps whose Jacobian is the swirl and the derivative along the motion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mimica.engines.ganimation.fast.depth import FAR_SLOPE, Grid, Relief
from mimica.face.head import rotation

GAIN = (1.30, 1.24, 1.01)
"""Degrees of turn for a degree of yaw, pitch and roll: people and readers see a turned photo as less turned than it is, since
neither light nor hidden parts turn with it."""
LARGEST = 32.0
"""Degrees of turn out of the picture's plane beyond which depth counts no more."""
BESIDE = 0.10
"""The near and the far side of the face pass into each other over twice so much about the line of the nose."""
LEAST_STRETCH = 0.5
"""Newton steps are lengthened by its inverse at most, where the picture is pressed together."""
STEPS = 4
FROM_BEHIND = 1e-4


@dataclass(frozen=True)
class Scene:
    """What is known of a photo: the grid and its maps; x, y about the pivot; `nose_x`, `nose_y` about the line of the nose;
    `rotation` (3, 3) and `own` (yaw, pitch, roll in degrees) of the head in the photo."""

    grid: Grid
    maps: Relief
    x: np.ndarray
    y: np.ndarray
    nose_x: np.ndarray
    nose_y: np.ndarray
    rotation: np.ndarray
    own: tuple[float, float, float]


@dataclass(frozen=True)
class Movement:
    """yaw, pitch, roll: degrees away from the photo; shift: of the head, shares of the side; zoom: factor - 1."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 0.0


@dataclass(frozen=True)
class Forward:
    """Displacement (shares) of each cell; `stretch`, its derivative along the direction `axis`, before the swirl of `angle`
    radians."""

    dx: np.ndarray
    dy: np.ndarray
    stretch: np.ndarray
    angle: float
    axis: tuple[float, float]


def forward(scene: Scene, movement: Movement) -> Forward:
    """Where every cell goes."""
    out_of_plane, angle = _split(scene, movement)
    x, y, maps = scene.x, scene.y, scene.maps
    mx, my = out_of_plane[0, 2], -out_of_plane[1, 2]
    sine = float(np.hypot(mx, my))
    axis = (float(mx) / sine, float(my) / sine) if sine > FROM_BEHIND else (0.0, 0.0)
    z = maps.near
    if sine > FROM_BEHIND:
        side = scene.nose_x * np.float32(0.5 * axis[0] / BESIDE) + scene.nose_y * np.float32(0.5 * axis[1] / BESIDE)
        side += np.float32(0.5)
        z = z + np.clip(side, 0, 1) * (maps.far - z)
    most = np.sin(np.deg2rad(LARGEST))
    if sine > most:
        out_of_plane[:2, 2] *= np.float32(most / sine)
    m, inner = out_of_plane, maps.inner
    dx = (m[0, 0] - 1) * x * inner - m[0, 1] * y + m[0, 2] * z
    dy = -m[1, 0] * x + (m[1, 1] - 1) * y * inner - m[1, 2] * z
    if movement.zoom:
        factor = np.float32(1 + movement.zoom)
        dx, dy = (factor - 1) * x + factor * dx, (factor - 1) * y + factor * dy
    dx, dy = dx * maps.weight, dy * maps.weight
    if sine > 0.9 / FAR_SLOPE:  # below that nothing can overtake
        late = overtaken((x + dx) * np.float32(axis[0]) + (y + dy) * np.float32(axis[1]), *axis)
        dx, dy = dx + late * np.float32(axis[0]), dy + late * np.float32(axis[1])
    stretch = _derivative(dx * np.float32(axis[0]) + dy * np.float32(axis[1]), scene.grid.cells, axis)
    ax, ay = x + dx, y + dy
    if abs(angle) > 1e-5:
        swirl = maps.weight * np.float32(-angle)
        cosine, sin = np.cos(swirl), np.sin(swirl)
        ax, ay = cosine * ax - sin * ay, sin * ax + cosine * ay
    right, down = (maps.weight * np.float32(s) for s in movement.shift)
    return Forward(ax - x + right, ay - y + down, stretch, angle, axis)


def _split(scene: Scene, movement: Movement) -> tuple[np.ndarray, float]:
    """The rotation from the photo's pose to the one asked for: float32 (3, 3) without its part in the picture's plane, and that
    part's angle in radians (y up)."""
    asked = (movement.yaw, movement.pitch, movement.roll)
    full = rotation(*(own + gain * change for own, gain, change in zip(scene.own, GAIN, asked, strict=True))) @ scene.rotation.T
    angle = float(np.arctan2(full[1, 0] - full[0, 1], full[0, 0] + full[1, 1]))
    back = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return (back @ full).astype(np.float32), angle


def _derivative(values: np.ndarray, cells: float, axis: tuple[float, float]) -> np.ndarray:
    """Of a plane along a direction, per share."""
    slope = np.zeros_like(values)
    slope[:, 1:-1] = (values[:, 2:] - values[:, :-2]) * np.float32(0.5 * cells * axis[0])
    slope[1:-1] += (values[2:] - values[:-2]) * np.float32(0.5 * cells * axis[1])
    return slope


def overtaken(place: np.ndarray, mx: float, my: float) -> np.ndarray:
    """How much further each cell must go along (mx, my), a unit vector, so as to come no earlier than any cell behind it.
    `place` is where it comes to along that direction. The lines along the motion are rows or columns of a sheared grid."""
    flat = abs(mx) >= abs(my)
    plane = place if flat else place.T
    across, along = plane.shape
    shift = np.rint(((my / mx) if flat else (mx / my)) * np.arange(along)).astype(np.int64)
    line = np.arange(across)[:, None] + shift
    index, turn = line % across, line // across  # lines wrap around at the border, where nothing moves, and begin anew there
    columns = np.broadcast_to(np.arange(along), index.shape)
    step = 1 if (mx if flat else my) > 0 else -1
    turn = turn[:, ::step]
    lines = plane[index, columns][:, ::step] + np.float32(1000) * np.abs(turn - turn[:, :1]).astype(np.float32)
    late = (np.maximum.accumulate(lines, axis=1) - lines)[:, ::step]
    result = np.empty_like(plane)
    result[index, columns] = late
    return result if flat else result.T


def backward(moved: Forward, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Where each cell's content comes from: displacement planes (x, y) in cells."""
    cells = np.float32(scene.grid.cells)
    lengthened = 1 / np.maximum(1 + moved.stretch, LEAST_STRETCH) - 1
    field = cv2.merge([moved.dx * cells, moved.dy * cells, lengthened])
    grid_x, grid_y = _places(scene.grid.shape)
    ux, uy = (np.float32(v) for v in moved.axis)
    px, py = grid_x - field[..., 0], grid_y - field[..., 1]
    swirls = abs(moved.angle) > 0.02
    if swirls:
        swirl = scene.maps.weight * np.float32(moved.angle)
        cosine, sine = np.cos(swirl), np.sin(swirl)
    for _ in range(STEPS):
        off_x, off_y, longer = cv2.split(cv2.remap(field, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        off_x += px - grid_x
        off_y += py - grid_y
        if swirls:
            off_x, off_y = cosine * off_x - sine * off_y, sine * off_x + cosine * off_y
        longer *= ux * off_x + uy * off_y
        px -= off_x + ux * longer
        py -= off_y + uy * longer
    return px - grid_x, py - grid_y


@lru_cache(8)
def _places(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32))
    return x, y
