"""Contact sheets: pictures in rows, each with a caption."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_INK = (30, 30, 30)


@dataclass(frozen=True)
class Cell:
    """A picture, uint8 (h, w, 3), with its caption below; without a picture the caption stands in its place."""

    image: np.ndarray | None
    caption: str = ""


def sheet(rows: Sequence[Sequence[Cell]], cell: int = 160, gap: int = 6, paper: int = 255) -> np.ndarray:
    """The cells as one picture, uint8 (H, W, 3): every picture fitted into a square of `cell` pixels, `gap` pixels apart, on
    `paper` of that gray. A caption longer than its cell is wrapped or cut."""
    letters = max(11, cell // 12)
    font = ImageFont.load_default(size=letters)
    line = round(1.35 * letters)
    band = line if any(c.caption for row in rows for c in row if c.image is not None) else 0
    pitch_x, pitch_y = cell + gap, cell + gap + band
    columns = max(len(row) for row in rows)
    canvas = Image.new("RGB", (columns * pitch_x + gap, len(rows) * pitch_y + gap), (paper,) * 3)
    draw = ImageDraw.Draw(canvas)
    for j, row in enumerate(rows):
        for i, item in enumerate(row):
            x, y = gap + i * pitch_x, gap + j * pitch_y
            if item.image is None:
                draw.multiline_text(
                    (x + cell / 2, y + cell / 2), _wrapped(item.caption, font, cell), _INK, font, "mm", align="center"
                )
            else:
                picture = _fitted(item.image, cell)
                canvas.paste(picture, (x + (cell - picture.width) // 2, y + (cell - picture.height) // 2))
                draw.text((x + cell / 2, y + cell + band / 2), _cut(item.caption, font, cell), _INK, font, "mm")
    return np.array(canvas)


def _fitted(image: np.ndarray, cell: int) -> Image.Image:
    scale = cell / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return Image.fromarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    while text and font.getlength(text) > width:
        text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
    return text


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    letters = max(4, int(width / font.getlength("n")))
    return "\n".join(line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, letters))


def beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two sheets side by side, on paper where one is shorter."""
    height = max(left.shape[0], right.shape[0])
    padded = [np.pad(s, ((0, height - len(s)), (0, 0), (0, 0)), constant_values=255) for s in (left, right)]
    return np.concatenate(padded, axis=1)
