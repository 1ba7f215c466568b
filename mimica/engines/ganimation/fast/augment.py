"""What users' cameras do to photos: colour of the light, exposure, contrast, light from one side, blur, few pixels, JPEG.

A `Look` is drawn once for a pair of frames and given to both, so that the change from one to the other stays the change of
the expression. Only what a camera adds after the light, the blocks of JPEG, stays with the source: the wanted picture is
clean, as nobody asks a generator for new blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.pictures.pixels import from_unit, to_unit

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Look:
    """gain       (3,) factors on red, green and blue            gamma   exponent; above 1 is darker
    saturation 0 is gray, 1 as it was                         slope   (2,) change of light across and down the picture
    blur       sigma in pixels                                shrink  to this share of the pixels a side and back
    quality    of the JPEG, 0: none"""

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    saturation: float = 1.0
    slope: tuple[float, float] = (0.0, 0.0)
    blur: float = 0.0
    shrink: float = 1.0
    quality: int = 0


def draw(rng: np.random.Generator) -> Look:
    """A random look; each fault is there in a part of the draws only."""
    tint = np.exp(rng.normal(0, 0.07, 3) + rng.normal(0, 0.2))
    turn, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.35) * (rng.random() < 0.4)
    return Look(
        gain=(float(tint[0]), float(tint[1]), float(tint[2])),
        gamma=float(np.exp(rng.normal(0, 0.15))),
        saturation=float(rng.uniform(0.4, 1.3)) if rng.random() > 0.08 else 0.0,
        slope=(float(slope * np.cos(turn)), float(slope * np.sin(turn))),
        blur=float(rng.uniform(0.3, 1.3)) if rng.random() < 0.3 else 0.0,
        shrink=float(rng.uniform(0.4, 0.9)) if rng.random() < 0.25 else 1.0,
        quality=int(rng.integers(35, 95)) if rng.random() < 0.5 else 0,
    )


def look_at(image: np.ndarray, look: Look, *, blocks: bool = True) -> np.ndarray:
    """uint8 RGB (H, W, 3) -> the same as the look shows it; `blocks`: with its JPEG. The neutral look changes nothing."""
    if look == Look():
        return image
    height, width = image.shape[:2]
    x: np.ndarray = to_unit(image)
    x = (x @ LUMA)[..., None] * (1 - look.saturation) + x * look.saturation
    across, down = (np.linspace(-1, 1, n, dtype=np.float32) for n in (width, height))
    light = 1 + look.slope[0] * across[None] + look.slope[1] * down[:, None]
    x = np.clip(x, 0, 1) ** np.float32(look.gamma) * np.array(look.gain, np.float32) * light[..., None]
    if look.blur:
        x = cv2.GaussianBlur(x, (0, 0), look.blur)
    if look.shrink < 1:
        small = cv2.resize(x, (round(width * look.shrink), round(height * look.shrink)), interpolation=cv2.INTER_AREA)
        x = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    seen = from_unit(x)
    if look.quality and blocks:
        _, code = cv2.imencode(".jpg", seen[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, look.quality])
        seen = np.ascontiguousarray(np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))[..., ::-1])
    return seen
