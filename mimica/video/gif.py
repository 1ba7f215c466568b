"""What GIF needs beyond an encoder: 256 well-chosen colours, and a comment (CompuServe, "Graphics Interchange Format, version
89a", 1990).

One palette serves as many frames as it fits, so that what does not move in the picture does not flicker and costs nothing
in the file; the ordered dither (B. E. Bayer, "An optimum method for two-level rendition of continuous-tone pictures", 1973)
stays in its place for the same reason.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

_BITS = 6
"""Of each channel, that the table from colours to palette entries tells apart."""
_SAMPLES = 128
"""A palette is chosen from about so many pixels squared."""
_DITHER = 12.0
"""Levels between the lowest and the highest threshold."""
_BLOCK = 8
_RENEW_ABOVE = 6.0
"""Levels by which the worst block may miss its colour, more than when the palette was chosen, until a new one is chosen."""


def _bayer(order: int) -> np.ndarray:
    """The (2^order, 2^order) threshold matrix, in [-0.5, 0.5)."""
    matrix = np.zeros((1, 1))
    for _ in range(order):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return matrix / matrix.size - 0.5


class Palette:
    """Turns frames into palette entries, one after the other; the first `most` entries are used, of 256."""

    def __init__(self, most: int = 256) -> None:
        self.most = most
        self.colours = np.zeros((256, 3), np.uint8)
        self._table: np.ndarray | None = None
        self._usual_miss = 0.0

    def apply(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 (H, W, 3) -> entries uint8 (H, W) and colours uint8 (256, 3), dithered."""
        entries = self._entries(rgb) if self._table is not None else None
        if entries is None or self._miss(rgb, entries) > self._usual_miss + _RENEW_ABOVE:
            self._choose(rgb)
            entries = self._entries(rgb)
            self._usual_miss = self._miss(rgb, entries)
        return entries, self.colours

    def _choose(self, rgb: np.ndarray) -> None:
        """Median cut, and the table of the nearest entry to each colour of `_BITS` bits a channel."""
        step = max(1, round((rgb.shape[0] * rgb.shape[1]) ** 0.5 / _SAMPLES))
        sample = Image.fromarray(np.ascontiguousarray(rgb[::step, ::step]))
        flat = sample.quantize(self.most, method=Image.Quantize.MEDIANCUT, kmeans=1).getpalette() or []
        chosen = np.array(flat, np.uint8).reshape(-1, 3)
        self.colours = np.concatenate([chosen, np.repeat(chosen[-1:], 256 - len(chosen), axis=0)])
        levels = (np.arange(2**_BITS, dtype=np.float32) + 0.5) * 2 ** (8 - _BITS) - 0.5
        plane = np.dstack(np.meshgrid(levels, levels, indexing="ij")).reshape(-1, 2)
        colours = self.colours.astype(np.float32)
        by_green_blue = np.square(colours[:, 1:]).sum(axis=1) - 2 * plane @ colours[:, 1:].T
        by_red = np.square(levels[:, None] - colours[:, 0])
        self._table = np.concatenate([np.argmin(by_green_blue + row, axis=1) for row in by_red]).astype(np.uint8)

    def _entries(self, rgb: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        tile = np.rint(_bayer(3) * _DITHER).astype(np.int16)
        dither = np.tile(tile, (-(-height // 8), -(-width // 8)))[:height, :width, None]
        bins = np.clip(rgb + dither, 0, 255).astype(np.int32) >> (8 - _BITS)
        assert self._table is not None
        return self._table[(bins[..., 0] << 2 * _BITS) + (bins[..., 1] << _BITS) + bins[..., 2]]

    def _miss(self, rgb: np.ndarray, entries: np.ndarray) -> float:
        """By how many levels the worst block, seen from afar, is off."""
        size = (max(1, rgb.shape[1] // _BLOCK), max(1, rgb.shape[0] // _BLOCK))
        meant, shown = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (rgb, self.colours[entries]))
        return float(cv2.absdiff(meant, shown).max())


def insert_comment(path: Path, comment: str) -> None:
    """Puts a comment into a GIF file, before its first frame, where readers look first."""
    text = comment.encode()
    blocks = [text[start : start + 255] for start in range(0, len(text), 255)]
    extension = b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    commented = path.with_name(path.name + ".tagged")
    try:
        with path.open("rb") as source, commented.open("wb") as target:
            header = source.read(13)
            colours = 3 * 2 ** ((header[10] & 7) + 1) if header[10] & 0x80 else 0
            target.write(header + source.read(colours) + extension)
            shutil.copyfileobj(source, target)
        os.replace(commented, path)
    finally:
        commented.unlink(missing_ok=True)
