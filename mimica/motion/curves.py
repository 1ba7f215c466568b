"""A track's curves as a picture: a strip for each control that moves, one under the other, over a common axis of time."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mimica.facs import BY_NUMBER
from mimica.motion.track import HEAD, SHIFT, Track

STRIP, LEFT, RIGHT, TOP, BOTTOM = 46, 190, 20, 12, 30
"""Pixels: height of a strip, margins."""
_INK, _FAINT, _GRID = (40, 40, 44), (120, 120, 126), (226, 226, 230)
_LEFT_SIDE, _RIGHT_SIDE, _BOTH = (196, 78, 40), (38, 98, 168), (60, 60, 64)


def draw_curves(track: Track, width: int = 1000) -> np.ndarray:
    """uint8 (H, width, 3). Action Units on a scale of 0 to 1 (relative: -1 to 1), angles on their own; the curve of the
    subject's left side is orange, of the right side blue, of both gray. Controls that never differ from their first value
    are left out, unless none moves."""
    strips = _strips(track)
    height = TOP + STRIP * max(1, len(strips)) + BOTTOM
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    columns = np.arange(LEFT, width - RIGHT)
    times = np.linspace(track.start, max(track.end, track.start + 1e-6), len(columns))
    values = np.stack([track.at(time) for time in times])
    _draw_time_axis(draw, font, track, width, height)
    for row, (label, names) in enumerate(strips.items()):
        y = TOP + row * STRIP
        low, high = _range(track, names, values)
        draw.text((10, y + STRIP / 2 - 8), label, _INK, font=font)
        draw.text((LEFT - 34, y + 1), f"{high:g}", _FAINT, font=ImageFont.load_default(10))
        draw.text((LEFT - 34, y + STRIP - 16), f"{low:g}", _FAINT, font=ImageFont.load_default(10))
        draw.rectangle((LEFT, y + 4, width - RIGHT, y + STRIP - 4), outline=_GRID)
        for name in names:
            share = (values[:, track.names.index(name)] - low) / (high - low)
            heights = y + STRIP - 4 - share * (STRIP - 8)
            draw.line(list(zip(columns.tolist(), heights.tolist(), strict=True)), fill=_colour(name), width=2)
    return np.asarray(picture)


def _strips(track: Track) -> dict[str, list[str]]:
    """Label -> the controls drawn in one strip: both sides of a unit together."""
    moving = [name for name, column in zip(track.names, track.values.T, strict=True) if (column != column[0]).any()]
    strips: dict[str, list[str]] = {}
    for name in moving or track.names[:1]:
        base = name if name in HEAD else name.rstrip("LR")
        label = base if base in HEAD else f"{base} {BY_NUMBER[int(base[2:])].name}"
        strips.setdefault(label, []).append(name)
    return strips


def _range(track: Track, names: list[str], values: np.ndarray) -> tuple[float, float]:
    if names[0] not in HEAD:
        return (-1.0, 1.0) if track.relative else (0.0, 1.0)
    largest = float(np.abs(values[:, [track.names.index(name) for name in names]]).max())
    reach = max(0.05, largest) if names[0] in SHIFT else max(5.0, float(np.ceil(largest)))
    return -reach, reach


def _colour(name: str) -> tuple[int, int, int]:
    if name in HEAD or name[-1] not in "LR":
        return _BOTH
    return _LEFT_SIDE if name[-1] == "L" else _RIGHT_SIDE


def _draw_time_axis(
    draw: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, track: Track, width: int, height: int
) -> None:
    """Seconds at round steps, at most twelve."""
    span = max(track.seconds, 1e-6)
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if span / s <= 12), 200.0)
    first = int(np.ceil(track.start / step - 1e-9))
    for i in range(first, int((track.end + 1e-9) // step) + 1):
        x = LEFT + (i * step - track.start) / span * (width - RIGHT - LEFT - 1)
        draw.line((x, TOP, x, height - BOTTOM + 4), fill=_GRID)
        draw.text((x, height - BOTTOM + 6), f"{i * step:g} s", _FAINT, font=font, anchor="ma")
