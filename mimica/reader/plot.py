"""The picture that `mimica read --plot` makes: the photo with what was read drawn into it, and beside it each face large,
with bars for its Action Units and emotions. Drawn with Pillow, at several times the size, so that thin lines come out smooth.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mimica.facs import ACTION_UNITS, EMOTIONS
from mimica.reader.read import FaceReading

Colour = tuple[int, int, int]
_PAPER, _INK, _FAINT, _TROUGH = (255, 255, 255), (34, 38, 46), (125, 131, 142), (233, 236, 240)
_IRIS: Colour = (255, 214, 64)
_COLOURS: tuple[Colour, ...] = ((0, 158, 168), (222, 91, 66), (110, 92, 196), (214, 140, 0), (46, 139, 87), (196, 62, 130))
"""One a face, again from the first after the last."""

_PHOTO = (1000, 840)
"""The photo is brought to fit into this (width, height)."""
_PANEL = (400, 840)
_MARGIN, _FACE, _ROW, _BAR = 24, 168, 23, 118
_FINE = 3
"""How much larger lines are drawn before they are made smaller."""
_PARTS: tuple[tuple[slice, bool], ...] = (
    (slice(0, 17), False),
    (slice(17, 22), False),
    (slice(22, 27), False),
    (slice(27, 31), False),
    (slice(31, 36), False),
    (slice(36, 42), True),
    (slice(42, 48), True),
    (slice(48, 60), True),
    (slice(60, 68), True),
)
"""Which of the 68 landmarks make a line, and whether it is closed."""
SIDES_DIFFER = 0.1
"""From this difference on, the two sides of an Action Unit are shown apart."""


def reading_picture(rgb: np.ndarray, readings: Sequence[FaceReading]) -> np.ndarray:
    """The photo, uint8 (H, W, 3), with box, landmarks and irises of each face, numbered from 1, and a panel for each: up to
    three beside the photo, more below it. uint8 (h, w, 3)."""
    photo = _photo_with_faces(rgb, readings)
    panels = [_panel(rgb, reading, number) for number, reading in enumerate(readings, start=1)]
    beside = panels if len(panels) <= 3 else []
    below = panels[len(beside) :]
    columns = max(1, min(len(below), 4))
    gap = _MARGIN if below else 0
    width = max(photo.width + len(beside) * _PANEL[0], columns * _PANEL[0]) + 2 * _MARGIN
    top = max([photo.height, *(panel.height for panel in beside)])
    picture = Image.new("RGB", (width, 2 * _MARGIN + top + gap + ceil(len(below) / columns) * _PANEL[1]), _PAPER)
    left = (width - photo.width - len(beside) * _PANEL[0]) // 2
    picture.paste(photo, (left, _MARGIN + (top - photo.height) // 2))
    for i, panel in enumerate(beside):
        picture.paste(panel, (left + photo.width + i * _PANEL[0], _MARGIN))
    for i, panel in enumerate(below):
        picture.paste(panel, (_MARGIN + i % columns * _PANEL[0], _MARGIN + top + gap + i // columns * _PANEL[1]))
    return np.array(picture)


def _colour(number: int) -> Colour:
    return _COLOURS[(number - 1) % len(_COLOURS)]


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


# --- the photo ------------------------------------------------------------------------------------------------------


def _photo_with_faces(rgb: np.ndarray, readings: Sequence[FaceReading]) -> Image.Image:
    height, width = rgb.shape[:2]
    scale = min(_PHOTO[0] / width, _PHOTO[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    photo = Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS)
    overlay = Image.new("RGBA", (size[0] * _FINE, size[1] * _FINE))
    draw = ImageDraw.Draw(overlay)
    for number, reading in enumerate(readings, start=1):
        colour = _colour(number)
        x0, y0, x1, y1 = (float(value) * scale * _FINE for value in reading.box_photo)
        draw.rounded_rectangle((x0, y0, x1, y1), 8 * _FINE, outline=(*colour, 255), width=2 * _FINE)
        _draw_points(draw, reading, np.array([[scale * _FINE, 0, 0], [0, scale * _FINE, 0]]), colour)
        if len(readings) > 1:
            _draw_number(draw, (x0, y0), number, colour)
    photo.paste(
        overlay.convert("RGB").resize(size, Image.Resampling.BOX), mask=overlay.getchannel("A").resize(size, Image.Resampling.BOX)
    )
    return photo


def _draw_points(draw: ImageDraw.ImageDraw, reading: FaceReading, matrix: np.ndarray, colour: Colour) -> None:
    """Lines through the landmarks, their points, and the irises; `matrix` (2, 3) is canvas from photo."""
    points = reading.landmarks_photo @ matrix[:, :2].T + matrix[:, 2]
    irises = reading.irises_photo @ matrix[:, :2].T + matrix[:, 2]
    unit = reading.eye_distance * float(matrix[0, 0])
    line, dot, iris = max(1.6 * _FINE, 0.014 * unit), max(1.1 * _FINE, 0.018 * unit), max(1.6 * _FINE, 0.07 * unit)
    for part, closed in _PARTS:
        path = [tuple(point) for point in points[part]]
        draw.line([*path, path[0]] if closed else path, (*colour, 210), round(line), joint="curve")
    for x, y in points:
        draw.ellipse((x - dot, y - dot, x + dot, y + dot), (255, 255, 255, 255))
    for x, y in irises:
        draw.ellipse((x - iris, y - iris, x + iris, y + iris), outline=(*_IRIS, 255), width=max(_FINE, round(0.35 * iris)))


def _draw_number(draw: ImageDraw.ImageDraw, corner: tuple[float, float], number: int, colour: Colour) -> None:
    """A label above the box's corner, or within the box where the picture ends."""
    x, y = max(0.0, corner[0]), corner[1]
    high = 24 * _FINE
    y = y - high if y >= high else max(0.0, y)
    wide = (16 + 9 * len(str(number))) * _FINE
    draw.rounded_rectangle((x, y, x + wide, y + high), 5 * _FINE, (*colour, 255))
    draw.text((x + wide / 2, y + high / 2), str(number), (255, 255, 255, 255), _font(16 * _FINE), "mm")


# --- a face's panel -------------------------------------------------------------------------------------------------


def _panel(rgb: np.ndarray, reading: FaceReading, number: int) -> Image.Image:
    colour = _colour(number)
    panel = Image.new("RGB", _PANEL, _PAPER)
    draw = ImageDraw.Draw(panel)
    left, right = _MARGIN, _PANEL[0]
    panel.paste(_face(rgb, reading, colour), (left, 0))
    x = left + _FACE + 18
    draw.text((x, 8), f"Face {number}", colour, _font(24), "lt")
    facts = {"confidence": f"{reading.confidence:.2f}"}
    facts |= {name: f"{round(getattr(reading, name)) + 0:+d}°" for name in ("yaw", "pitch", "roll")}
    for i, (name, value) in enumerate(facts.items()):
        draw.text((x, 58 + i * _ROW), name, _FAINT, _font(15), "lm")
        draw.text((right - 8, 58 + i * _ROW), value, _INK, _font(15), "rm")
    y = _FACE + 26
    for unit in ACTION_UNITS:
        values = (reading.action_units[unit.control + "R"], reading.action_units[unit.control + "L"])
        _draw_row(draw, y, (unit.control, unit.name), values, colour)
        y += _ROW
    y += 16
    for emotion in sorted(EMOTIONS, key=lambda name: -reading.emotions[name]):
        _draw_row(draw, y, ("", emotion.capitalize()), (reading.emotions[emotion],) * 2, colour)
        y += _ROW
    return panel


def _face(rgb: np.ndarray, reading: FaceReading, colour: Colour) -> Image.Image:
    """The face as a square with its landmarks, upright as in the photo; beyond the photo's border it is gray."""
    x0, y0, x1, y1 = reading.box_photo
    half = 0.62 * max(x1 - x0, y1 - y0, 1.0)
    corner = np.array([(x0 + x1) / 2 - half, (y0 + y1) / 2 - half - 0.06 * (y1 - y0)])
    fine = _FACE * _FINE
    step = 2 * half / fine
    crop = Image.fromarray(rgb).transform(
        (fine, fine),
        Image.Transform.AFFINE,
        (step, 0, corner[0], 0, step, corner[1]),
        Image.Resampling.BICUBIC,
        fillcolor=_TROUGH,
    )
    overlay = Image.new("RGBA", crop.size)
    _draw_points(ImageDraw.Draw(overlay), reading, np.column_stack([np.eye(2) / step, -corner / step]), colour)
    crop.paste(overlay.convert("RGB"), mask=overlay.getchannel("A"))
    return crop.resize((_FACE, _FACE), Image.Resampling.BOX)


def _draw_row(draw: ImageDraw.ImageDraw, y: int, words: tuple[str, str], values: tuple[float, float], colour: Colour) -> None:
    """Name, bar and number; two bars, marked R and L (the subject's), where the sides (right, left) differ."""
    middle, right = y + _ROW // 2, _PANEL[0] - 8
    bar = right - 42 - _BAR
    apart = abs(values[0] - values[1]) >= SIDES_DIFFER
    mean = sum(values) / 2
    strong = mean >= 0.2 or apart
    draw.text((_MARGIN, middle), words[0], colour if strong else _FAINT, _font(14), "lm")
    draw.text((_MARGIN + (48 if words[0] else 0), middle), words[1], _INK if strong else _FAINT, _font(14), "lm")
    halves = ((-8, -1), (1, 8)) if apart else ((-6, 6),)
    for (top, bottom), value, side in zip(halves, values if apart else (mean,), "RL" if apart else " ", strict=True):
        draw.rounded_rectangle((bar, middle + top, bar + _BAR, middle + bottom), 3, _TROUGH)
        if value >= 0.02:
            draw.rounded_rectangle((bar, middle + top, bar + max(4, value * _BAR), middle + bottom), 3, colour)
        draw.text((bar - 9, middle + (top + bottom) / 2), side, _FAINT, _font(10), "mm")
    draw.text((right, middle), f"{mean:.2f}", _INK if strong else _FAINT, _font(14), "rm")
