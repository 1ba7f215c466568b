"""Where a crop lies in a photo that shows the same, found from the pixels, to a fraction of a pixel.

Source: G. Evangelidis, E. Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient Maximization", IEEE
Transactions on Pattern Analysis and Machine Intelligence 30 (2008), as OpenCV has it.
"""

from __future__ import annotations

import cv2
import numpy as np

from mimica.face.align import invert

_STEPS, _ENOUGH = 60, 1e-5
"""Iterations at most, and the rise of the correlation that ends them."""


def register(photo: np.ndarray, crop: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
    """The affine matrix crop_from_photo, float64 (2, 3), that fits best, and the correlation reached, up to 1.

    photo, crop  uint8 (H, W, 3)
    start        crop_from_photo, off by a few pixels at most; given back with correlation 0 where nothing is found
    """
    matrix = invert(start)
    gray = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (crop, photo)]
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _STEPS, _ENOUGH)
    try:
        found, refined = cv2.findTransformECC(gray[0], gray[1], _shifted(matrix, 0.5).astype(np.float32), cv2.MOTION_AFFINE, stop)
    except cv2.error:  # no overlap, or nothing to see
        return start, 0.0
    return invert(_shifted(np.asarray(refined, np.float64), -0.5)), float(found)


def _shifted(matrix: np.ndarray, by: float) -> np.ndarray:
    """The same map between coordinates that both start `by` pixels later: OpenCV counts from the centre of the first pixel."""
    return np.column_stack([matrix[:, :2], matrix[:, :2] @ [by, by] + matrix[:, 2] - by])
