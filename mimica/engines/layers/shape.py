"""Weight, the oval of the face, nose and lips: landmarks are moved, and the photo's pixels with them.

The moves are in eye distances along the face, symmetric, and by eye; a dose of 1 is what one notices. Between the
landmarks they are continued smoothly; those that stay hold what is near them. Straight lines beside the face bend a little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.face.align import eye_centres
from mimica.face.attributes import Worn

Moves = Callable[[np.ndarray], np.ndarray]
REACH = {"weight": 0.24, "oval": 0.24, "nose": 0.10, "pointed_nose": 0.10, "lips": 0.07}
"""Eye distances over which a landmark takes its surroundings along."""
DOUBT = 0.35
"""Weight of staying: away from all landmarks motion fades."""
LEAST = 0.05
"""Pixels: less motion is none."""
CELL = 8
_JAW = np.interp(np.arange(17), [0, 2, 5, 8, 11, 14, 16], [0.0, 0.09, 0.18, 0.0, -0.18, -0.09, 0.0])
"""How far each landmark of the jaw goes outwards (to the left of the picture is +) with weight."""


@dataclass(frozen=True)
class Shaped:
    """photo      uint8 (H, W, 3)      landmarks, irises   where they are now, float32
    mask       float32 over `box`, where pixels moved and how far, 1 at most
    """

    photo: np.ndarray
    landmarks: np.ndarray
    irises: np.ndarray
    mask: np.ndarray


def shape(photo: np.ndarray, landmarks: np.ndarray, irises: np.ndarray, worn: Worn, box: tuple[int, int, int, int]) -> Shaped:
    """One attribute of shape on the photo, within a box of it."""
    points = np.asarray(landmarks, np.float64)
    eyes = eye_centres(points)
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    across = (eyes[1] - eyes[0]) / apart
    axes = np.stack([across, [-across[1], across[0]]])
    moves = worn.dose * apart * moves_of(worn.name) @ axes
    reach = REACH[worn.name] * apart
    x0, y0, x1, y1 = box
    flow = _flow(points + moves - [x0, y0], -moves, reach, (y1 - y0, x1 - x0))
    flow[np.hypot(flow[..., 0], flow[..., 1]) < LEAST] = 0
    y, x = np.mgrid[: y1 - y0, : x1 - x0].astype(np.float32)
    part = photo[y0:y1, x0:x1]
    moved = cv2.remap(part, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    result = photo.copy()
    result[y0:y1, x0:x1] = moved
    length = np.hypot(flow[..., 0], flow[..., 1])
    places = (points, np.asarray(irises, np.float64))
    marks, pupils = (np.asarray(each + _moved(each, points, moves, reach), np.float32) for each in places)
    return Shaped(result, marks, pupils, (length / max(float(length.max()), 1e-6)).astype(np.float32))


def moves_of(name: str) -> np.ndarray:
    """(68, 2): to the right and down, eye distances, for a dose of 1."""
    moves = np.zeros((68, 2))
    if name == "weight":
        moves[:17, 0] = -_JAW
        moves[6:11, 1] = [0.03, 0.05, 0.06, 0.05, 0.03]
        moves[[31, 35], 0] = [-0.02, 0.02]
    elif name == "oval":
        moves[:17, 0] = np.interp(np.arange(17), [0, 3, 5, 8, 11, 13, 16], [0.0, 0.05, 0.10, 0.0, -0.10, -0.05, 0.0])
        moves[6:11, 1] = [0.03, 0.07, 0.08, 0.07, 0.03]
    elif name == "nose":
        moves[31:36, 0] = [-0.080, -0.040, 0.0, 0.040, 0.080]
        moves[[30, 31, 32, 33, 34, 35], 1] = [0.040, 0.030, 0.050, 0.055, 0.050, 0.030]
    elif name == "pointed_nose":
        moves[31:36, 0] = [0.065, 0.032, 0.0, -0.032, -0.065]
        moves[[30, 32, 33, 34], 1] = [0.020, 0.020, 0.035, 0.020]
    else:
        moves[48:60, 1] = [0, -0.045, -0.070, -0.060, -0.070, -0.045, 0, 0.065, 0.095, 0.105, 0.095, 0.065]
    return moves


def _flow(places: np.ndarray, moves: np.ndarray, reach: float, size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W, 2): the moves at the places continued over a picture, on a coarse grid first."""
    height, width = size
    cell = max(1, min(CELL, int(reach / 4)))
    rows, columns = height // cell + 2, width // cell + 2
    y, x = (np.mgrid[:rows, :columns] * cell).astype(np.float64)
    coarse = _moved(np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5, places, moves, reach).reshape(rows, columns, 2)
    scale = np.array([[cell, 0, 0], [0, cell, 0]], np.float64)
    return cv2.warpAffine(
        coarse.astype(np.float32), scale, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _moved(points: np.ndarray, places: np.ndarray, moves: np.ndarray, reach: float) -> np.ndarray:
    """(n, 2): what the moves (68, 2) at the places amount to at the points (n, 2)."""
    apart = ((points[:, None] - places) ** 2).sum(axis=-1)
    near = np.exp(-apart / (2 * reach**2))
    moved: np.ndarray = near @ moves / (near.sum(axis=1, keepdims=True) + DOUBT)
    return moved
