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
    result, (x0, y0, x1, y1) = photo.copy(), box
    mask = np.zeros((y1 - y0, x1 - x0), np.float32)
    marks, pupils = shape_in_place(result[y0:y1, x0:x1], landmarks, irises, worn, (x0, y0), mask)
    return Shaped(result, marks, pupils, mask)


def shape_in_place(
    part: np.ndarray,
    landmarks: np.ndarray,
    irises: np.ndarray,
    worn: Worn,
    corner: tuple[int, int] = (0, 0),
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The same in a part of a photo, uint8 (h, w, 3), with that corner in it, and in `mask`, if it is given; the rest is not even
    looked at. Gives landmarks and irises where they are now."""
    points = np.asarray(landmarks, np.float64)
    eyes = eye_centres(points)
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    across = (eyes[1] - eyes[0]) / apart
    axes = np.stack([across, [-across[1], across[0]]])
    moves = worn.dose * apart * moves_of(worn.name) @ axes
    reach = REACH[worn.name] * apart
    flow, (x0, y0) = _flow(points + moves - corner, -moves, reach, part.shape[:2])
    height, width = flow.shape[:2]
    if height and width:
        y, x = np.mgrid[y0 : y0 + height, x0 : x0 + width].astype(np.float32)
        here = part[y0 : y0 + height, x0 : x0 + width]
        here[...] = cv2.remap(part, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if mask is not None and height and width:
        length = cv2.magnitude(flow[..., 0].copy(), flow[..., 1].copy())
        mask[y0 : y0 + height, x0 : x0 + width] = length / max(float(length.max()), 1e-6)
    places = (points, np.asarray(irises, np.float64))
    marks, pupils = (np.asarray(each + _moved(each, points, moves, reach), np.float32) for each in places)
    return marks, pupils


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


def _flow(places: np.ndarray, moves: np.ndarray, reach: float, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """float32 (h, w, 2): the moves at the places continued over as much of a picture (height, width) as they move, worked out on
    a coarse grid first; and its corner."""
    height, width = size
    cell = max(1, min(CELL, int(reach / 4)))
    # A Gaussian on a grid is one down times one across.
    down, across = (
        np.exp(-((cell * np.arange(end // cell + 2)[:, None] + 0.5 - places[:, axis]) ** 2) / (2 * reach**2))
        for end, axis in ((height, 1), (width, 0))
    )
    coarse = np.stack([(down * moves[:, axis]) @ across.T for axis in (0, 1)], axis=-1) / (down @ across.T + DOUBT)[..., None]
    coarse[np.hypot(coarse[..., 0], coarse[..., 1]) < LEAST] = 0
    column, row, columns, rows = cv2.boundingRect(coarse.any(axis=2).astype(np.uint8))
    column, row, right, below = max(0, column - 1), max(0, row - 1), column + columns, row + rows
    x0, y0, width, height = cell * column, cell * row, min(width, cell * right), min(height, cell * below)
    if x0 >= width or y0 >= height:
        return np.zeros((0, 0, 2), np.float32), (0, 0)
    scale, near = np.array([[cell, 0, 0], [0, cell, 0]], np.float64), coarse[row:, column:].astype(np.float32)
    whole = cv2.warpAffine(near, scale, (width - x0, height - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return whole, (x0, y0)


def _moved(points: np.ndarray, places: np.ndarray, moves: np.ndarray, reach: float) -> np.ndarray:
    """(n, 2): what the moves (68, 2) at the places amount to at the points (n, 2)."""
    apart = ((points[:, None] - places) ** 2).sum(axis=-1)
    near = np.exp(-apart / (2 * reach**2))
    moved: np.ndarray = near @ moves / (near.sum(axis=1, keepdims=True) + DOUBT)
    return moved
