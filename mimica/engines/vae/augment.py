"""Pictures and masks varied a little, as alignment and cameras vary them."""

from __future__ import annotations

import cv2
import numpy as np


def augmented(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its mask mirrored, shifted, turned and scaled a little, as alignment errs; the picture tinted."""
    side = len(image)
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    scale, shift = float(np.exp(rng.normal(0, 0.025))), rng.normal(0, 0.012 * side, 2)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.normal(0, 2.0)), scale)
    matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + shift])
    image, mask = (
        cv2.warpAffine(np.ascontiguousarray(p), matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for p in (image, mask)
    )
    gain = np.exp(rng.normal(0, 0.08) + rng.normal(0, 0.03, 3))
    table = np.rint(255 * np.clip(np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.08)) * gain, 0, 1))
    tinted = cv2.LUT(image, table.astype(np.uint8)[None])
    return tinted, mask
