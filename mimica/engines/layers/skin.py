"""Where skin is: the face without eyes, brows, lips and nostrils; and all skin by its colour, neck and ears with it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.engines.layers.drawing import blur, luma, polygon, smooth
from mimica.engines.layers.subject import Subject
from mimica.face.align import eye_centres

FOREHEAD = 0.55
"""Eye distances that the forehead reaches above the brows."""
FEWEST = 30
HOLES = ((36, 42, 1.25, 1.55), (42, 48, 1.25, 1.55), (48, 60, 1.12, 1.12))
"""Landmarks of eyes and lips, and by how much they are grown across and down."""


def face_skin(subject: Subject, hair: np.ndarray) -> np.ndarray:
    """float32 (H, W): skin of the face, soft, without what is in it; `hair` (H, W) hides it."""
    points, apart, up = subject.landmarks, subject.apart, -subject.down
    arch = np.interp(np.arange(10), [0, 2, 7, 9], [0.5, 1, 1, 0.5])[:, None]
    mask = polygon(subject.shape, np.vstack([points[:17], (points[17:27] + up * apart * FOREHEAD * arch)[::-1]]))
    holes = [_grown(points[a:b], wide, high) for a, b, wide, high in HOLES]
    for a, b in ((17, 22), (22, 27)):
        holes.append(np.vstack([points[a:b] + up * 0.05 * apart, (points[a:b] - up * 0.07 * apart)[::-1]]))
    holes.append(np.vstack([points[31:36] - up * 0.02 * apart, (points[31:36] + up * 0.07 * apart)[::-1]]))
    for hole in holes:
        mask = mask * (1 - polygon(subject.shape, hole))
    unlike = np.abs(blur(subject.picture, 0.01 * apart) - subject.skin).sum(axis=-1) / (luma(subject.skin) + 40)
    result: np.ndarray = blur(mask, 0.03 * apart) * smooth((1.15 - unlike) / 0.4) * (1 - hair)
    return result.astype(np.float32)


def all_skin(subject: Subject, face: np.ndarray, hair: np.ndarray, head: np.ndarray) -> np.ndarray:
    """float32 (H, W): `face_skin` and what of head and neck is coloured as it."""
    colour = SkinColour.of(subject.picture, face)
    return face if colour is None else colour.region(subject.picture, subject.landmarks, face, hair, head)


@dataclass(frozen=True)
class SkinColour:
    """The colours of one face's skin in Lab, of 255: mean (3,) and inverse covariance (3, 3)."""

    mean: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray, face: np.ndarray) -> SkinColour | None:
        """By where the face's skin is, (H, W); None where there is too little."""
        core = face > 0.6
        if core.sum() < FEWEST:
            return None
        pixels = _lab(picture)[core]
        return cls(pixels.mean(axis=0), np.linalg.inv(np.cov(pixels.T) + np.diag([150, 10, 10])).astype(np.float32))

    def region(
        self, picture: np.ndarray, landmarks: np.ndarray, face: np.ndarray, hair: np.ndarray, head: np.ndarray
    ) -> np.ndarray:
        """As `all_skin`, in a picture (H, W, 3) of this face."""
        away = _lab(picture) - self.mean
        like = np.exp(-np.clip(((away @ self.inverse) * away).sum(axis=-1) - 3, 0, 40) / 5)
        eyes = eye_centres(landmarks)
        across, apart = eyes[1] - eyes[0], float(np.hypot(*(eyes[1] - eyes[0])))
        down = np.array([-across[1], across[0]])
        neck = polygon(face.shape, np.vstack([landmarks[4:13], landmarks[12] + down, landmarks[4] + down]))
        reach = blur(np.maximum(head, neck), 0.03 * apart)
        coloured = blur((like * reach).astype(np.float32), 0.012 * apart)
        result: np.ndarray = np.maximum(face, coloured) * (1 - hair)
        return result.astype(np.float32)


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB).astype(np.float32)


def _grown(points: np.ndarray, wide: float, high: float) -> np.ndarray:
    middle = points.mean(axis=0)
    return middle + (points - middle) * [wide, high]
