"""A small 3D head fitted to the 68 landmarks of a photo: where skull, ears and neck are, and how deep each of them lies.

The model is ICT-FaceKit's (R. Li et al., "Learning formation of physically-based face attributes", CVPR 2020), made small by
`mimica.prepare.head`: face, skull and neck, principal components of identity and three shapes of the mouth. The fit is that of a
scaled orthographic camera whose rotation is known (the reader's pose): closed form for scale and shift, ridge regression for the
coefficients, in turns.

Model axes: x to the right of the picture, y up, z to the viewer, about a centimetre a unit. Camera axes, in which a fitted head
is given: x to the right, y down, z to the viewer, in shares of the side of the tight crop (eye distance 0.30), from the middle
between the eyes; the picture is not turned. Angles: yaw + turned to the right of the picture (the subject's left), pitch +
down, roll + clockwise in the picture, degrees; this is the convention of `mimica.reader.read`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from mimica.face.align import TIGHT_EYE_DISTANCE, eye_centres
from mimica.model_files.checkpoint import load_weights

WEIGHTS = Path(__file__).parents[1] / "weights" / "head.safetensors"
KIND, VERSION = "head", 1
LANDMARKS = 68
PIVOT = (0.0, -7.0, 0.8)
"""About which heads turn, in model units: below the angle of the jaw, in the coronal plane of the atlas."""
NECK = (-8.2, 10.0, 0.32)
"""What lies below y = first + third x (second - z) is neck."""

NOISE = 0.02
"""Of landmarks, in shares of the side; against it the coefficients, of variance 1, are weighed."""
LARGEST = 3.0
"""Of a coefficient, in standard deviations."""
ROUNDS = 3
JAW_WEIGHT, BROW_WEIGHT = 0.35, 0.5
"""Landmarks of the jaw are not the same points of the skin for every pose; brows move."""
HELD = (0, 2, 14, 16, 27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45)
"""Landmarks by which a head is placed again: those that expressions move least."""
REST_REACH, REST_DOUBT = 0.07, 0.25
"""What the fit leaves of the landmarks is added about them, within so many shares of the side; the doubt makes it fade."""


@dataclass(frozen=True)
class HeadModel:
    """mean (V, 3) and basis (K, V, 3) in model units; triangles int (T, 3), counter-clockwise seen from outside. The last 68
    vertices are the landmarks and belong to no triangle."""

    mean: np.ndarray
    basis: np.ndarray
    triangles: np.ndarray

    @property
    def is_neck(self) -> np.ndarray:
        """bool (V,)."""
        base, front, slope = NECK
        lower: np.ndarray = self.mean[:, 1] <= base + slope * (front - self.mean[:, 2])
        return lower


@dataclass(frozen=True)
class Head:
    """A head fitted to a photo.

    vertices      float64 (V, 3), camera axes      coefficients  float64 (K,)
    rotation      float64 (3, 3), model -> camera with y up      scale  shares of the side in a model unit
    pivot         float64 (3,), camera axes
    origin        float64 (2,), the middle between the eyes in the photo      side  of the tight crop, pixels of the photo
    rest          rms distance of the landmarks from the model's before the rest was added, in shares of the side
    """

    model: HeadModel
    vertices: np.ndarray
    coefficients: np.ndarray
    rotation: np.ndarray
    scale: float
    pivot: np.ndarray
    origin: np.ndarray
    side: float
    rest: float

    def in_photo(self, points: np.ndarray) -> np.ndarray:
        """(..., 2 or 3) camera axes -> (..., 2) pixels of the photo."""
        place: np.ndarray = self.origin + self.side * np.asarray(points)[..., :2]
        return place

    @property
    def shaped(self) -> np.ndarray:
        """(V, 3), the head of these coefficients in model units, before it is turned and placed."""
        return _shaped(self.model, self.coefficients)

    def placed(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) in model units -> camera axes, as the fit alone places them (without the rest that `vertices` has)."""
        turned: np.ndarray = self.scale * ((np.asarray(points, np.float64) - PIVOT) @ self.rotation.T)
        return self.pivot + turned * [1, -1, 1]

    def from_photo(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) pixels of the photo -> shares of the side, camera axes."""
        place: np.ndarray = (np.asarray(points, np.float64) - self.origin) / self.side
        return place


@lru_cache(1)
def load_model(path: Path = WEIGHTS) -> HeadModel:
    """The shipped head. Raises `WeightsError` for a file that is missing, damaged or another model's."""
    arrays = load_weights(path, KIND, VERSION).tensors
    return HeadModel(arrays["mean"].astype(np.float64), arrays["basis"].astype(np.float64), arrays["triangles"].astype(np.int64))


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Degrees -> float64 (3, 3), model -> camera with y up. Roll is read in the plane of the picture, so it is outermost."""
    b, a, c = np.deg2rad([yaw, pitch, -roll])
    turn = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    nod = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    tilt = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    result: np.ndarray = tilt @ turn @ nod
    return result


def angles(matrix: np.ndarray) -> tuple[float, float, float]:
    """The inverse of `rotation` for |yaw| < 90: yaw, pitch, roll in degrees."""
    yaw = np.arcsin(np.clip(-matrix[2, 0], -1, 1))
    pitch = np.arctan2(matrix[2, 1], matrix[2, 2])
    roll = -np.arctan2(matrix[1, 0], matrix[0, 0])
    return float(np.rad2deg(yaw)), float(np.rad2deg(pitch)), float(np.rad2deg(roll))


def fit(landmarks_photo: np.ndarray, pose: tuple[float, float, float], model: HeadModel | None = None) -> Head:
    """Landmarks (68, 2) in pixels of the photo and the yaw, pitch and roll that the photo shows -> the head. The landmarks' eyes
    must lie apart (`mimica.face.align.crop_from_photo` refuses others)."""
    model = model or load_model()
    eyes = eye_centres(landmarks_photo)
    origin, side = eyes.mean(axis=0), float(np.hypot(*(eyes[1] - eyes[0]))) / TIGHT_EYE_DISTANCE
    points = (np.asarray(landmarks_photo, np.float64) - origin) / side
    turn = rotation(*pose)
    scale, shift, coefficients = _coefficients(points * [1, -1], turn, model)
    vertices = scale * (_shaped(model, coefficients) @ turn.T)
    vertices[:, :2] += shift
    pivot = scale * (turn @ np.array(PIVOT)) + [*shift, 0]
    for place in (vertices, pivot[None]):
        place[:, 1] *= -1
    rest = points - vertices[-LANDMARKS:, :2]
    vertices[:, :2] += _spread(vertices[:, :2], points, rest)
    error = float(np.sqrt((rest**2).sum(axis=1).mean()))
    return Head(model, vertices, coefficients, turn, scale, pivot, origin, side, error)


def again(head: Head, landmarks_photo: np.ndarray, pose: tuple[float, float, float]) -> Head:
    """The same head, its coefficients kept, in another frame, with landmarks (68, 2) there, by which it is placed: those that
    expressions do not move. `vertices` are without the rest of the landmarks."""
    eyes = eye_centres(landmarks_photo)
    origin, side = eyes.mean(axis=0), float(np.hypot(*(eyes[1] - eyes[0]))) / TIGHT_EYE_DISTANCE
    points = (np.asarray(landmarks_photo, np.float64) - origin) / side * [1, -1]
    turn = rotation(*pose)
    turned = head.shaped @ turn.T
    held = list(HELD)
    scale, shift = _placing(turned[-LANDMARKS:][held, :2], points[held], np.ones(len(held)))
    vertices, pivot = scale * turned, scale * (turn @ np.array(PIVOT)) + [*shift, 0]
    vertices[:, :2] += shift
    for place in (vertices, pivot[None]):
        place[:, 1] *= -1
    return Head(head.model, vertices, head.coefficients, turn, scale, pivot, origin, side, head.rest)


def _placing(seen: np.ndarray, target: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale and shift (2,) that bring points (n, 2) nearest to others."""
    middle, goal = (np.average(points, axis=0, weights=weight) for points in (seen, target))
    centred = (seen - middle) * weight[:, None]
    scale = float((centred * (target - goal)).sum() / (centred * (seen - middle)).sum())
    return scale, goal - scale * middle


def _shaped(model: HeadModel, coefficients: np.ndarray) -> np.ndarray:
    shaped: np.ndarray = model.mean + np.tensordot(coefficients, model.basis, 1)
    return shaped


def _coefficients(target: np.ndarray, turn: np.ndarray, model: HeadModel) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, shift (2,) and coefficients (K,) that bring the model's landmarks to `target` (68, 2), y up."""
    weight = np.ones(LANDMARKS)
    weight[:17], weight[17:27] = JAW_WEIGHT, BROW_WEIGHT
    mean, basis = (part[..., -LANDMARKS:, :] @ turn.T for part in (model.mean, model.basis))
    coefficients = np.zeros(len(basis))
    for _ in range(ROUNDS):
        seen = (mean + np.tensordot(coefficients, basis, 1))[:, :2]
        scale, shift = _placing(seen, target, weight)
        directions = scale * basis[..., :2].reshape(len(basis), -1)
        weighed = directions * np.repeat(weight, 2)
        lacking = target - shift - scale * mean[:, :2]
        ridge = weighed @ directions.T + NOISE**2 * np.eye(len(basis))
        coefficients = np.clip(np.linalg.solve(ridge, weighed @ lacking.reshape(-1)), -LARGEST, LARGEST)
    return scale, shift, coefficients


def _spread(places: np.ndarray, landmarks: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(V, 2): what is left at the landmarks, carried to what lies about them."""
    apart = ((places[:, None] - landmarks) ** 2).sum(axis=-1)
    near = np.exp(-apart / (2 * REST_REACH**2))
    spread: np.ndarray = near @ rest / (near.sum(axis=1, keepdims=True) + REST_DOUBT)
    return spread
