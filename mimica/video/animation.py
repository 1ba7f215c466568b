"""Moving pictures that FFmpeg does not read well or at all: animated WebP, PNG (APNG) and AVIF, by Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimica.pictures.images import DAMAGED, opened_picture, pixels_of

_DEFAULT_SECONDS = 0.1
"""How long a frame is shown that says nothing, or 0; what browsers do."""


@dataclass(frozen=True)
class Facts:
    """Of an animated picture: frames, size (width, height) as stored."""

    frames: int
    size: tuple[int, int]


def facts(path: Path) -> Facts | None:
    """What an animated WebP, PNG or AVIF says of itself; None for anything else."""
    if not looks_animated(path):
        return None
    with opened_picture(path) as image:
        count = int(getattr(image, "n_frames", 1))
        return Facts(count, image.size) if count > 1 else None


def looks_animated(path: Path) -> bool:
    """By the first bytes: a picture of one of these formats that may move. Nothing is decoded."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
            if head[:8] == b"\x89PNG\r\n\x1a\n":
                return _has_animation_control(path)
            if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
                return bool(head[20] & 0x02)
            return head[4:8] == b"ftyp" and b"avis" in head[8:64]
    except (OSError, IndexError):
        return False


def _has_animation_control(path: Path) -> bool:
    """Whether a PNG has an acTL chunk before its pixels (W3C, "Portable Network Graphics", third edition, 11.3.6.1)."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            if head[4:] == b"acTL":
                return True
            file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return False


def frames(path: Path, count: int) -> Iterator[tuple[float, np.ndarray] | None]:
    """(seconds since the start, uint8 (H, W, 3)) of each frame; None for one that is damaged, after which the rest is too."""
    with opened_picture(path) as image:
        time = 0.0
        for index in range(count):
            try:
                image.seek(index)
                image.load()
                rgb, _ = pixels_of(image)
            except DAMAGED:
                yield None
                return
            yield time, rgb
            milliseconds = float(image.info.get("duration") or 0)
            time += milliseconds / 1000 if milliseconds > 0 else _DEFAULT_SECONDS
