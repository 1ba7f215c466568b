"""Small pictures for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

RAMP = np.dstack([*np.meshgrid(np.arange(0, 240, 6), np.arange(0, 240, 8)), np.full((30, 40), 77)]).astype(np.uint8)
"""uint8 (30, 40, 3): every corner has its own colour."""


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path
