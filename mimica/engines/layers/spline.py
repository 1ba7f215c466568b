"""Where a place of one frame lies in another, by the landmarks of both: thin-plate splines (F. Bookstein, "Principal
warps", 1989).

Around the face stand anchors that move with it as a whole, so that the surroundings do."""

from __future__ import annotations

import cv2
import numpy as np

from mimica.face.align import TIGHT_EYE_DISTANCE, crop_from_photo, invert, transform

STIFF = 2e-4
"""How much the splines may miss the landmarks, which tremble; the scale is that of eye distances."""
ANCHORS, AROUND = 10, 2.7
"""How many, and how many eye distances from the middle between the eyes."""
CELL = 0.08
"""Eye distances between the places for which splines are worked out."""
Box = tuple[int, int, int, int]


class Spline:
    """From places of a frame with landmarks `here` (68, 2) to those of one with landmarks `there`."""

    def __init__(self, here: np.ndarray, there: np.ndarray) -> None:
        self._norm, norm_there = (crop_from_photo(each, 1) / TIGHT_EYE_DISTANCE for each in (here, there))  # in eye distances
        self._scale, self._back = float(np.hypot(*self._norm[:, 0])), invert(norm_there)
        angle = np.linspace(0, 2 * np.pi, ANCHORS, endpoint=False)
        ring = AROUND * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        source, target = transform(here, self._norm), transform(there, norm_there)
        middle = source[36:48].mean(axis=0)
        self._knots = np.concatenate([source, middle + ring])
        target = np.concatenate([target, _as_a_whole(middle + ring, source, target)])
        count = len(self._knots)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = _bending(((self._knots[:, None] - self._knots) ** 2).sum(axis=-1)) + STIFF * np.eye(count)
        system[:count, count], system[:count, count + 1 :] = 1, self._knots
        system[count:, :count] = system[:count, count:].T
        self._weights = np.linalg.solve(system, np.concatenate([target, np.zeros((3, 2))])).astype(np.float32)
        self._knots = self._knots.astype(np.float32)

    def at(self, places: np.ndarray) -> np.ndarray:
        """(n, 2) -> float32 (n, 2)."""
        points, count = transform(places, self._norm).astype(np.float32), len(self._knots)
        x, y = (points[:, i : i + 1] - self._knots[:, i] for i in (0, 1))
        found = _bending(x * x + y * y) @ self._weights[:count] + self._weights[count] + points @ self._weights[count + 1 :]
        return transform(found, self._back).astype(np.float32)

    def maps(self, box: Box, shrunk: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """float32 (h, w) twice, for `cv2.remap`: where the pixels of a box are looked up there; `shrunk`: both pictures are
        smaller by so much, and the box is one of the smaller one."""
        x0, y0, x1, y1 = box
        cell = max(2, int(CELL * shrunk / self._scale))
        rows, columns = (y1 - y0) // cell + 2, (x1 - x0) // cell + 2
        down, across = np.mgrid[:rows, :columns] * cell + 0.5
        places = np.stack([across + x0, down + y0], axis=-1).reshape(-1, 2) / shrunk
        there = (self.at(places) * np.float32(shrunk) - np.float32(0.5)).reshape(rows, columns, 2)
        scale = np.array([[cell, 0, 0], [0, cell, 0]], float)
        whole = cv2.warpAffine(there, scale, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return whole[..., 0], whole[..., 1]


def _as_a_whole(points: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points (n, 2) through the similarity that brings `source` nearest to `target`."""
    p, q = source - source.mean(axis=0), target - target.mean(axis=0)
    p, q, r = (each[:, 0] + 1j * each[:, 1] for each in (p, q, points - source.mean(axis=0)))
    moved = r * (np.conj(p) @ q) / (np.conj(p) @ p)
    return np.stack([moved.real, moved.imag], axis=1) + target.mean(axis=0)


def _bending(squared: np.ndarray) -> np.ndarray:
    """r^2 log r^2."""
    result: np.ndarray = squared * np.log(squared + squared.dtype.type(1e-9))
    return result
