"""From a turn of the head to a flow on the grid: where everything goes, and, inverted, where every place of the new picture
comes from.

A point of the head at (x, y, z) about the pivot goes to R (x, y, z). The rotation is split into one in the picture's plane,
Rz(g), which is bent into a swirl that dies out around the head, and the rest, M:

    d = w [(M11 - 1) x - M12 y + M13 z, -M21 x + (M22 - 1) y - M23 z]      (y down)

Slopes of depth are bounded, so nothing comes in the wrong order, and the backward flow is found by Newton steps whose Jacobian
is the swirl and the derivative along the motion. What hides something is drawn over it (`pose_front`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mimica.engines.ganimation.fast.depth import Grid, Relief
from mimica.face.head import rotation

GAIN = (1.20, 1.20, 1.01)
"""Degrees of turn for a degree of yaw, pitch and roll: people and readers see a turned photo as less turned than it is, since
neither light nor hidden parts turn with it."""
DISTANCE = 4.0
"""Of the camera, in sides of the tight crop (about 85 centimetres): what a turn brings nearer to it becomes larger."""
WIDTH = 0.6
"""Half of a head's, in shares of the side, generously."""
LARGEST = 32.0
"""Degrees of turn out of the picture's plane beyond which depth counts no more."""
BESIDE = 0.10
"""The near and the far side of the face pass into each other over twice so much about the line of the nose."""
LEAST_STRETCH = 0.3
"""Newton steps are lengthened by its inverse at most, where the picture is pressed together."""
STEPS = ((0.30, 2), (0.46, 3), (1.0, 4))
"""Newton steps for turns of at most such a sine: 99 of 100 cells are then right to a tenth of a cell;"""
SWIRLED, MORE = 0.1, 2
"""radians of a swirl from which on so many more are made."""
FROM_BEHIND = 1e-4


@dataclass(frozen=True)
class Skin:
    """The head's surface as far as the photo shows it, without the neck.

    points     float32 (V, 3) about the pivot, shares of the side, y down, z to the viewer
    triangles  (T, 3), `behind` (T,): by how much further back each is sorted
    contour    (17,), which points are the contour of the jaw, as wide as the face is
    weight     (V,), how far each point goes along with the head      below  (V,) in [0, 1], 0 at the crown
    near       (V,) in [0, 1], how much of it is drawn as the head has it on the side that comes into sight
    spread     (V, 68), how far it follows the landmarks of the face
    """

    points: np.ndarray
    triangles: np.ndarray
    contour: np.ndarray
    behind: np.ndarray
    weight: np.ndarray
    below: np.ndarray
    near: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class Mirror:
    """What the photo shows better on the head's other side (`pose_mirror`): V points of the skin, and n more whose mirror images
    are seen as well as they are, of which light is compared.

    used, lit      (V,), (n,), their numbers in `Skin.points`      along, lit_along  those nearest to their mirror images
    image          float32 (V, 2), where the photo shows their mirror images, shares about the pivot      lit_image  (n, 2)
    normals        float32 (V, 3), y down      triangles  (T, 3) of the V points
    gain           float32 (V,) in [0, 1], how much better the photo shows the other side
    near, lit_near float32 (V, n) and (n, n), with which weights the light of the n counts for each
    """

    used: np.ndarray
    lit: np.ndarray
    along: np.ndarray
    lit_along: np.ndarray
    image: np.ndarray
    lit_image: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    gain: np.ndarray
    near: np.ndarray
    lit_near: np.ndarray


@dataclass(frozen=True)
class Scene:
    """What is known of a photo: the grid and its maps; x, y about the pivot; `nose_x`, `nose_y` about the line of the nose;
    `rotation` (3, 3) and `own` (yaw, pitch, roll in degrees) of the head in the photo; its `skin`, and the
    `mirror` of its two sides, None where neither helps the other."""

    grid: Grid
    maps: Relief
    x: np.ndarray
    y: np.ndarray
    nose_x: np.ndarray
    nose_y: np.ndarray
    rotation: np.ndarray
    own: tuple[float, float, float]
    skin: Skin
    mirror: Mirror | None = None


@dataclass(frozen=True)
class Movement:
    """yaw, pitch, roll: degrees away from the photo; shift: of the head, shares of the side; zoom: factor - 1."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 0.0


@dataclass(frozen=True)
class Turn:
    """A movement, split: `matrix` float32 (3, 3), the part out of the picture's plane; `axis`, the direction in which the front
    of the head moves by it, and `sine`, of how far; `angle` in the plane, radians (y up); `centre`, what the camera
    looks at, about the pivot."""

    matrix: np.ndarray
    axis: tuple[float, float]
    sine: float
    angle: float
    shift: tuple[float, float]
    zoom: float
    centre: tuple[np.float32, np.float32]

    @classmethod
    def of(cls, scene: Scene, movement: Movement) -> Turn:
        """What a movement asks of a scene."""
        matrix, angle = _split(scene, movement)
        mx, my = matrix[0, 2], -matrix[1, 2]
        sine = float(np.hypot(mx, my))
        axis = (float(mx) / sine, float(my) / sine) if sine > FROM_BEHIND else (0.0, 0.0)
        most = float(np.sin(np.deg2rad(LARGEST)))
        if sine > most:
            matrix[:2, 2] *= np.float32(most / sine)
        centre = scene.x[0, 0] - scene.nose_x[0, 0], scene.y[0, 0] - scene.nose_y[0, 0]
        return cls(matrix, axis, min(sine, most), angle, movement.shift, movement.zoom, centre)

    def out_of_plane(
        self, x: np.ndarray, y: np.ndarray, z: np.ndarray, weight: np.ndarray, inner: np.ndarray | np.float32
    ) -> tuple[np.ndarray, np.ndarray]:
        """By how much points about the pivot are displaced before the swirl."""
        m = self.matrix
        dx = (m[0, 0] - 1) * x * inner - m[0, 1] * y + m[0, 2] * z
        dy = -m[1, 0] * x + (m[1, 1] - 1) * y * inner - m[1, 2] * z
        nearer = (m[2, 0] * x - m[2, 1] * y + (m[2, 2] - 1) * z) * np.float32(1 / DISTANCE)
        most = np.float32(self.sine * WIDTH / DISTANCE)  # what lies beside the head is none of it
        nearer = np.clip(nearer, -most, most)
        dx += nearer * (x + dx - self.centre[0])
        dy += nearer * (y + dy - self.centre[1])
        if self.zoom:
            factor = np.float32(1 + self.zoom)
            dx, dy = (factor - 1) * x + factor * dx, (factor - 1) * y + factor * dy
        return dx * weight, dy * weight

    def in_plane(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where points about the pivot, displaced already, come to."""
        if abs(self.angle) > 1e-5:
            swirl = weight * np.float32(-self.angle)
            cosine, sine = np.cos(swirl), np.sin(swirl)
            x, y = cosine * x - sine * y, sine * x + cosine * y
        return x + weight * np.float32(self.shift[0]), y + weight * np.float32(self.shift[1])


@dataclass(frozen=True)
class Forward:
    """Displacement (shares) of each cell; `stretch`, its derivative along the direction of the motion, before the swirl."""

    dx: np.ndarray
    dy: np.ndarray
    stretch: np.ndarray


def far_side(nose_x: np.ndarray, nose_y: np.ndarray, turn: Turn) -> np.ndarray:
    """In [0, 1] for places about the line of the nose: 1 on the side that turns away."""
    ux, uy = (np.float32(part / (2 * BESIDE)) for part in turn.axis)
    share: np.ndarray = np.clip(nose_x * ux + nose_y * uy + np.float32(0.5), 0, 1)
    return share


def forward(scene: Scene, turn: Turn) -> Forward:
    """Where every cell goes."""
    x, y, maps = scene.x, scene.y, scene.maps
    ux, uy = (np.float32(part) for part in turn.axis)
    dx, dy = turn.out_of_plane(x, y, maps.depth, maps.weight, maps.inner)
    stretch = _derivative(dx * ux + dy * uy, scene.grid.cells, turn.axis)
    ax, ay = turn.in_plane(x + dx, y + dy, maps.weight)
    return Forward(ax - x, ay - y, stretch)


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


def backward(moved: Forward, scene: Scene, turn: Turn) -> tuple[np.ndarray, np.ndarray]:
    """Where each cell's content comes from: displacement planes (x, y) in cells."""
    cells = np.float32(scene.grid.cells)
    lengthened = 1 / np.maximum(1 + moved.stretch, LEAST_STRETCH) - 1
    field = cv2.merge([moved.dx * cells, moved.dy * cells, lengthened])
    grid_x, grid_y = _places(scene.grid.shape)
    ux, uy = (np.float32(v) for v in turn.axis)
    px, py = grid_x - field[..., 0], grid_y - field[..., 1]
    swirls = abs(turn.angle) > 0.02
    if swirls:
        swirl = scene.maps.weight * np.float32(turn.angle)
        cosine, sine = np.cos(swirl), np.sin(swirl)
    for _ in range(_steps(turn)):
        off_x, off_y, longer = cv2.split(cv2.remap(field, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        off_x += px - grid_x
        off_y += py - grid_y
        if swirls:
            off_x, off_y = cosine * off_x - sine * off_y, sine * off_x + cosine * off_y
        longer *= ux * off_x + uy * off_y
        px -= off_x + ux * longer
        py -= off_y + uy * longer
    return px - grid_x, py - grid_y


def _steps(turn: Turn) -> int:
    few = next(steps for most, steps in STEPS if turn.sine <= most)
    return few + (MORE if abs(turn.angle) > SWIRLED else 0)


@lru_cache(8)
def _places(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32))
    return x, y
