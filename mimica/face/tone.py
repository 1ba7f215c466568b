"""The colour line of a photo: what is painted into a face gets no colours that the photo does not have.

A colourless photo has none, a toned print (sepia, selenium, cyanotype) has one for each brightness: its tone curve. Both are
told by the face crop's own chroma: how far it strays from the crop's mean chroma at that brightness. Where it strays as far
as skin, lips and eyes do in colour, nothing is done; where it hardly does, what an engine renders is brought to the curve, or
within the little that the photo itself strays (scans and JPEG are never quite on it). In between, both are mixed.

Brightness and chroma are those of ITU-R BT.601 (Y', Cb, Cr as JPEG has them), levels of 0 to 255.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
MONOCHROME, COLOURED = 5.0, 7.5
"""Levels by which the crop's chroma strays from its curve (`spread`): up to the first it is a toned print, from the second on a
colour photo. See `docs/inputs.md` for what was measured."""
STRAY = 95.0
"""Of so many percent of the pixels the spread is the largest."""
_NARROW, _MANY = 64, 256
"""Pixels a side to which a crop is shrunk before it is judged, so that the noise of scans and the coarse chroma of JPEG do not
count, and that are enough for its curve."""
_FEW = 4
_STAMPS = 0.02
"""The share of a colourless crop that may be in colour all the same: a date, the edge of a frame."""


@dataclass(frozen=True)
class Tone:
    """The colour line of one face crop.

    curve     float32 (256, 2): Cb and Cr, less 128, at each brightness
    stray     how far, in levels, single pixels of the photo are from it
    keep      0: colours come to the line; 1: they stay (then there is no `Tone`)
    gray      whether the crop is colourless to the last bit (but for `_STAMPS`)
    """

    curve: np.ndarray
    stray: float
    keep: float
    gray: bool

    def brought(self, rendered: np.ndarray, crop: np.ndarray) -> np.ndarray:
        """What was rendered from the crop, both uint8 (H, W, 3), in the photo's own colours; what is on the line already stays
        as it is. Of a colourless crop every pixel that has no colour gets none."""
        luma = rendered.astype(np.float32) @ LUMA
        if self.gray:
            plain = np.repeat(np.rint(luma).astype(np.uint8)[..., None], 3, axis=2)
            return np.where(_is_gray(crop)[..., None], plain, rendered)
        chroma = _chroma(rendered, luma)
        own = _at(self.curve, luma)
        away = chroma - own
        length = np.sqrt(np.square(away).sum(axis=-1, keepdims=True))
        allowed = away * np.minimum(1, self.stray / np.maximum(length, 1e-6))
        wanted = own + allowed + self.keep * (away - allowed)
        moved = np.abs(wanted - chroma).max(axis=-1, keepdims=True) > 0.5  # the rest is rounding
        return np.where(moved, _rgb(luma, wanted), rendered)


def tone_of(crop: np.ndarray) -> Tone | None:
    """The colour line of a face crop, uint8 (H, W, 3), if it has hardly any colours beside it; None for a colour photo."""
    if _is_gray(crop).mean() >= 1 - _STAMPS:
        return Tone(np.zeros((256, 2), np.float32), 0.0, 0.0, True)
    shrunk = cv2.resize(crop, (_NARROW, _NARROW), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    keep = (line(shrunk)[1] - MONOCHROME) / (COLOURED - MONOCHROME)
    if keep >= 1:
        return None
    steps = [max(1, length // _MANY) for length in crop.shape[:2]]
    return Tone(*line(crop[:: steps[0], :: steps[1]].reshape(-1, 3)), max(0.0, keep), False)


def _is_gray(rgb: np.ndarray) -> np.ndarray:
    """bool (H, W)."""
    gray: np.ndarray = (rgb[..., 0] == rgb[..., 1]) & (rgb[..., 1] == rgb[..., 2])
    return gray


def level_out(frame: np.ndarray, before: np.ndarray) -> None:
    """Takes the odd level away, in place, that blending leaves between the channels of what was gray: where `frame` is not as
    `before`, and that was colourless, both uint8 (H, W, 3)."""
    rows = max(1, 2_000_000 // frame.shape[1])
    for top in range(0, len(frame), rows):  # in strips: the photo may be large
        now, then = frame[top : top + rows], before[top : top + rows]
        odd = _is_gray(then) & ~_is_gray(now)
        now[odd] = now[odd][:, 1:2]


def line(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """uint8 (n, 3) -> their curve, and how far they stray from it."""
    luma = pixels.astype(np.float32) @ LUMA
    chroma = _chroma(pixels, luma)
    curve = _curve(luma, chroma)
    return curve, float(np.percentile(np.sqrt(np.square(chroma - _at(curve, luma)).sum(axis=1)), STRAY))


def _curve(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """The median chroma at each brightness, (256, 2); where the crop has none, between its neighbours; towards black and white,
    which have no room for chroma, straight to 0."""
    level = np.rint(luma).astype(int)
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(257))
    known = [i for i in range(256) if starts[i + 1] - starts[i] >= _FEW]
    if not known:
        return np.tile(np.median(chroma, axis=0), (256, 1)).astype(np.float32)
    middle = np.stack([_medians(chroma[:, i], level, starts)[known] for i in (0, 1)], axis=1)
    places = np.array([0, *known, 255] if 0 not in known and 255 not in known else known, np.float64)
    values = np.vstack([np.zeros(2), middle, np.zeros(2)]) if len(places) > len(known) else middle
    return np.stack([np.interp(np.arange(256), places, values[:, i]) for i in (0, 1)], axis=1).astype(np.float32)


def _medians(values: np.ndarray, level: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(256,), the median of the values (n,) at each level (n,), of which `starts` (257,) counts those below; 0 where none is."""
    ordered = np.append(values[np.lexsort((values, level))], np.float32(0))
    count = np.diff(starts)
    low, high = starts[:-1] + np.maximum(count - 1, 0) // 2, starts[:-1] + count // 2
    return np.where(count > 0, np.float32(0.5) * (ordered[low] + ordered[high]), np.float32(0))


def _at(curve: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """The curve at any brightness (...,) -> (..., 2), linear between levels."""
    low = np.clip(np.floor(luma).astype(np.int32), 0, 254)
    part = (luma - low)[..., None]
    at: np.ndarray = curve[low] * (1 - part) + curve[low + 1] * part
    return at


def _chroma(rgb: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """(..., 3) -> Cb and Cr, less 128, float32 (..., 2)."""
    cb = (rgb[..., 2] - luma) * np.float32(0.5 / (1 - LUMA[2]))
    cr = (rgb[..., 0] - luma) * np.float32(0.5 / (1 - LUMA[0]))
    return np.stack([cb, cr], axis=-1)


def _rgb(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """The inverse: uint8 (..., 3)."""
    red = luma + chroma[..., 1] * np.float32((1 - LUMA[0]) / 0.5)
    blue = luma + chroma[..., 0] * np.float32((1 - LUMA[2]) / 0.5)
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    return np.rint(np.clip(np.stack([red, green, blue], axis=-1), 0, 255)).astype(np.uint8)
