"""Lipstick, eye make-up, rosy cheeks, paler and darker skin."""

from __future__ import annotations

import cv2
import numpy as np

from mimica.engines.layers.drawing import blur, luma, mixed, polygon, smooth
from mimica.engines.layers.subject import Subject
from mimica.face.attributes import Worn

LIPS = {
    "rose": (176, 62, 82),
    "scarlet": (172, 26, 36),
    "coral": (206, 84, 70),
    "berry": (118, 28, 62),
    "nude": (178, 112, 98),
    "brown": (112, 52, 44),
}
SHADOWS = {"plum": (95, 55, 70), "bronze": (118, 78, 48), "smoky": (58, 54, 58), "teal": (44, 96, 102)}
LIP_ALPHA, SHADOW_ALPHA, LINE_ALPHA = 0.72, 0.55, 0.80
LIDS = (((36, 37, 38, 39), (17, 19, 20, 21)), ((42, 43, 44, 45), (22, 23, 24, 26)))
"""Upper lids, and the brows above them."""
TONES = {"pale": (18.0, -4.0, -5.0), "tan": (-24.0, 5.0, 10.0)}
"""Steps in Lab, of 255."""
BLUSH = (1.04, 0.80, 0.82)


def lipstick(subject: Subject, picture: np.ndarray, worn: Worn) -> tuple[np.ndarray, np.ndarray]:
    """Colour on the lips, whose light and gloss stay."""
    outer, inner = subject.landmarks[48:60], subject.landmarks[60:68]
    lips = np.clip(polygon(subject.shape, outer) - polygon(subject.shape, inner), 0, 1)
    lips = blur(lips, 0.014 * subject.apart) * _not_teeth(subject, lips)
    light = luma(picture) / 255
    sure = lips > 0.6
    mean = float(light[sure].mean()) if sure.any() else 0.5
    colour = np.array(LIPS[worn["colour"]], np.float32) * np.float32(np.clip(subject.light, 0.7, 1.1))
    relief = ((light / (mean + 0.02)) ** np.float32(1.15))[..., None]
    gloss = np.clip(light - mean - 0.12, 0, 1)[..., None] * np.float32(170)
    alpha = lips * np.float32(LIP_ALPHA * min(worn.dose, 1.35))
    return mixed(picture, np.clip(colour * relief + gloss, 0, 255), alpha), alpha


def _not_teeth(subject: Subject, lips: np.ndarray) -> np.ndarray:
    """0 on what is bright and has no colour: teeth between lips whose inner line is not quite where the landmarks are."""
    picture = subject.picture
    most, least = picture.max(axis=2), picture.min(axis=2)
    pale = 1 - (most - least) / (most + 1)
    sure = lips > 0.6
    usual = float(np.median(pale[sure])) if sure.any() else 0.6
    bright = luma(picture) / (float(np.median(luma(picture)[sure])) + 1) if sure.any() else np.ones_like(pale)
    return 1 - smooth((pale - usual - 0.12) / 0.12) * smooth((bright - 1.25) / 0.25)


def eye_makeup(subject: Subject, picture: np.ndarray, worn: Worn) -> tuple[np.ndarray, np.ndarray]:
    """Colour on the upper lids, a line along the lashes."""
    points, apart = subject.landmarks, subject.apart
    lids, line = np.zeros(subject.shape, np.float32), np.zeros(subject.shape, np.uint8)
    for lid, brow in LIDS:
        edge = points[list(lid)]
        lids = np.maximum(lids, polygon(subject.shape, np.vstack([edge, (edge + (points[list(brow)] - edge) * 0.50)[::-1]])))
        outer = edge[0] if lid[0] == 36 else edge[-1]
        wing = outer + (outer - points[[39 if lid[0] == 36 else 42]][0]) * 0.10 - 0.03 * apart * subject.down
        drawn = np.vstack([wing, edge]) if lid[0] == 36 else np.vstack([edge, wing])
        fixed = np.round((drawn - 0.5) * 16).astype(np.int32)
        cv2.polylines(line, [fixed], False, 255, max(1, round(0.022 * apart)), cv2.LINE_AA, 4)
    shadow = blur(lids, 0.035 * apart) * np.float32(SHADOW_ALPHA * min(worn.dose, 1.3))
    dark = blur(line.astype(np.float32) / 255, max(0.3, 0.008 * apart)) * np.float32(LINE_ALPHA * min(worn.dose, 1.2))
    local = (luma(picture) / (float(luma(subject.skin)) + 1))[..., None] ** np.float32(0.7)
    result = mixed(picture, np.array(SHADOWS[worn["colour"]], np.float32) * np.float32(subject.light) * local, shadow)
    result = mixed(result, np.array((22, 16, 18), np.float32), dark)
    return result, np.maximum(shadow, dark)


def rosy(subject: Subject, picture: np.ndarray, worn: Worn, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blush on the cheeks."""
    points, apart = subject.landmarks, subject.apart
    right, below = subject.along()
    area = np.zeros(subject.shape, np.float32)
    for jaw, nostril in ((2, 31), (14, 35)):
        place = 0.45 * points[jaw] + 0.55 * points[nostril] - 0.12 * apart * subject.down - subject.eyes.mean(axis=0)
        x, y = (float(place @ way) / apart for way in (subject.across, subject.down))
        area += np.exp(-1.4 * (((right - x) / 0.30) ** 2 + ((below - y) / 0.20) ** 2))
    alpha = np.clip(skin * np.clip(area, 0, 1) * np.float32(0.75 * worn.dose), 0, 1)
    return mixed(picture, np.minimum(picture * np.array(BLUSH, np.float32), 255), alpha), alpha


def tone(subject: Subject, picture: np.ndarray, worn: Worn, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Paler or darker skin, in Lab: lightness and colour move, all relief stays."""
    lab = cv2.cvtColor(np.clip(picture, 0, 255) / np.float32(255), cv2.COLOR_RGB2LAB)
    step = np.array(TONES[worn.name], np.float32) * [100 / 255, 1, 1]
    darker = smooth(lab[..., :1] / 30)  # black stays black
    moved = cv2.cvtColor((lab + step * np.float32(worn.dose) * darker).astype(np.float32), cv2.COLOR_LAB2RGB)
    return mixed(picture, np.clip(moved, 0, 1) * np.float32(255), skin), skin * min(1.0, worn.dose)


def toned(part: np.ndarray, name: str, dose: float) -> np.ndarray:
    """All of a part of a picture, uint8 (h, w, 3), as `tone` has it; fast, for films."""
    lightness, a, b = cv2.split(cv2.cvtColor(part, cv2.COLOR_RGB2LAB))
    levels = np.arange(256, dtype=np.float32)
    share = smooth(levels / (30 * 2.55))
    light, red, yellow = (dose * step for step in TONES[name])
    strength = cv2.LUT(lightness, np.rint(255 * share).astype(np.uint8))
    lightness = cv2.LUT(lightness, np.rint(np.clip(levels + light * share, 0, 255)).astype(np.uint8))
    a, b = (cv2.addWeighted(plane, 1, strength, step / 255, 0) for plane, step in ((a, red), (b, yellow)))
    return cv2.cvtColor(cv2.merge([lightness, a, b]), cv2.COLOR_LAB2RGB)
