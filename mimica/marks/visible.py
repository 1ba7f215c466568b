"""The mark that people see: the words "AI MODIFIED" in the lower right corner of a picture.

The European Union's AI Act (Regulation 2024/1689, Article 50(4)) asks whoever shows others a deep fake to say so; metadata is
lost on most platforms, words in the picture are not.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WORDS = "AI MODIFIED"
_SHARE = 0.035
"""Height of the letters as a share of the picture's height."""
_OPACITY = 0.85


def labelled(rgb: np.ndarray) -> np.ndarray:
    """The picture, uint8 (H, W, 3), with the words in its corner; a new array."""
    label = _label(rgb.shape[0], rgb.shape[1])
    height, width = label.shape[:2]
    result = rgb.copy()
    corner = result[-height:, -width:]
    corner[:] = np.rint(corner * (1.0 - _OPACITY) + label * _OPACITY).astype(np.uint8)
    return result


def labelled_alpha(alpha: np.ndarray) -> np.ndarray:
    """The transparency, uint8 (H, W), opaque where the words stand; a new array."""
    height, width = _label(*alpha.shape).shape[:2]
    result = alpha.copy()
    result[-height:, -width:] = 255
    return result


@lru_cache(maxsize=8)
def _label(height: int, width: int) -> np.ndarray:
    """White words on dark, float32 (h, w, 3) in [0, 255], for a picture of this size; narrower letters where it is narrow."""
    size = max(8.0, _SHARE * height)
    while True:
        font = ImageFont.load_default(size)
        left, top, right, bottom = font.getbbox(WORDS)
        pad = max(3, round(0.4 * (bottom - top)))
        if right - left + 2 * pad <= width or size <= 4.0:
            break
        size *= 0.8
    shape = min(width, round(right - left) + 2 * pad), min(height, round(bottom - top) + 2 * pad)
    picture = Image.new("RGB", shape, (16, 18, 24))
    ImageDraw.Draw(picture).text((pad - left, pad - top), WORDS, (255, 255, 255), font=font)
    return np.asarray(picture, np.float32)
