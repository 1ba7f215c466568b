"""Gaze from irises, lids and head pose, computed: no network of its own.

The network that finds landmarks puts irises too near the middle of the eye: it has learnt them from landmarks that were
inferred from lids as much as seen. So they are searched again in the picture, by the step of light at their edge within the
opening between the lids. The geometry from there to angles is `mimica.face.gaze`'s."""

from __future__ import annotations

import cv2
import numpy as np

from mimica.face.align import EYE_CORNERS, invert, transform
from mimica.face.gaze import IRIS, directions, find_iris, in_head, to_angles

EYE_WIDTH = 44
"""Pixels of an eye's width in the patch that is searched."""
PATCH = (64, 40)
"""Its width and height."""
SHUT = 0.12
"""An eye whose opening is less high than this share of its width shows too little: the network's iris counts."""
LIDS = 6
SEEN = (0.78, 0.70)
"""Shares of a turn (across, down) that the search finds, since lids hide much of an iris that turns away: 320 turns by the
engine of the eyes of 40 people that it may have been trained on."""


def find_irises(gray: np.ndarray, landmarks: np.ndarray, irises: np.ndarray) -> np.ndarray:
    """A gray photo, uint8 (H, W), landmarks (68, 2) and first guesses (2, 2) -> irises, float64 (2, 2), pixels of the photo."""
    found = [_search(gray, landmarks[pair[0] : pair[0] + LIDS], guess) for pair, guess in zip(EYE_CORNERS, irises, strict=True)]
    return np.array(found)


def read_gazes(
    gray: np.ndarray, landmarks: np.ndarray, irises: np.ndarray, pose: tuple[float, float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """As `FaceReading.gazes` has them; `pose` is yaw, pitch and roll in the photo."""
    places = find_irises(gray, landmarks, irises)
    left, right = (in_head(to_angles(directions(places, landmarks, pose)), pose) / SEEN).tolist()
    return (left[0], left[1]), (right[0], right[1])


def _search(gray: np.ndarray, lids: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Lids (6, 2), the corner at the left of the picture first, corners at 0 and 3."""
    corners = np.asarray(lids, np.float64)[[0, 3]]
    along = corners[1] - corners[0]
    width = float(np.hypot(*along))
    if width < 1 or _opening(lids) < SHUT:
        return np.asarray(guess, np.float64)
    scale = EYE_WIDTH / width
    cosine, sine = along / width * scale
    linear = np.array([[cosine, sine], [-sine, cosine]])
    matrix = np.column_stack([linear, np.array(PATCH) / 2 - linear @ corners.mean(axis=0)])
    centred = np.column_stack([linear, matrix[:, 2] + linear @ [0.5, 0.5] - 0.5])  # cv2 counts from pixel centres
    patch = cv2.warpAffine(gray, centred, PATCH, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(PATCH[::-1], np.uint8)
    edge = transform(lids, matrix) - 0.5
    cv2.fillPoly(mask, [np.round(edge * 16).astype(np.int32)], 255, lineType=cv2.LINE_AA, shift=4)
    start = transform(guess, matrix) - 0.5
    centre, _ = find_iris(patch.astype(np.float32), start, IRIS * EYE_WIDTH, mask.astype(np.float32) / 255)
    return transform(centre + 0.5, invert(matrix))


def _opening(lids: np.ndarray) -> float:
    """Height of the opening between the lids over the width of the eye."""
    height = float(np.linalg.norm(lids[1] - lids[5]) + np.linalg.norm(lids[2] - lids[4])) / 2
    return height / max(float(np.linalg.norm(lids[3] - lids[0])), 1e-6)
