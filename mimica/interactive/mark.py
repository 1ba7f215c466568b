"""The visible mark "AI MODIFIED" in the corner of what a camera shows, as the European Union's AI Act (Regulation 2024/1689,
article 50) asks of whoever shows others a picture of a person that a machine has changed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WORDS = "AI MODIFIED"
LAW = (
    "without the mark you must tell those who watch, in another clear way and from the first frame on, that the picture is made "
    "by a machine (in the European Union: Regulation 2024/1689, article 50)."
)
_SHARE = 0.035
"""Height of the letters as a share of the picture's."""


def marked(rgb: np.ndarray) -> np.ndarray:
    """The picture, uint8 (H, W, 3), with the mark in its lower right corner; a new array."""
    label, weight = _label(rgb.shape[0], rgb.shape[1])
    height, width = weight.shape[:2]
    result = rgb.copy()
    corner = result[-height:, -width:]
    corner[:] = np.rint(corner * (1 - weight) + label * weight).astype(np.uint8)
    return result


@lru_cache(maxsize=8)
def _label(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The mark for a picture of this size: float32 colours (h, w, 3) and weights (h, w, 1)."""
    font = ImageFont.load_default(max(8, round(_SHARE * height)))
    left, top, right, bottom = font.getbbox(WORDS)
    pad = max(2, round(0.4 * (bottom - top)))
    size = min(width, round(right - left) + 2 * pad), min(height, round(bottom - top) + 2 * pad)
    picture = Image.new("RGB", size, (16, 18, 24))
    ImageDraw.Draw(picture).text((pad - left, pad - top), WORDS, (255, 255, 255), font=font)
    return np.asarray(picture, np.float32), np.full((size[1], size[0], 1), 0.85, np.float32)
