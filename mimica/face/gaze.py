"""Where eyes look: the geometry of irises, lids and head, and the search for an iris' edge.

An eyeball is a ball whose centre lies behind the middle of the two corners of its eye; the iris lies on it. So the place of the
iris between the corners, in eye widths, and the head's pose give the direction, by orthographic projection:

    iris - middle = P (R c + EYEBALL d)          c  centre of the ball in the head, d  unit vector of the gaze, camera axes

Angles are degrees, (x, y): + to the right of the picture (the subject's left), + down, as yaw and pitch are. `in the head`: as
seen from the face, 0 is straight ahead; `in the camera`: 0 looks along the camera's axis, as OpenFace's gaze_angle has it."""

from __future__ import annotations

import cv2
import numpy as np

from mimica.face.align import EYE_CORNERS
from mimica.face.head import rotation

EYEBALL = 0.43
"""Radius of the eyeball in eye widths (distances of the corners)."""
IRIS = 0.21
"""Radius of the iris likewise."""
CENTRE = (0.0, 0.09, -0.33)
"""The centre of the eyeball from the middle of the corners, in the head (x right, y up, z to the viewer), in eye widths: the
depth is that of ICT-FaceKit's eyeballs, the height that at which 500 press portraits look level."""
LARGEST = np.sin(np.deg2rad(60.0))
"""Of the sine of a gaze; what lies further out is an error."""

_STAGES: tuple[tuple[tuple[float, ...], float, float, float], ...] = (
    ((0.9, 1.0, 1.1), 0.11, 0.33, 0.55),
    ((0.86, 0.93, 1.0, 1.07, 1.14), 0.045, 0.09, 0.09),
)
"""Of the search, coarse then fine: radii as shares of the first guess; step, reach across and reach down in radii."""
_ANGLES = 72
_ARC = (-0.6, 0.95)
"""Sines of the angles of the arcs that are looked at, down positive: lids and lashes hide the rest."""
_FAR_PRICE, _SIZE_PRICE = 12.0, 60.0
_INSIDE, _OUTSIDE = 0.90, 1.10
_STEP_LIMITS = (-40.0, 60.0)


def find_iris(gray: np.ndarray, centre: np.ndarray, radius: float, opening: np.ndarray) -> tuple[np.ndarray, float]:
    """The circle near a first guess with the greatest step from inside to outside along those arcs that lie in the opening
    between the lids (J. Daugman, "High confidence visual recognition of persons by a test of statistical independence", 1993).

    gray      float32 (H, W), 0 to 255      opening  float32 (H, W) in [0, 1]
    centre    (2,), counted from pixel centres, as the result's

    -> centre float64 (2,), radius.
    """
    calm = cv2.GaussianBlur(gray, (0, 0), max(0.6, radius * 0.06))
    best = np.array([*centre, radius], np.float64)
    for radii, step, across, down in _STAGES:
        steps = [np.arange(-reach, reach + step / 2, step) * radius for reach in (across, down)]
        size, y, x = np.meshgrid(np.array(radii) * radius, *steps[::-1], indexing="ij")
        tried = np.stack([x.ravel() + best[0], y.ravel() + best[1], size.ravel()], axis=1)
        away = ((tried[:, :2] - centre) ** 2).sum(axis=1) / radius**2
        score = _edge(calm, opening, tried) - _FAR_PRICE * away - _SIZE_PRICE * (tried[:, 2] / radius - 1) ** 2
        best = tried[int(score.argmax())]
    return best[:2], float(best[2])


def _edge(gray: np.ndarray, opening: np.ndarray, circles: np.ndarray) -> np.ndarray:
    """(n, 3) circles (x, y, radius) -> (n,), the mean rise of light over the left arc plus that over the right one."""
    angle = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    angle = angle[(np.sin(angle) > _ARC[0]) & (np.sin(angle) < _ARC[1])]
    x, y, radius = (column[:, None] for column in circles.T)

    def along(factor: float, picture: np.ndarray) -> np.ndarray:
        at_x = (x + factor * radius * np.cos(angle)).astype(np.float32)
        at_y = (y + factor * radius * np.sin(angle)).astype(np.float32)
        return cv2.remap(picture, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    rise, seen = np.clip(along(_OUTSIDE, gray) - along(_INSIDE, gray), *_STEP_LIMITS), along(_OUTSIDE, opening)
    total = np.zeros(len(circles))
    for part in (np.cos(angle) < 0, np.cos(angle) > 0):
        total += (rise * seen)[:, part].sum(axis=1) / (seen[:, part].sum(axis=1) + 2)
    return total


def directions(irises: np.ndarray, landmarks: np.ndarray, pose: tuple[float, float, float]) -> np.ndarray:
    """Irises (2, 2) and landmarks (68, 2) of one picture, the head's yaw, pitch, roll -> float64 (2, 3): unit vectors in the
    camera's axes (x right, y down, z to the viewer), the eye at the left of the picture first."""
    turn = rotation(*pose)
    across = max(float(np.hypot(*turn[:2, 0])), 0.3)  # how much the turn shortens an eye's width
    found = []
    for iris, (left, right) in zip(irises, EYE_CORNERS, strict=True):
        corners = np.asarray(landmarks, np.float64)[[left, right]]
        width = max(float(np.hypot(*(corners[1] - corners[0]))), 1e-6) / across
        offset = (np.asarray(iris, np.float64) - corners.mean(axis=0)) / width
        centre = turn @ np.array(CENTRE)
        x, y = (offset - centre[:2] * [1, -1]) / EYEBALL
        length = float(np.hypot(x, y))
        shorter = min(1.0, LARGEST / max(length, 1e-6))
        x, y = x * shorter, y * shorter
        found.append([x, y, np.sqrt(1 - x * x - y * y)])
    return np.array(found)


def to_angles(direction: np.ndarray) -> np.ndarray:
    """(..., 3) unit vectors -> (..., 2) degrees."""
    x, y, z = np.moveaxis(np.asarray(direction, np.float64), -1, 0)
    found: np.ndarray = np.rad2deg(np.stack([np.arctan2(x, z), np.arctan2(y, z)], axis=-1))
    return found


def to_directions(angles: np.ndarray) -> np.ndarray:
    """The inverse of `to_angles`."""
    tangent = np.tan(np.deg2rad(np.asarray(angles, np.float64)))
    vector = np.concatenate([tangent, np.ones((*tangent.shape[:-1], 1))], axis=-1)
    found: np.ndarray = vector / np.linalg.norm(vector, axis=-1, keepdims=True)
    return found


def in_head(angles: np.ndarray, pose: tuple[float, float, float]) -> np.ndarray:
    """Gaze (..., 2) in the camera -> in the head that has this yaw, pitch, roll."""
    flip = np.array([1, -1, 1])
    return to_angles((to_directions(angles) * flip) @ rotation(*pose) * flip)


def in_camera(angles: np.ndarray, pose: tuple[float, float, float]) -> np.ndarray:
    """Gaze (..., 2) in the head -> in the camera."""
    flip = np.array([1, -1, 1])
    return to_angles((to_directions(angles) * flip) @ rotation(*pose).T * flip)
