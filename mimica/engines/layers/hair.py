"""Hair in another colour, and bushier brows.

A dye keeps each hair's light: its logarithm, in linear light, gets the mean of the new colour and a contrast like its own;
highlights have less colour, as they have on hair. Right wherever the mask of hair is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.layers.drawing import blur, brought_down, mixed, smooth, soft_noise, strokes
from mimica.engines.layers.subject import Subject
from mimica.face.attributes import Worn

GAMMA = 2.2
LINEAR_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
DYES: dict[str, tuple[tuple[int, int, int], float]] = {
    "black": ((30, 27, 27), 0.75),
    "brown": ((92, 60, 40), 1.0),
    "blond": ((196, 161, 114), 1.0),
    "red": ((150, 72, 38), 1.0),
    "gray": ((158, 157, 156), 0.95),
    "blue": ((58, 88, 176), 1.0),
    "pink": ((214, 118, 156), 1.0),
    "green": ((72, 140, 92), 1.0),
}
"""A colour in usual light, and how much of the contrast stays."""
FLOOR = 0.010
"""Added before the logarithm: the noise of black hair is no hair."""
CONTRAST, SPREAD = 0.75, (0.26, 0.46)
"""Of the old deviation of the logarithm, and between what it is held."""
BRIGHTEST = 0.92
STRANDS, SHEEN = 0.035, 0.006
"""Eye distances: what is finer than the first, and not as fine as the second, which is noise, are strands."""
STRANDS_LIKE, MOST_LIFTED = 0.17, 3.2
"""Deviation of the logarithm that strands have where hair is light: those of black hair are lifted to it, so many times at
most."""
ROOTS, ROOT_REACH = 0.32, 0.40
"""How much darker lifted hair is at its rim, in the logarithm, and over how many eye distances that fades."""
HUES = 0.035
"""How far lifted hair strays between paler and more colourful, from lock to lock."""
LIFTED = (0.8, 2.0)
"""How much brighter, in the logarithm, a dye must be than the hair for all this to begin, and to be whole."""
COVER = 0.97
RIM = -0.1
"""How bright hair may be at its rim, in deviations."""
FEWEST = 60
"""Pixels of hair below which there is nothing to dye."""


def dye(subject: Subject, picture: np.ndarray, worn: Worn, hair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture with its hair (H, W) dyed, and where."""
    return dyed(subject, picture, worn["colour"], hair, min(worn.dose, 1.0))


def dyed(subject: Subject, picture: np.ndarray, name: str, hair: np.ndarray, dose: float) -> tuple[np.ndarray, np.ndarray]:
    """As `dye`, by the name of the colour."""
    alpha = hair * np.float32(COVER * dose)
    if (hair > 0.7).sum() < FEWEST:
        return picture, np.zeros_like(hair)
    x, y, width, height = cv2.boundingRect((hair > 0).astype(np.uint8))
    box = np.s_[y : y + height, x : x + width]
    result = picture.copy()
    result[box] = mixed(picture[box], recoloured(subject, picture[box], name, hair[box]), alpha[box])
    return result, alpha


def recoloured(subject: Subject, part: np.ndarray, name: str, hair: np.ndarray) -> np.ndarray:
    """All of a part of the picture as if it were hair of that colour."""
    away = cv2.distanceTransform((hair > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / np.float32(subject.apart)
    dye = Dye.of(subject, part, name, hair)
    return dye.colours(part, smooth(away / np.float32(0.13)), dye.relief(subject, part, hair, away))


@dataclass(frozen=True)
class Dye:
    """A colour for hair whose light is known.

    target, level     float32 (3,) and its luma, linear      ambient, spread  how bright it is here, and its deviation
    mean, deviation   of the logarithm of the hair's own light
    """

    target: np.ndarray
    level: float
    ambient: float
    spread: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, subject: Subject, part: np.ndarray, name: str, hair: np.ndarray) -> Dye:
        """The dye for the hair (H, W) of a part of the picture."""
        colour, contrast = DYES[name]
        log, sure = _log(part), hair > 0.7
        mean, deviation = float(np.average(log[sure], weights=hair[sure])), float(log[sure].std()) + 1e-3
        target = (np.array(colour, np.float32) / 255) ** np.float32(GAMMA)
        spread = float(np.clip(deviation * CONTRAST, *SPREAD)) * contrast
        ambient = float(np.clip(subject.light, 0.6, 1.1)) ** 1.3
        return cls(target, float(target @ LINEAR_LUMA), ambient, spread, mean, deviation)

    @property
    def lifts(self) -> float:
        """0 to 1, how much brighter the dye is than the hair: black hair has no light and dark of its own to keep."""
        return float(smooth(np.array((np.log(self.level * self.ambient) - self.mean - LIFTED[0]) / (LIFTED[1] - LIFTED[0]))))

    def relief(self, subject: Subject, part: np.ndarray, hair: np.ndarray, away: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What lifted hair gets besides, (H, W) twice: light (in the logarithm), its own strands made stronger and its roots
        darker; and how colourful it is, times. `away`, how far inside the hair a pixel is, in eye distances."""
        if not self.lifts:
            return np.zeros_like(hair), np.ones_like(hair)
        log, apart = _log(part), subject.apart
        strands = blur(log, SHEEN * apart) - blur(log, STRANDS * apart)
        sure = hair > 0.7
        shown = strands * np.float32(self.spread / self.deviation)
        gain = float(np.clip(STRANDS_LIKE / (float(shown[sure].std()) + 1e-3), 1, MOST_LIFTED)) - 1
        roots = 1 - smooth(away / np.float32(ROOT_REACH))
        light = np.clip(gain * shown, -0.6, 0.5) - np.float32(ROOTS) * roots
        locks = soft_noise(hair.shape, 0.06 * apart, np.random.default_rng(2))
        lifts = np.float32(self.lifts)
        return lifts * light, 1 + lifts * np.float32(HUES) * np.clip(locks, -2, 2)

    def colours(self, part: np.ndarray, inside: np.ndarray, relief: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
        """float32 (H, W, 3), 0 to 255, what a picture becomes; `inside` (H, W), 0 at the hair's rim, where nothing may shine,
        since what does is background. `relief` as that."""
        z = (_log(part) - np.float32(self.mean)) * np.float32(1 / self.deviation)
        z = np.where(z > 0, 2.2 * np.tanh(z / 2.2), z)
        z = np.clip(z, -2.6, RIM + (2.1 - RIM) * inside)
        return self._coloured(z, *(relief or (np.float32(0), np.float32(1))))

    def table(self, inside: float) -> np.ndarray:
        """uint8 (256, 3): what each gray becomes, at the hair's rim (0) or deep inside (1)."""
        gray = np.repeat(np.arange(256, dtype=np.float32)[:, None, None], 3, axis=2)
        return np.rint(self.colours(gray, np.full((256, 1), inside, np.float32)))[:, 0].astype(np.uint8)

    def _coloured(self, z: np.ndarray, light: np.ndarray, hue: np.ndarray) -> np.ndarray:
        log = np.float32(np.log(self.level * self.ambient + 0.002)) + z * np.float32(self.spread) + light
        new = np.minimum(np.exp(log), BRIGHTEST)
        over = np.clip(new / np.float32(self.level), 0, 4)[..., None]
        colourful = np.where(over > 1, 1 / (1 + 0.55 * (over - 1)), 1 + 0.15 * (1 - over)) * np.asarray(hue)[..., None]
        linear = new[..., None] * (1 + (self.target / self.level - 1) * colourful)
        result: np.ndarray = np.clip(linear, 0, 1).astype(np.float32) ** np.float32(1 / GAMMA) * np.float32(255)
        return result


def _log(part: np.ndarray) -> np.ndarray:
    light: np.ndarray = (part / 255) ** np.float32(GAMMA) @ LINEAR_LUMA
    return np.log(light + np.float32(FLOOR))


# --- brows ------------------------------------------------------------------------------------------------------------

HAIRS = 420
FINE = 2
THICK, LENGTH, LOWER = 0.085, 0.075, 0.055
"""Eye distances: of a brow, of its hairs, and by how much it lies below the line of the landmarks."""


def brows(subject: Subject, picture: np.ndarray, worn: Worn) -> tuple[np.ndarray, np.ndarray]:
    """Hairs along the brows."""
    rng = np.random.default_rng(3)
    height, width = subject.shape
    cover, tone = np.zeros((height * FINE, width * FINE), np.uint8), np.full((height * FINE, width * FINE), 128, np.uint8)
    for line, inner in ((subject.landmarks[17:22], 4), (subject.landmarks[22:27], 0)):
        hairs = _brow_hairs(subject, line, inner, int(HAIRS * min(worn.dose, 1.5)), rng)
        levels = np.clip(rng.normal(120, 30, len(hairs)), 30, 220).astype(int)
        strokes(cover, hairs, [255] * len(hairs), [1] * len(hairs), FINE)
        strokes(tone, hairs, levels, [1] * len(hairs), FINE)
    colour = natural(subject) if worn["colour"] == "natural" else np.array(DYES[worn["colour"]][0], np.float32) * subject.light
    size = (width, height)
    alpha = np.clip(brought_down(cover, size) * 0.85, 0, 0.9)
    shade = brought_down(tone, size)[..., None] * np.float32(255 / 128)
    return mixed(picture, colour.astype(np.float32) * shade, alpha), alpha


def natural(subject: Subject) -> np.ndarray:
    """(3,), the colour of hair that grows on this face."""
    return subject.brow.astype(np.float32)


def _brow_hairs(subject: Subject, line: np.ndarray, inner: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3, 2): upright near the nose (where the landmark `inner` is), lying outwards at the end."""
    apart, up = subject.apart, -subject.down
    place = rng.random(count) * 4
    number = np.clip(place.astype(int), 0, 3)
    part = (place - number)[:, None]
    root = line[number] * (1 - part) + line[number + 1] * part
    along = line[number + 1] - line[number]
    out = along / np.linalg.norm(along, axis=1, keepdims=True) * (-1 if inner == 4 else 1)
    far = np.abs(place - inner)[:, None] / 4
    thick = THICK * apart * (1 - 0.75 * far**2)
    root = root - up * (LOWER * apart) + up * (rng.random((count, 1)) - 0.62) * thick
    way = out * (0.35 + 0.65 * far) + up * (1.0 - 0.95 * far) * 0.8 + rng.normal(0, 0.12, (count, 2))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    length = LENGTH * apart * np.exp(rng.normal(0, 0.25, (count, 1)))
    return np.stack([root, root + way * length / 2, root + way * length + out * length * 0.15], axis=1)
