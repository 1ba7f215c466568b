"""Taking off the glasses that a photo shows, so that others can be put on: rims and temples are painted over with the skin beside
them (A. Telea, "An image inpainting technique based on the fast marching method", 2004), with its grain.

What is left: what lenses do (glare, their edges, eyes made smaller or larger), shadows away from the rims, brows that the rims
hid. Behind dark lenses nothing is known: only sunglasses can take their place."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.layers.drawing import blur
from mimica.face import glasses
from mimica.face.align import crop_from_photo, cut, eye_centres, paste_into, transform

WIDER = (7, 11)
"""Pixels of the crop (its side is `glasses.SIDE`) by which what is found is grown, the first time and the second."""
REACH = 6.0
"""Pixels from which is painted on."""
LINE = 0.10
"""How dark beside the rims, against its surroundings, a temple is."""
ROWS = (-0.45, 0.35)
"""Eye distances above and below the eyes between which temples lie."""
SOFT = 1.6
LEAST = 50
"""Pixels of the cheeks from which their grain is known."""


@dataclass(frozen=True)
class TakenOff:
    """photo  uint8 (H, W, 3), without        dark   whether the lenses are dark: the eyes cannot be seen
    seen   whether rims can still be seen
    """

    photo: np.ndarray
    dark: bool
    seen: bool


def take_off(photo: np.ndarray, landmarks: np.ndarray) -> TakenOff | None:
    """The photo without the glasses of a face with landmarks (68, 2); None where it wears none."""
    side = glasses.SIDE
    matrix = crop_from_photo(landmarks, side)
    crop, points = cut(photo, matrix, side), transform(landmarks, matrix)
    rims = glasses.find_rims(crop, points / side)
    if rims is None:
        return None
    eyes = eye_centres(points)
    dark = bool(np.mean([rims[int(y), int(x)] for x, y in eyes]) >= 0.5)
    bare, whole = crop, np.zeros(rims.shape, np.float32)
    left: np.ndarray | None = rims
    for wider in WIDER:
        if left is None:
            break
        bare, mask = _without(bare, left, points, wider, dark)
        whole = np.maximum(whole, mask)
        left = glasses.find_rims(bare, points / side)
    result = photo.copy()
    paste_into(result, bare, blur(whole, SOFT), matrix)
    return TakenOff(result, dark, left is not None)


def _without(crop: np.ndarray, rims: np.ndarray, points: np.ndarray, wider: int, dark: bool) -> tuple[np.ndarray, np.ndarray]:
    """The crop with skin in place of rims, and where."""
    mask = np.maximum(rims, _temples(crop, points, rims))
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wider, wider)))
    if not dark:
        mask[_eyes(points, mask.shape) > 0] = 0
    painted = cv2.inpaint(crop, mask, REACH, cv2.INPAINT_TELEA).astype(np.float32)
    skin = crop.astype(np.float32)
    fine: np.ndarray = skin - blur(skin, 1.2)
    grain = fine[_cheeks(points, mask.shape) & (mask == 0)]
    if len(grain) > LEAST:
        noise = np.asarray(np.random.default_rng(5).normal(size=mask.shape), np.float32)
        painted += blur(noise, 0.6)[..., None] * np.float32(1.6 * float(grain.std()))
    return np.where(mask[..., None] > 0, np.rint(np.clip(painted, 0, 255)), crop).astype(np.uint8), mask.astype(np.float32)


def _temples(crop: np.ndarray, points: np.ndarray, rims: np.ndarray) -> np.ndarray:
    """uint8 (H, W): dark lines between the rims and the ears."""
    line = glasses.darkness(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)) > LINE
    eyes = eye_centres(points)
    apart, level = float(np.hypot(*(eyes[1] - eyes[0]))), eyes[:, 1].mean()
    columns = np.flatnonzero(rims.any(axis=0))
    allowed = np.zeros(rims.shape, np.uint8)
    rows = np.s_[max(0, int(level + ROWS[0] * apart)) : int(level + ROWS[1] * apart)]
    for a, b in ((points[0, 0], columns[0] + 4), (columns[-1] - 4, points[16, 0])):
        allowed[rows, max(0, int(a)) : max(0, int(b))] = 1
    return allowed & line.astype(np.uint8)


def _eyes(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 (H, W): the openings of the eyes and their lashes."""
    mask = np.zeros(shape, np.uint8)
    for first in (36, 42):
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[first : first + 6]).astype(np.int32)), 1)
    return cv2.dilate(mask, np.ones((9, 9), np.uint8))


def _cheeks(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """bool (H, W): skin below the eyes."""
    mask = np.zeros(shape, np.uint8)
    for places in ((2, 3, 31, 39), (14, 13, 35, 42)):
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[list(places)]).astype(np.int32)), 1)
    return mask > 0
