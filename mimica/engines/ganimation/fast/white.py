"""The colour that white has in a photo, which everything that is drawn into a mouth is multiplied with: its light is the photo's.

It is read off what is white in every face: teeth where the photo shows them, the whites of the eyes, and where there are neither
(sunglasses) the skin, as far as its tint differs from that of most people's. In a photo whose light has another colour or
strength all of them change with it by the same factors, and so does the white.

Colours are 0 to 255; tints are a colour over its mean."""

from __future__ import annotations

import cv2
import numpy as np

LIMITS = (12.0, 290.0)
"""How dark and how light the white may be; teeth are darker than it."""
TINTS = (0.2, 2.2)
"""Limits of its tint: light of one colour, nearly."""
EYES, SKIN = (0.98, 1.015, 0.99), (0.90, 1.04, 1.06)
"""Tint of teeth over that of the whites of eyes, and about that over skin's, in the mean of 47 portraits."""
HIDDEN = 0.3
"""What is darker than this share of the skin's light is no white of an eye, but lashes or a dark lens."""
WARM_SKIN = 0.4
"""Log of skin's red over blue in white light; with less, as in photos without much colour, `SKIN` counts less."""
FEWEST = 40
"""Pixels of a mouth's opening, at 240 a side of the crop, that may show teeth."""
PALER, LIGHT = 0.95, (0.55, 1.02)
"""Teeth are seen where the light part of the opening has less than this share of the skin's red over green and more than the
first share of its light, or more than the second, whatever its colour: a colourless photo has none."""
TOOTH = 0.72
"""A tooth of the front as a share of white."""


def tooth_white(crop: np.ndarray, eyes: np.ndarray, mouth: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """float32 (3,), of a crop uint8 (H, W, 3); `eyes`, `mouth` (openings) and `skin` are maps of any scale."""
    height, width = crop.shape[:2]
    regions = [cv2.resize(m, (width, height), interpolation=cv2.INTER_AREA) > 0.95 for m in (eyes, mouth, skin)]
    brightness = crop.mean(axis=2)
    face = brightness[regions[2]]
    lit = _share_below(face, 0.75) if face.size else 200.0
    light = _light_part(crop, brightness, regions[2], 0.5)
    white = _light_part(crop, brightness, regions[0], 0.6)
    level = 1.12 * max(float(white.mean()) if white is not None else 0.0, lit)
    tint = _of_eyes_and_skin(white, light)
    teeth = _light_part(crop, brightness, regions[1], 0.6) if regions[1].sum() >= FEWEST * (width / 240) ** 2 else None
    if teeth is not None and light is not None and _are_teeth(teeth, light):
        tint = np.sqrt(tint * _tint(teeth))
        level = 0.5 * (level + float(teeth.mean()) / TOOTH)
    tint = np.clip(tint / tint.mean(), *TINTS)
    white_of_photo: np.ndarray = (np.clip(level, *LIMITS) * tint).astype(np.float32)
    return white_of_photo


def _of_eyes_and_skin(eyes: np.ndarray | None, skin: np.ndarray | None) -> np.ndarray:
    """(3,), the tint of white by the colours of whites of eyes and of skin: by the cooler of both, as small or reddened eyes and
    ruddy skin are wrong to the same side."""
    hidden = eyes is None or (skin is not None and eyes.mean() < HIDDEN * skin.mean())
    found = [] if eyes is None or hidden else [_tint(eyes) * EYES]
    if skin is not None:
        tint = _tint(skin)
        found.append(tint * np.array(SKIN) ** np.clip(_warmth(tint) / WARM_SKIN, 0, 1))
    return min(found, key=_warmth, default=np.ones(3))


def _warmth(tint: np.ndarray) -> float:
    return float(np.log(tint[0] / tint[2]))


def _are_teeth(found: np.ndarray, skin: np.ndarray) -> bool:
    """Whether the light part of an opening is paler than skin, or lighter, and no dark gap."""
    paler = found[0] * max(float(skin[1]), 1.0) < PALER * skin[0] * max(float(found[1]), 1.0)
    return bool(found.mean() > LIGHT[0 if paler else 1] * skin.mean())


def _light_part(crop: np.ndarray, brightness: np.ndarray, region: np.ndarray, share: float) -> np.ndarray | None:
    """(3,), the median colour of a region's pixels that are lighter than a share of them; None for an empty region."""
    if not region.any():
        return None
    values = brightness[region]
    chosen: np.ndarray = np.median(crop[region][values >= _share_below(values, share)], axis=0)
    return chosen


def _tint(colour: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.maximum(colour, 1.0) / max(float(colour.mean()), 1.0)
    return result


def _share_below(values: np.ndarray, share: float) -> float:
    """The value that has this share of the values (n,) below it. (np.percentile imports 40 ms of numpy.)"""
    place = int(share * (values.size - 1))
    return float(np.partition(values, place)[place])
