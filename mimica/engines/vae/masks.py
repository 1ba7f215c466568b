"""Masks of face, hair and hat where a data set has none: GrabCut, seeded from the landmarks.

C. Rother, V. Kolmogorov, A. Blake, "GrabCut: interactive foreground extraction using iterated graph cuts" (2004), as OpenCV
has it. Surely head: the face within the jaw, and the skull above it. Perhaps head: an ellipse around both. Surely not: a rim of
the picture's upper half, and what lies straight below the chin (neck, clothes). The rest is perhaps background.

Known to be weak: long hair is often lost where it falls below the chin; hair of the background's colour.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from mimica.errors import ImageError
from mimica.pictures.images import read_photo, write_image
from mimica.pictures.pixels import to_unit

SIDE = 160
"""Side in pixels at which GrabCut works; masks are brought to the picture's size."""
ROUNDS = 4
_RIM = 0.03


def head_mask(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """uint8 (S, S, 3), an ffhq crop, and its landmarks (68, 2) in pixels -> uint8 (S, S), 255 where head is."""
    side = picture.shape[0]
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC)
    labels = seeds(landmarks * (SIDE / side))
    sure = labels == cv2.GC_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # GrabCut's colour models start from k-means
    no_box = (0, 0, 1, 1)  # not looked at where there are seeds
    cv2.grabCut(small, labels, no_box, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    head = _around_the_face((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), sure)
    return cv2.resize(head, (side, side), interpolation=cv2.INTER_LINEAR)


def seeds(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks in pixels of `SIDE` -> GrabCut's labels, uint8 (SIDE, SIDE)."""
    labels = np.full((SIDE, SIDE), cv2.GC_PR_BGD, np.uint8)
    points = landmarks.astype(np.float64)
    chin, brows = points[8], points[17:27].mean(0)
    up, width = brows - chin, float(np.hypot(*(points[16] - points[0])))
    centre, angle = brows + 0.08 * up, float(np.degrees(np.arctan2(up[0], -up[1])))
    hair = (0.72 * width, 0.95 * float(np.hypot(*up)))
    cv2.ellipse(labels, (_tuple(centre), (2 * hair[0], 2 * hair[1]), angle), int(cv2.GC_PR_FGD), -1)
    _fill(labels, _below_the_chin(points), cv2.GC_BGD)
    rim = max(1, round(_RIM * SIDE))
    level = int(np.clip(points[30, 1], 0, SIDE))  # lower down, long hair may reach the rim
    labels[:level, :rim] = labels[:level, -rim:] = cv2.GC_BGD
    labels[:rim, : SIDE // 4] = labels[:rim, -SIDE // 4 :] = cv2.GC_BGD
    temples = points[[0, 16]] + 0.35 * up
    skull = np.vstack([points[:17], temples, brows + 0.16 * (points[[0, 16]] - points[27]) + 0.58 * up])
    hull = cv2.convexHull(skull.astype(np.float32))[:, 0]
    _fill(labels, hull.mean(0) + 0.96 * (hull - hull.mean(0)), cv2.GC_FGD)
    return labels


def _below_the_chin(points: np.ndarray) -> np.ndarray:
    """A trapezium from the jaw down to the picture's lower edge and beyond."""
    left, right, chin = points[5], points[11], points[8]
    down = (chin - points[27]) / np.hypot(*(chin - points[27])) * SIDE
    apart = 0.15 * (right - left)
    return np.array([left, chin, right, right + apart + down, left - apart + down])


def _around_the_face(head: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """The part of the find that hangs together with the face, without holes and frays: uint8, 0 or 255, softened."""
    found = cv2.morphologyEx(head.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) | sure.astype(np.uint8)
    _, parts = cv2.connectedComponents(found)
    kept = (np.isin(parts, np.unique(parts[sure])) & (parts > 0)).astype(np.uint8)
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(kept)
    cv2.drawContours(filled, outlines, -1, 255, cv2.FILLED)
    return cv2.GaussianBlur(filled, (0, 0), 1.0)


def _fill(labels: np.ndarray, polygon: np.ndarray, value: int) -> None:
    cv2.fillPoly(labels, [np.rint(polygon).astype(np.int32)], int(value))


def _tuple(point: np.ndarray) -> tuple[float, float]:
    return float(point[0]), float(point[1])


def cached_mask(picture: np.ndarray, landmarks: np.ndarray, cache: Path | None) -> np.ndarray:
    """`head_mask`, kept as a PNG in the folder `cache` under a checksum of picture and landmarks (None: not kept)."""
    if cache is None:
        return head_mask(picture, landmarks)
    content = picture.tobytes() + np.round(landmarks * 8).astype(np.int32).tobytes() + bytes([ROUNDS])
    path = cache / f"{hashlib.sha256(content).hexdigest()[:24]}.png"
    if path.is_file():
        with suppress(ImageError):  # a damaged one is made anew
            return read_photo(path).rgb[:, :, 0]
    mask = head_mask(picture, landmarks)
    cache.mkdir(parents=True, exist_ok=True)
    write_image(path, np.repeat(mask[:, :, None], 3, axis=2))
    return mask


def overlay(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture with the background turned green and pale, to check a mask by eye: uint8 (S, S, 3)."""
    weight = to_unit(mask[..., None])
    pale = 0.35 * picture + np.array([20, 140, 60], np.float32)
    return np.rint(weight * picture + (1 - weight) * pale).clip(0, 255).astype(np.uint8)
