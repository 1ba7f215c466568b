"""Pillow's picture -> arrays as a picture should be seen: sRGB by its colour profile, upright, transparency apart.

Pixels are converted in strips, so that a large picture is in memory once as Pillow's and once as ours, and no more. Sources:
ICC.1:2022 (profiles), W3C "Portable Network Graphics" 11.3.2 (gAMA), EXIF 2.32 (tag 274, orientation; DCF's R03 for Adobe
RGB), Adobe Systems, "Adobe RGB (1998) color image encoding" (2005).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

DAMAGED = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, RuntimeError, struct.error,
    zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise on damaged data, each its own."""
_STRIP = 250_000
"""Pixels that are converted at a time: they stay in the processor's cache meanwhile."""
_SAME = 2
"""Levels within which a profile that claims to be sRGB gives sRGB's own colours: such a picture is taken as it is."""
_SRGB = ImageCms.createProfile("sRGB")
_Convert = Callable[[Image.Image], Image.Image]


def pixels_of(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Any of Pillow's modes -> uint8 (H, W, 3) and, where there is transparency, uint8 (H, W), both upright."""
    if image.mode == "F":
        raise ValueError("floating-point pixels are not supported, save it with 8 or 16 bits")
    orientation = _orientation(image)
    has_alpha = image.has_transparency_data
    convert = _conversion(image, has_alpha)
    width, height = image.size
    turned = (width, height) if orientation in (5, 6, 7, 8) else (height, width)
    rgb, alpha = np.empty((*turned, 3), np.uint8), np.empty(turned if has_alpha else (0, 0), np.uint8)
    rows = max(1, _STRIP // max(1, width))
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = image if (top, bottom) == (0, height) else image.crop((0, top, width, bottom))
        if has_alpha:
            strip = strip.convert("RGBA")
            _as_stored(alpha, orientation)[top:bottom] = np.asarray(strip.getchannel("A"))
            strip = strip.convert("RGB")
        _as_stored(rgb, orientation)[top:bottom] = np.asarray(convert(strip))
    return rgb, alpha if has_alpha else None


def _as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """A view of an upright array as the file stores it: the inverse of EXIF's orientation."""
    if orientation in (3, 4, 7, 8):
        upright = upright[::-1]
    if orientation in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    return upright.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else upright


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 (upright) where there is none or where EXIF makes no sense."""
    try:
        value = int(image.getexif().get(0x0112, 1))
    except DAMAGED:
        return 1
    return value if 1 <= value <= 8 else 1


def _conversion(image: Image.Image, has_alpha: bool) -> _Convert:
    """What brings a strip of the picture (of its own mode, or RGB where it has transparency) to sRGB."""
    if image.mode.startswith("I"):
        return _from_16_bits
    mode = {"LA": "L"}.get(image.mode, "RGB") if has_alpha else image.mode
    profile = image.info.get("icc_profile")
    if profile:
        for wanted in dict.fromkeys((mode if mode in ("RGB", "CMYK", "L", "LAB") else "RGB", "RGB")):
            transform = _transform(profile, wanted)
            if transform is not None:
                return lambda strip: _applied(strip, wanted, transform)
            if _is_srgb(profile, wanted):
                break
    if mode == "LAB":
        lab = ImageCms.buildTransform(ImageCms.createProfile("LAB"), _SRGB, "LAB", "RGB")
        return lambda strip: _applied(strip, "LAB", lab)
    other = _adobe_rgb(image) if not profile else None
    table = _gamma_table(image) if not profile and other is None else None
    if other is not None:
        return lambda strip: _applied(strip, "RGB", other)
    if table is not None:
        return lambda strip: strip.convert("RGB").point(table)
    return lambda strip: strip if strip.mode == "RGB" else strip.convert("RGB")


def _applied(strip: Image.Image, mode: str, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    made = ImageCms.applyTransform(strip if strip.mode == mode else strip.convert(mode), transform)
    assert made is not None
    return made


def _from_16_bits(strip: Image.Image) -> Image.Image:
    gray = np.asarray(strip).astype(np.float32)  # Pillow's own conversion would clip at 255
    return Image.fromarray(np.clip(np.rint(gray / 257.0), 0, 255).astype(np.uint8)).convert("RGB")


# --- colour profiles ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _profile_space(profile: bytes) -> str:
    """RGB, CMYK, GRAY, Lab; empty for an unusable profile."""
    try:
        return str(ImageCms.getOpenProfile(BytesIO(profile)).profile.xcolor_space.strip())
    except (ImageCms.PyCMSError, OSError, ValueError, AttributeError):
        return ""


@lru_cache(maxsize=8)
def _any_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform to sRGB; None for an unusable or unfitting profile, which, as viewers do, is not counted."""
    if _profile_space(profile) != {"L": "GRAY", "LAB": "Lab"}.get(mode, mode):
        return None
    try:
        return ImageCms.buildTransform(ImageCms.getOpenProfile(BytesIO(profile)), _SRGB, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


@lru_cache(maxsize=8)
def _is_srgb(profile: bytes, mode: str) -> bool:
    """Whether the profile, whatever it calls itself, means sRGB's colours: tried on a grid of them."""
    transform = _any_transform(profile, mode)
    if transform is None or mode not in ("RGB", "L"):
        return False
    levels = np.linspace(0, 255, 18).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, len(levels), 3)
    tried = Image.fromarray(grid if mode == "RGB" else np.ascontiguousarray(grid[..., 0]))
    shown = np.asarray(_applied(tried, mode, transform)).astype(int)
    return bool(np.abs(shown - np.asarray(tried.convert("RGB"))).max() <= _SAME)


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform of a fitting profile that means other colours than sRGB's."""
    return None if _is_srgb(profile, mode) else _any_transform(profile, mode)


def _gamma_table(image: Image.Image) -> list[int] | None:
    """PNG without a profile may say by which power its samples follow the light (gAMA): a table for R, G and B, or None."""
    gamma = image.info.get("gamma")
    if image.format != "PNG" or not gamma or "srgb" in image.info or abs(gamma * 2.2 - 1) < 0.05 or not 0.1 < gamma < 3:
        return None
    light = (np.arange(256) / 255) ** (1 / gamma)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return [int(value) for value in np.rint(255 * coded)] * 3


def _adobe_rgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """Cameras write Adobe RGB without a profile: EXIF then says "uncalibrated" and, by DCF, R03."""
    if image.format != "JPEG" or image.mode != "RGB":
        return None
    try:
        exif = image.getexif()
        if exif.get_ifd(0x8769).get(0xA001) != 65535 or str(exif.get_ifd(0xA005).get(1, "")).strip("\0 ") != "R03":
            return None
    except DAMAGED:
        return None
    return _any_transform(_adobe_profile(), "RGB")


@lru_cache
def _adobe_profile() -> bytes:
    """A matrix profile of Adobe RGB (1998): D50-adapted primaries, gamma 563/256."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    white, curve = (0.9642, 1.0, 0.8249), b"curv\0\0\0\0" + struct.pack(">IH", 1, 563) + b"\0\0"
    columns = {b"rXYZ": (0.60974, 0.31111, 0.01947), b"gXYZ": (0.20528, 0.62567, 0.06087), b"bXYZ": (0.14919, 0.06322, 0.74457)}
    tags = {name: b"XYZ \0\0\0\0" + b"".join(map(fixed, xyz)) for name, xyz in {b"wtpt": white, **columns}.items()}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, place = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", place + len(body), b"\0" * 4, 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += b"\0" * 12 + b"acsp" + b"\0" * 28 + b"".join(map(fixed, white))
    return head.ljust(128, b"\0") + table + body
