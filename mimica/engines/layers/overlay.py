"""What lies over a face and does not move with its skin: laid over each frame after the expression and before the head turns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mimica.face.tone import Tone


@dataclass(frozen=True)
class Overlay:
    """out = frame * keep + colour, from the pixel (x, y) of the photo on.

    keep    float32 (h, w, 3), what of the frame shows, shadow included      colour  float32 (h, w, 3), 0 to 255
    hull    float64 (n, 2), pixels of the photo, around what is rigid: depth is a plane there when the head turns
    mask    float32 (h, w) in [0, 1], where it covers the frame
    """

    x: int
    y: int
    keep: np.ndarray
    colour: np.ndarray
    hull: np.ndarray
    mask: np.ndarray

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1), pixels of the photo."""
        height, width = self.mask.shape
        return self.x, self.y, self.x + width, self.y + height

    def lay(self, frame: np.ndarray, left: int = 0, top: int = 0) -> None:
        """Draws into a frame, uint8 (H, W, 3), in place, whose first pixel is (left, top) of the photo and which holds all of
        `box`."""
        x0, y0, x1, y1 = self.box
        part = frame[y0 - top : y1 - top, x0 - left : x1 - left]
        laid = cv2.add(cv2.multiply(part, self.keep, dtype=cv2.CV_32F), self.colour)
        part[...] = cv2.convertScaleAbs(laid)  # rounds, and stops at 255; nothing is negative

    def faded(self, dose: float) -> Overlay:
        """As strong as `dose`, of 0 to 1, says."""
        keep = np.float32(1) + np.float32(dose) * (self.keep - 1)
        return Overlay(self.x, self.y, keep, self.colour * np.float32(dose), self.hull, self.mask * np.float32(dose))

    def toned(self, tone: Tone, photo: np.ndarray) -> Overlay:
        """In the colours of a photo that has hardly any."""
        x0, y0, x1, y1 = self.box
        covered = np.maximum(self.mask, np.float32(1e-3))[..., None]
        plain = np.rint(np.clip(self.colour / covered, 0, 255)).astype(np.uint8)
        return replace(self, colour=tone.brought(plain, photo[y0:y1, x0:x1]).astype(np.float32) * covered)

    def enlarged(self, scale: float, size: tuple[int, int], corner: tuple[int, int]) -> Overlay:
        """For a picture `scale` times as large, of `size` (width, height), which begins at `corner` of the photo."""
        x0, y0 = (round(v * scale) for v in (self.x, self.y))
        x1, y1 = (
            min(size[0], round((self.x + self.mask.shape[1]) * scale)),
            min(size[1], round((self.y + self.mask.shape[0]) * scale)),
        )
        keep, colour, mask = (
            cv2.resize(each, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR) for each in (self.keep, self.colour, self.mask)
        )
        return Overlay(x0 + corner[0], y0 + corner[1], keep, colour, self.hull * scale + np.array(corner), mask)
