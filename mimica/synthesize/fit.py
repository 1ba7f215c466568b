"""The rig fitted to a photo: pose, identity, and a correction that brings every landmark to its place.

Camera: scaled orthographic. Everything is found by Gauss-Newton and ridge regression on 68 landmarks, in turns; the pose that
the reader saw is a prior, since landmarks of one view leave depth open. Canvas: the tight crop (`mimica.face.align`) of `side`
pixels with a rim of `RIM` of its side all around. Angles as the reader has them: yaw + to the right of the picture, pitch +
down, roll + clockwise, degrees."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.errors import NoFaceError
from mimica.face.align import TIGHT_EYE_DISTANCE, crop_from_photo, eye_centres, transform
from mimica.face.head import angles, rotation
from mimica.reader.read import FaceReading
from mimica.synthesize.rig import Rig
from mimica.synthesize.units import Weights

RIM = 0.15
"""Of the canvas, beyond each border of the tight crop, in shares of its side."""
NOISE, POSE_NOISE = 0.02, 0.09
"""Of landmarks, in eye distances; of the reader's pose, radians."""
LARGEST = 3.0
"""Of an identity coefficient, in standard deviations."""
ROUNDS, POSE_ROUNDS = 5, 4
MOST_TURNED, MOST_NODDED = 25.0, 20.0
"""Degrees: heads turned further have a side that the photo does not show."""
MOST_GAP, MOST_UNIT, MOST_REST = 0.06, 0.45, 0.10
"""What a photo to start from may have: gap between the lips and rest of the fit in eye distances, intensity of a unit that
hides something."""
_HIDING = ("AU25", "AU26", "AU45", "AU12", "AU10")


@dataclass(frozen=True)
class Canvas:
    """side       of the tight crop, pixels, even
    from_photo    float64 (2, 3), canvas from photo"""

    side: int
    from_photo: np.ndarray

    @property
    def rim(self) -> int:
        return round(RIM * self.side)

    @property
    def size(self) -> int:
        return self.side + 2 * self.rim

    @property
    def eye_distance(self) -> float:
        return TIGHT_EYE_DISTANCE * self.side


@dataclass(frozen=True)
class Fit:
    """A photo's face as the rig has it.

    canvas        where it lies
    points        float64 (68, 2), landmarks on the canvas
    irises        float64 (2, 2), on the canvas, the one at the left of the picture first
    base          float32 (V, 3), the person's neutral face
    weights       the shapes that the photo shows
    turn, scale, shift   float64 (3, 3), a number, (2,): model -> canvas
    correction    float32 (V, 2), canvas pixels, added to every projection
    rest          rms distance of the landmarks before the correction, in eye distances
    """

    canvas: Canvas
    points: np.ndarray
    irises: np.ndarray
    base: np.ndarray
    weights: Weights
    turn: np.ndarray
    scale: float
    shift: np.ndarray
    correction: np.ndarray
    rest: float

    def project(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) -> float32 (V, 2) on the canvas and (V,) depths, larger is nearer."""
        seen = vertices @ self.turn.T.astype(np.float32)
        flat = self.scale * seen[:, :2] * np.array([1, -1], np.float32) + self.shift
        return (flat + self.correction).astype(np.float32), seen[:, 2].astype(np.float32)

    @property
    def pose(self) -> tuple[float, float, float]:
        """yaw, pitch, roll of the face on the canvas."""
        return angles(self.turn)


def canvas_for(reading: FaceReading, size: int) -> Canvas:
    """The canvas for frames of `size` pixels: half as large again, so that what is moved stays sharp."""
    side = 2 * round(0.75 * size)
    matrix = crop_from_photo(reading.landmarks_photo, side)
    rim = round(RIM * side)
    return Canvas(side, matrix + np.array([[0, 0, rim], [0, 0, rim]]))


def check_usable(reading: FaceReading) -> None:
    """Raises `NoFaceError` for a face that hides what the rig must move: turned far away, mouth open, eyes closed, a broad
    smile."""
    if abs(reading.yaw) > MOST_TURNED or abs(reading.pitch) > MOST_NODDED:
        raise NoFaceError(f"The head is turned too far (yaw {reading.yaw:.0f}, pitch {reading.pitch:.0f}) for the rig.")
    points = reading.landmarks_photo
    gap = float(np.linalg.norm(points[[61, 62, 63]] - points[[67, 66, 65]], axis=1).mean()) / reading.eye_distance
    if gap > MOST_GAP:
        raise NoFaceError("The mouth is open: the rig starts from closed lips.")
    for name in _HIDING:
        if reading.mean_action_units[name] > MOST_UNIT:
            raise NoFaceError(f"The face shows {name} already ({reading.mean_action_units[name]:.2f}); the rig starts near rest.")


def fit(rig: Rig, reading: FaceReading, canvas: Canvas, picture: np.ndarray, weights: Weights) -> Fit:
    """`picture` is the canvas, uint8 (H, W, 3); `weights` the shapes that the photo shows. Raises `NoFaceError` where the face is
    not like the rig's."""
    points = transform(reading.landmarks_photo, canvas.from_photo)
    points[60:68] = _on_lip_line(points, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), canvas.eye_distance)
    turn, scale, shift, coefficients = _solved(rig, points, reading, canvas, weights)
    base = rig.neutral + np.tensordot(coefficients.astype(np.float32), rig.identity, 1)
    flat = scale * (rig.shaped(base, weights)[rig.landmarks] @ turn.T)[:, :2] * [1, -1] + shift
    missing = points - flat
    rest = float(np.sqrt((missing**2).sum(axis=1).mean())) / canvas.eye_distance
    if rest > MOST_REST:
        raise NoFaceError(f"The face is not like the rig's (landmarks are off by {rest:.2f} eye distances).")
    correction = np.empty((len(base), 2), np.float32)
    correction[: rig.skin] = (missing.T @ rig.correction).T
    correction[rig.skin :] = missing[48:68].mean(axis=0)
    irises = transform(reading.irises_photo, canvas.from_photo)
    return Fit(canvas, points, irises, base, weights, turn, scale, shift, correction, rest)


def _weights_of_points() -> np.ndarray:
    weight = np.ones(68)
    weight[:17], weight[17:27], weight[36:] = 0.35, 0.6, 1.5
    return weight


def _solved(
    rig: Rig, points: np.ndarray, reading: FaceReading, canvas: Canvas, weights: Weights
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """turn, scale, shift and the coefficients of identity."""
    weight = _weights_of_points()
    mean = rig.shaped(rig.neutral, weights)[rig.landmarks].astype(np.float64)
    basis = rig.identity[:, rig.landmarks].astype(np.float64)
    seen = rotation(reading.yaw, reading.pitch, 0.0)
    turn, scale, shift = seen, canvas.eye_distance / 6.3, eye_centres(points).mean(axis=0)
    coefficients, noise = np.zeros(len(basis)), NOISE * canvas.eye_distance
    for _ in range(ROUNDS):
        shape = mean + np.tensordot(coefficients, basis, 1)
        for _ in range(POSE_ROUNDS):
            turn, scale, shift = _posed(points, shape, weight / noise, seen, turn, scale, shift)
        flat = scale * (mean @ turn.T)[:, :2] * [1, -1] + shift
        directions = (scale * (basis @ turn.T)[..., :2] * [1, -1] * weight[:, None] / noise).reshape(len(basis), -1)
        lacking = ((points - flat) * weight[:, None] / noise).reshape(-1)
        solved = np.linalg.solve(directions @ directions.T + 4.0 * np.eye(len(basis)), directions @ lacking)
        coefficients = np.clip(solved, -LARGEST, LARGEST)
    return turn, scale, shift, coefficients


def _posed(
    points: np.ndarray,
    shape: np.ndarray,
    weight: np.ndarray,
    seen: np.ndarray,
    turn: np.ndarray,
    scale: float,
    shift: np.ndarray,
) -> tuple[np.ndarray, float, np.ndarray]:
    """A Gauss-Newton step of the camera: rotation about the camera's axes, scale, shift; the rotation stays near `seen`."""
    x, y, z = (shape @ turn.T).T
    nothing, one = np.zeros_like(x), np.ones_like(x)
    across = np.stack([nothing, scale * z, -scale * y, x, one, nothing], axis=1)
    down = np.stack([scale * z, nothing, -scale * x, -y, nothing, one], axis=1)
    columns = np.concatenate([across, down]) * np.tile(weight, 2)[:, None]
    missing = ((points - np.stack([scale * x, -scale * y], axis=1) - shift) * weight[:, None]).T.reshape(-1)
    prior = np.diag([1 / POSE_NOISE**2, 1 / POSE_NOISE**2, 1e-6, 1e-9, 1e-9, 1e-9])
    away = cv2.Rodrigues(seen @ turn.T)[0].ravel()
    step = np.linalg.solve(columns.T @ columns + prior, columns.T @ missing + prior @ np.r_[away, 0, 0, 0])
    return cv2.Rodrigues(step[:3])[0] @ turn, scale + step[3], shift + step[4:]


# --- the line between closed lips -----------------------------------------------------------------------------------


def _on_lip_line(points: np.ndarray, gray: np.ndarray, eye_distance: float) -> np.ndarray:
    """The inner lip landmarks (8, 2) brought to the dark line between closed lips: the darkest smooth path near their middle, by
    dynamic programming over offsets at right angles to it."""
    middle = np.stack([points[60], *(points[[61, 62, 63]] + points[[67, 66, 65]]) / 2, points[64]])
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(middle, axis=0), axis=1))]
    steps = np.linspace(0, along[-1], 41)
    line = np.stack([np.interp(steps, along, column) for column in middle.T], axis=1)
    tangent = np.gradient(line, axis=0)
    across = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) / (np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9)
    unit = eye_distance / 144
    offsets = np.arange(-8, 9) * unit
    places = (line[:, None] + across[:, None] * offsets[None, :, None]).astype(np.float32)
    smooth = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.5 * unit)
    dark = cv2.remap(smooth, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cost = (dark - dark.mean(axis=1, keepdims=True)) / (dark.std() + 4) + 0.012 * (offsets / unit) ** 2
    shift = offsets[_cheapest_path(cost)]
    shift = np.convolve(np.pad(shift, 2, mode="edge"), np.ones(5) / 5, "valid")
    shift *= np.clip(np.minimum(np.arange(41), np.arange(41)[::-1]) / 4, 0, 1)  # the corners of the mouth stay
    refined = line + across * shift[:, None]
    upper = np.stack([np.interp(along, steps, column) for column in refined.T], axis=1)
    return np.concatenate([upper, upper[[3, 2, 1]]])


def _cheapest_path(cost: np.ndarray) -> np.ndarray:
    """int (rows,): a column in each row, the sum of their costs and of 0.15 squared steps the least."""
    columns = np.arange(cost.shape[1])
    change = 0.15 * (columns[:, None] - columns) ** 2
    total, came_from = cost[0], []
    for row in cost[1:]:
        ways = total + change
        came_from.append(ways.argmin(axis=1))
        total = row + ways.min(axis=1)
    path = [int(total.argmin())]
    for before in reversed(came_from):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])
