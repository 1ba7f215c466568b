"""Older: the fine shading of old skin, warped onto the face, the face's own lines deepened, paler skin, gray hair. Younger: the
face's own lines smoothed.

The shading is an atlas: the logarithm of light, finer than `BAND`, brought to common landmarks, of faces that look old less
that of faces that look young (`mimica prepare wrinkles`). Nobody's own face is in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from mimica.engines.layers.drawing import band, blur, luma, mixed
from mimica.engines.layers.hair import dyed
from mimica.engines.layers.subject import Subject
from mimica.face.attributes import Worn
from mimica.model_files.checkpoint import Array, check_arrays, load_weights

WEIGHTS = Path(__file__).parents[2] / "weights" / "wrinkles.safetensors"
KIND, VERSION = "wrinkles", 1
BAND = 0.11
"""Eye distances: finer than this are lines and the relief of skin; coarser is light."""
FINEST = 0.012
"""Eye distances: pores and noise, which stay."""
DEPTH, OWN = 1.25, 0.55
"""How strongly the atlas shows, and how much deeper the face's own lines get."""
LIMITS = (-0.55, 0.32)
PALER, GRAY = 0.14, 0.80
SMOOTHED = (0.72, 0.45)
"""What is taken of dark and of bright lines at dose -1."""
FRESH, FRESH_COLOUR = 0.05, (255, 200, 190)
REACH, DOUBT = 0.28, 0.15


@dataclass(frozen=True)
class Atlas:
    """shading     float32 (rows, columns), log of light      landmarks  float64 (68, 2), pixels of it"""

    shading: np.ndarray
    landmarks: np.ndarray


@lru_cache(1)
def load_atlas(path: Path = WEIGHTS) -> Atlas:
    """The shipped one. Raises `WeightsError` for a file that is missing, damaged or something else."""
    arrays = load_weights(path, KIND, VERSION).tensors
    check_arrays(arrays, {"shading": Array("rows", "columns"), "landmarks": Array(68, 2)}, path)
    return Atlas(arrays["shading"].astype(np.float32), arrays["landmarks"].astype(np.float64))


def warped(picture: np.ndarray, source: np.ndarray, target: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A picture with landmarks `source` (68, 2) brought to `target`, over `shape`: a similarity, then a smooth field of what that
    leaves."""
    matrix, _ = cv2.estimateAffinePartial2D(target.astype(np.float32), source.astype(np.float32), method=cv2.LMEDS)
    apart = float(np.hypot(*(target[42:48].mean(axis=0) - target[36:42].mean(axis=0))))
    rest = source - (target @ matrix[:, :2].T + matrix[:, 2])
    cell = max(2, int(0.06 * apart))
    rows, columns = shape[0] // cell + 2, shape[1] // cell + 2
    y, x = (np.mgrid[:rows, :columns] * cell + 0.5).astype(np.float64)
    places = np.stack([x, y], axis=-1).reshape(-1, 2)
    near = np.exp(-((places[:, None] - target) ** 2).sum(axis=-1) / (2 * (REACH * apart) ** 2)) + 1e-9
    off = near @ rest / (near.sum(axis=1, keepdims=True) + DOUBT)
    coarse = (places @ matrix[:, :2].T + matrix[:, 2] + off - 0.5).reshape(rows, columns, 2).astype(np.float32)
    scale = np.array([[cell, 0, 0], [0, cell, 0]], np.float64)
    fine = cv2.warpAffine(coarse, scale, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.remap(picture, fine[..., 0], fine[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)


def age(
    subject: Subject, picture: np.ndarray, worn: Worn, skin: np.ndarray, hair: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Older or younger, by the sign of the dose. `skin` of the face, `hair` (H, W); None where it cannot be told."""
    if worn.dose < 0:
        return _younger(subject, picture, -worn.dose, skin), skin * np.float32(min(1.0, -worn.dose))
    result = _older(subject, picture, worn.dose, skin)
    mask = skin * np.float32(min(1.0, worn.dose))
    if hair is not None:
        result, gray = dyed(subject, result, "gray", hair, GRAY * min(1.0, worn.dose))
        mask = np.maximum(mask, gray)
    return result, mask


def _older(subject: Subject, picture: np.ndarray, dose: float, skin: np.ndarray) -> np.ndarray:
    atlas, light = load_atlas(), luma(picture)
    lines = warped(atlas.shading, atlas.landmarks, subject.landmarks, subject.shape)
    own = band(light, BAND * subject.apart)
    change = np.exp(np.clip(dose * (DEPTH * lines + OWN * np.minimum(own, 0)), *LIMITS))[..., None]
    pale = picture + (light[..., None] - picture) * np.float32(PALER * dose)
    return mixed(picture, np.clip(pale * change, 0, 255), skin).astype(np.float32)


def _younger(subject: Subject, picture: np.ndarray, dose: float, skin: np.ndarray) -> np.ndarray:
    log = np.log(luma(picture) + np.float32(12))
    lines = np.clip(blur(log, FINEST * subject.apart) - blur(log, BAND * subject.apart), -0.6, 0.6)
    taken = np.where(lines < 0, SMOOTHED[0], SMOOTHED[1]) * min(dose, 1.25)
    smoothed = picture * np.exp(-lines * taken * skin)[..., None]
    fresh = skin * np.float32(FRESH * dose)
    return np.clip(mixed(smoothed, np.array(FRESH_COLOUR, np.float32), fresh), 0, 255).astype(np.float32)
