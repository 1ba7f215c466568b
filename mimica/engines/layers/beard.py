"""Stubble, moustache, goatee and beards, hair by hair.

Where hair grows is drawn from the landmarks, softly: hard cheek lines look like stickers. Thousands of strokes then follow a
field of growth (outwards under the nose, down elsewhere), in clumps, each of its own length and tone; lower ones lie below.
Under them the skin is darker."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.layers.drawing import blur, brought_down, luma, mixed, polygon, smooth, soft_noise, strokes
from mimica.engines.layers.hair import DYES, natural
from mimica.engines.layers.subject import Subject
from mimica.face.attributes import Worn

STEPS = 6
"""Segments of a stroke."""
WIDTH = 0.0065
"""Of a tuft, eye distances: twice that looks like a broom."""
CHEEKS = (0.10, 0.24, 0.44, 0.72)
"""How far from the jaw to the corner of the mouth the cheek line runs, from the ear on."""
DARK_AMONG_GRAY = 0.45
LIGHTER = 0.40
"""How far from the brows' colour to the skin's hair goes that grows on the face by default: beards are lighter than the darkest
hairs of brows, and skin shows between them."""
FINE = 2
TALLEST = 420
"""Pixels: smaller pictures are drawn three times as large."""


@dataclass(frozen=True)
class Cut:
    """length in eye distances; strokes at dose 1; softness of the outline, eye distances"""

    length: float
    count: int
    soft: float


CUTS = {
    "stubble": Cut(0.022, 7000, 0.10),
    "moustache": Cut(0.11, 4200, 0.03),
    "goatee": Cut(0.12, 6500, 0.055),
    "short": Cut(0.07, 8500, 0.085),
    "full": Cut(0.11, 9000, 0.075),
    "long": Cut(0.26, 11000, 0.075),
}


def facial_hair(subject: Subject, picture: np.ndarray, worn: Worn, hair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture with facial hair, and where it is; the head's own `hair` (H, W) falls over it."""
    kind = worn["length"] if worn.name == "beard" else worn.name
    box = _box(subject)
    here = Subject(subject.picture[box], subject.landmarks - [box[1].start, box[0].start], subject.pose)
    area = where(here, kind) * (1 - hair[box]) * np.float32(min(1.0, 0.4 + 0.6 * worn.dose))
    result, mask = picture.copy(), np.zeros(subject.shape, np.float32)
    result[box], mask[box] = _drawn(here, subject, picture[box], worn, kind, area)
    return result, mask


def _box(subject: Subject) -> tuple[slice, slice]:
    """The lower face."""
    points, apart = subject.landmarks, subject.apart
    low, high = points[:17].min(axis=0) - 0.3 * apart, points[:17].max(axis=0) + 0.75 * apart
    top = points[27:36].min(axis=0)[1]
    height, width = subject.shape
    y0, y1 = (int(np.clip(v, 0, height)) for v in (min(low[1], top), high[1]))
    x0, x1 = (int(np.clip(v, 0, width)) for v in (low[0], high[0]))
    return slice(y0, max(y1, y0 + 2)), slice(x0, max(x1, x0 + 2))


def where(subject: Subject, kind: str) -> np.ndarray:
    """How densely hair grows: float32 (H, W) in [0, 1]."""
    points, apart = subject.landmarks, subject.apart
    soft = CUTS[kind].soft * apart
    lips = points[48:60].mean(axis=0) + (points[48:60] - points[48:60].mean(axis=0)) * 1.05
    area = polygon(subject.shape, _outline(points, lips, kind))
    area = np.clip(blur(area, soft) * 1.25 - 0.12, 0, 1) * (1 - blur(polygon(subject.shape, lips), 0.014 * apart))
    x = np.arange(subject.shape[1], dtype=np.float32) + np.float32(0.5)
    y = np.arange(subject.shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    middle = points[[33, 51]].mean(axis=0)
    philtrum = np.exp(-(((x - middle[0]) / (0.022 * apart)) ** 2)) * (y < points[51, 1])
    area = area * (1 - 0.75 * philtrum)
    for corner in (48, 54):  # bare below the corners of the mouth, beside the tuft under the lip
        place = points[57] + 0.60 * (points[corner] - points[57]) + 0.075 * apart * subject.down
        bare = np.exp(-(((x - place[0]) / (0.07 * apart)) ** 2) - ((y - place[1]) / (0.035 * apart)) ** 2)
        area = area * (1 - 0.55 * bare)
    return area.astype(np.float32)


def _outline(points: np.ndarray, lips: np.ndarray, kind: str) -> np.ndarray:
    """(n, 2), the polygon of a kind of facial hair."""
    jaw, corners, nose = points[:17], points[[48, 54]], (points[31] + points[35]) / 2
    grown = jaw + (jaw - points[30]) * np.interp(np.arange(17), [0, 4, 8, 12, 16], [0.0, 0.03, 0.085, 0.03, 0.0])[:, None]
    between = lambda a, b, t: points[a] * (1 - t) + points[b] * t  # noqa: E731
    upper = np.array([
        between(48, 31, 0.30) + (corners[0] - nose) * 0.10, between(31, 50, 0.22), between(33, 51, 0.30), between(35, 52, 0.22),
        between(54, 35, 0.30) + (corners[1] - nose) * 0.10,
    ])  # fmt: skip
    if kind == "moustache":
        return np.vstack([upper, [between(54, 11, 0.10)], lips[[5, 4, 3, 2, 1]], [between(48, 5, 0.10)]])
    if kind == "goatee":
        right, left = [between(11, 54, 0.62), between(54, 12, 0.1)], [between(48, 4, 0.1), between(5, 48, 0.62)]
        return np.vstack([grown[5:12], right, upper[::-1], left])
    left, right = (
        [between(jaw_place, corner, share) for jaw_place, share in zip(places, CHEEKS, strict=True)]
        for places, corner in (((1, 2, 3, 4), 48), ((15, 14, 13, 12), 54))
    )
    return np.vstack([grown[1:16], right, upper[::-1], left[::-1]])


def _growth(subject: Subject) -> np.ndarray:
    """float32 (H, W, 2), the direction in which hair grows."""
    points = subject.landmarks
    right, below = subject.along()
    nose_x, nose_y = ((points[33] - subject.eyes.mean(axis=0)) @ way / subject.apart for way in (subject.across, subject.down))
    u, v = right - np.float32(nose_x), below - np.float32(nose_y)
    lip = max(float(np.hypot(*(points[62] - points[33]))) / subject.apart, 1e-3)
    moustache = smooth((lip * 0.95 - v) / (0.25 * lip)) * smooth((0.62 - np.abs(u)) / 0.2)
    out = np.where(moustache > 0.5, np.tanh(u / 0.12) * 1.35, u * 0.55)
    down = np.where(moustache > 0.5, 0.75, 1.0)
    way = out[..., None] * subject.across + down[..., None] * subject.down
    way /= np.linalg.norm(way, axis=-1, keepdims=True) + 1e-6
    return blur(way.astype(np.float32), 0.03 * subject.apart)


def _drawn(
    here: Subject, whole: Subject, picture: np.ndarray, worn: Worn, kind: str, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The lower face with its hair, and alpha. `whole` knows the colours of brows and skin."""
    rng, apart, size = np.random.default_rng(1), here.apart, (here.shape[1], here.shape[0])
    cover, tone = _strokes(here, kind, area, worn, rng)
    cover, tone = brought_down(cover, size), brought_down(tone, size) * np.float32(255 / 128)
    base = own_colour(whole) if worn["colour"] == "natural" else np.array(DYES[worn["colour"]][0], np.float32) * whole.light
    lit = np.clip(blur(here.gray, 0.10 * apart) / (float(luma(whole.skin)) + 1), 0.45, 1.25)[..., None]
    colour = base * tone[..., None] ** np.float32(0.9) * lit
    glint = np.clip(tone - 1.25, 0, 1)[..., None] * np.array([70, 62, 52], np.float32) * lit
    colour = colour + glint * (0.8 if float(luma(base)) < 60 else 0.4)
    if kind == "stubble":
        alpha = np.clip(cover * (0.34 + 0.22 * area) + 0.20 * area, 0, 0.62) * smooth(area / 0.5)
    else:
        alpha = np.clip(cover * 0.92 * np.clip(0.22 + area, 0, 1) + 0.34 * area * (1 - cover), 0, 0.95)
        alpha = alpha * smooth((area + blur(cover, 0.01 * apart) * 0.35) / 0.5)
    alpha = (alpha * min(1.0, 0.25 + 0.75 * worn.dose)).astype(np.float32)
    shade = 1 - (0.10 if kind == "stubble" else 0.22) * min(1.0, worn.dose) * blur(area, 0.035 * apart)
    if kind not in ("stubble", "moustache"):
        falls = np.array([[1, 0, 0], [0, 1, 0.05 * apart]])
        shade = shade * (1 - 0.22 * blur(cv2.warpAffine(blur(cover, 0.02 * apart), falls, size), 0.04 * apart))
    return mixed(picture * shade[..., None], np.clip(colour, 0, 255), alpha).astype(np.float32), alpha


def own_colour(subject: Subject) -> np.ndarray:
    """(3,), the colour of a beard that nobody chose."""
    brow = natural(subject)
    colour: np.ndarray = brow + np.float32(LIGHTER) * (subject.skin.astype(np.float32) - brow)
    return colour


def _strokes(here: Subject, kind: str, area: np.ndarray, worn: Worn, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cover and tone, uint8, `fine` times as large."""
    fine = 3 if here.apart < TALLEST / 4 else FINE
    height, width = here.shape
    cover, tone = np.zeros((height * fine, width * fine), np.uint8), np.full((height * fine, width * fine), 128, np.uint8)
    places = np.flatnonzero(area.ravel() > 0.04)
    if not len(places):
        return cover, tone
    chance = area.ravel()[places]
    count = int(CUTS[kind].count * min(1.0, 0.2 + 0.8 * worn.dose))
    chosen = rng.choice(places, count, p=chance / chance.sum())
    roots = np.stack([chosen % width + rng.random(count), chosen // width + rng.random(count)], axis=1)
    row, column = chosen // width, chosen % width
    clumps, lights = (soft_noise((height, width), share * here.apart, rng)[row, column] for share in (0.045, 0.06))
    lines = _grown(here, kind, roots, area.ravel()[chosen], clumps, rng)
    levels = rng.normal(122, 34, count) + 20 * lights
    if worn["colour"] == "gray":  # dark hairs among light ones
        levels = np.where(rng.random(count) < DARK_AMONG_GRAY, 0.42 * levels, levels)
    levels = np.clip(levels, 20, 245).astype(int)
    thick = 1 if kind == "stubble" else max(1, round(WIDTH * here.apart * fine * 0.8))
    order = np.arange(count) if kind == "stubble" else np.argsort(-roots[:, 1])
    strokes(cover, lines[order], [255] * count, [thick] * count, fine)
    strokes(tone, lines[order], levels[order], [thick] * count, fine)
    return cover, tone


def _grown(
    here: Subject, kind: str, roots: np.ndarray, dense: np.ndarray, clumps: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """(n, STEPS + 1, 2), the strokes from their roots."""
    field, count = _growth(here), len(roots)
    turn, bend = rng.normal(0, 0.20, count) + 0.45 * clumps, rng.normal(0, 0.10, count)
    length = CUTS[kind].length * here.apart * np.exp(rng.normal(0, 0.35, count)) * (0.45 + 0.55 * dense)
    points, line = roots, [roots]
    for step in range(STEPS):
        x, y = (np.clip(points[:, i], 0, here.shape[1 - i] - 1).astype(int) for i in (0, 1))
        way, angle = field[y, x], turn + bend * step
        c, s = np.cos(angle), np.sin(angle)
        way = np.stack([way[:, 0] * c - way[:, 1] * s, way[:, 0] * s + way[:, 1] * c], axis=1)
        points = points + way * (length / STEPS)[:, None]
        line.append(points)
    return np.stack(line, axis=1)
