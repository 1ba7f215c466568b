"""Decoded frames -> uint8 (H, W, 3) sRGB, by the frame's own tags (ITU-T H.273): BT.709, BT.601, BT.2020, full or limited
range; wide primaries brought to BT.709's; and HDR (PQ of SMPTE ST 2084, HLG of ARIB STD-B67, both in ITU-R BT.2100) shown on
an ordinary screen: diffuse white, 203 cd/m2 by ITU-R BT.2408, stays a light tone, what shines more is rolled off.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

_BT601_CODES, _BT2020_CODES = (4, 5, 6), (9, 10)  # of ITU-T H.273, matrix coefficients; all others are BT.709 here
PQ, HLG = 16, 18
"""Transfer characteristics of ITU-T H.273."""
WHITE, PEAK = 203.0, 1000.0
"""cd/m2: diffuse white, and what is shown as the lightest tone."""
KNEE = 0.5
"""Share of diffuse white up to which tones stay as they are."""
_STEPS = 4096

_TO_BT709 = {
    9: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),  # BT.2020; ITU-R BT.2087
    11: ((1.1572, -0.1550, -0.0022), (-0.0416, 1.0453, -0.0037), (-0.0190, -0.0790, 1.0980)),  # DCI-P3, its own white
    12: ((1.2249, -0.2247, -0.0002), (-0.0420, 1.0421, -0.0001), (-0.0196, -0.0786, 1.0979)),  # Display P3, D65
}
"""Primaries (ITU-T H.273) -> linear RGB to linear RGB of BT.709."""


def to_srgb(frame: av.VideoFrame, context: Any = None) -> np.ndarray:
    """A decoded frame of any pixel format -> uint8 (H, W, 3); `context`, the stream's, says what the frame does not."""
    transfer, primaries = (_tag(frame, context, name) for name in ("color_trc", "color_primaries"))
    wide = primaries in _TO_BT709
    if frame.format.has_palette or (frame.format.is_rgb and not wide and transfer not in (PQ, HLG)):
        return frame.to_ndarray(format="rgb24")
    if transfer not in (PQ, HLG) and not wide:
        return _rgb(frame, "rgb24")
    coded = _rgb(frame, "rgb48le") >> 4
    matrix = np.array(_TO_BT709.get(primaries, np.eye(3)), np.float32)
    linear = cv2.transform(_linear_table(transfer)[coded], matrix)
    if transfer == HLG:  # the display's gamma of 1.2 acts on the light of all three together
        luma = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        linear = linear * (np.maximum(luma, 1e-6)[..., None] ** np.float32(0.2) * np.float32(PEAK / WHITE))
    if transfer in (PQ, HLG):
        linear = rolled_off(linear)
    return _srgb_table()[np.rint(np.clip(linear, 0, 1) * (_STEPS - 1)).astype(np.int32)]


def _tag(frame: av.VideoFrame, context: Any, name: str) -> int:
    """0 and 2 say nothing."""
    values = (int(getattr(source, name, None) or 2) for source in (frame, context))
    return next((value for value in values if value not in (0, 2)), 2)


def _rgb(frame: av.VideoFrame, pixel_format: str) -> np.ndarray:
    if frame.format.is_rgb:
        return frame.to_ndarray(format=pixel_format)
    code = int(frame.colorspace)
    if code == 2:  # not said: as players do, standard definition is taken for BT.601
        code = 1 if frame.height > 576 else 5
    space = Colorspace.ITU601 if code in _BT601_CODES else Colorspace.BT2020 if code in _BT2020_CODES else Colorspace.ITU709
    full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
    return frame.reformat(
        format=pixel_format,
        src_colorspace=space,
        dst_colorspace=Colorspace.ITU601,  # RGB has none, but older PyAV converts nothing if both are the same
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()


def rolled_off(light: np.ndarray) -> np.ndarray:
    """Linear light, float32 (..., 3), 1 is diffuse white -> 0 to 1: the strongest channel follows a curve that is straight up
    to `KNEE` and then bends so that `PEAK` comes to 1; the others keep their ratio to it."""
    strongest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    over, room, most = np.maximum(strongest - KNEE, 0), 1 - KNEE, PEAK / WHITE - KNEE
    bent = np.minimum(over / (1 + over * (1 / room - 1 / most)), room)  # slope 1 at the knee; `most` comes to `room`
    shown: np.ndarray = light * ((np.minimum(strongest, KNEE) + bent) / strongest)
    return np.clip(shown, 0, 1)


@lru_cache
def _linear_table(transfer: int) -> np.ndarray:
    """Code values 0 to 4095 -> light, float32 (4096,): of PQ and HLG with diffuse white at 1 (HLG before the display's gamma,
    1 at its peak), of others by the curve that ordinary screens have."""
    code = np.arange(_STEPS) / (_STEPS - 1)
    if transfer == PQ:  # SMPTE ST 2084, equation 4.1
        root = code ** (32 / 2523)
        light = (np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)
        return (light * 10000 / WHITE).astype(np.float32)
    if transfer == HLG:  # ITU-R BT.2100-2, table 5
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12).astype(np.float32)
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)


@lru_cache
def _srgb_table() -> np.ndarray:
    light = np.arange(_STEPS) / (_STEPS - 1)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * coded).astype(np.uint8)
