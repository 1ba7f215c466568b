"""A face about to be dressed: its picture, landmarks and pose, and what layers want to know of them: the fitted head, the colours
of skin and brows, the light, masks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mimica.engines.layers.drawing import luma, polygon
from mimica.face import head
from mimica.face.align import eye_centres

USUAL_SKIN = 165.0
"""Luma of skin in usual light; what is drawn gets darker with the skin's."""
LIGHT = (0.35, 1.15)
CHEEKS = (1, 2, 3, 31, 35, 13, 14, 15)
DARKEST_BROW = 75.0
"""Luma that hair taken from the brows has at most."""


@dataclass(frozen=True, eq=False)
class Subject:
    """picture    float32 (H, W, 3), 0 to 255      landmarks  float64 (68, 2), pixels of it
    pose       yaw, pitch, roll, degrees
    """

    picture: np.ndarray
    landmarks: np.ndarray
    pose: tuple[float, float, float]

    @property
    def shape(self) -> tuple[int, int]:
        return self.picture.shape[0], self.picture.shape[1]

    @cached_property
    def eyes(self) -> np.ndarray:
        """(2, 2), the one at the left of the picture first."""
        return eye_centres(self.landmarks)

    @cached_property
    def apart(self) -> float:
        """Distance of the eyes, pixels."""
        return float(np.hypot(*(self.eyes[1] - self.eyes[0])))

    @cached_property
    def across(self) -> np.ndarray:
        """(2,), from eye to eye, of length 1."""
        along: np.ndarray = (self.eyes[1] - self.eyes[0]) / self.apart
        return along

    @cached_property
    def down(self) -> np.ndarray:
        """(2,), square to `across`, towards the chin."""
        return np.array([-self.across[1], self.across[0]])

    @cached_property
    def head(self) -> head.Head:
        return head.fit(self.landmarks, self.pose)

    @cached_property
    def gray(self) -> np.ndarray:
        """float32 (H, W), the picture's luma."""
        return luma(self.picture)

    def along(self) -> tuple[np.ndarray, np.ndarray]:
        """float32 (H, W) twice: how far each pixel lies to the right of, and below, the middle between the eyes, along the face,
        in eye distances."""
        x = np.arange(self.shape[1], dtype=np.float32) + np.float32(0.5 - self.eyes[:, 0].mean())
        y = np.arange(self.shape[0], dtype=np.float32)[:, None] + np.float32(0.5 - self.eyes[:, 1].mean())
        (ax, ay), scale = self.across.astype(np.float32), np.float32(1 / self.apart)
        return (x * ax + y * ay) * scale, (y * ax - x * ay) * scale

    @cached_property
    def cheeks(self) -> np.ndarray:
        """float32 (n, 3), the pixels of the cheeks without their darkest third (hair, shadow)."""
        pixels = self.picture[polygon(self.shape, self.landmarks[list(CHEEKS)]) > 0.5]
        if len(pixels) < 9:
            pixels = self.picture.reshape(-1, 3)
        light = luma(pixels)
        lighter: np.ndarray = pixels[light >= np.quantile(light, 0.3)]
        return lighter

    @cached_property
    def skin(self) -> np.ndarray:
        """(3,), its usual colour."""
        return np.median(self.cheeks, axis=0)

    @cached_property
    def light(self) -> float:
        """How bright what is drawn has to be beside the skin, 1 in usual light."""
        return float(np.clip(luma(self.skin) / USUAL_SKIN, *LIGHT))

    @cached_property
    def brow(self) -> np.ndarray:
        """(3,), the colour of the brows' darkest third: that of the hair that grows on the face."""
        found = []
        for start, end in ((17, 22), (22, 27)):
            line = self.landmarks[start:end]
            inside = polygon(self.shape, np.vstack([line, line[::-1] + 0.07 * self.apart * self.down])) > 0.5
            found.append(self.picture[inside])
        pixels = np.concatenate(found) if sum(map(len, found)) else self.skin[None] * 0.3
        light = luma(pixels)
        colour: np.ndarray = np.median(pixels[light <= np.quantile(light, 0.35)], axis=0)
        return colour * min(1.0, DARKEST_BROW / (float(luma(colour)) + 1))

    @cached_property
    def light_from(self) -> float:
        """-1: from the left of the picture, 1: from the right, by the cheeks."""
        sides = []
        for corner, jaw, low in ((31, 2, 4), (35, 14, 12)):
            inside = polygon(self.shape, self.landmarks[[corner, jaw, low]]) > 0.5
            sides.append(float(np.median(self.gray[inside])) if inside.any() else float(luma(self.skin)))
        return float(np.clip(3 * (sides[1] - sides[0]) / (sum(sides) + 1), -1, 1))
