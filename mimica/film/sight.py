"""Whether something is in front of a face: a hand, a cup, cloth.

Cloth over the mouth is told by its colour (`mimica.reader.covered`), what the reader cannot make out by its confidence. A thing
that comes in between is told by time: forehead, nose, cheeks and chin of a face look nearly the same from frame to frame, however
it speaks, so a coarse picture of these places is kept, and slowly renewed; where several of them differ from it at once, more
than light or expressions make them differ, something covers them.
"""

from __future__ import annotations

import cv2
import numpy as np

from mimica.face.align import crop_from_photo, cut, transform
from mimica.reader.covered import is_covered
from mimica.reader.read import FaceReading

SIDE = 96
"""Pixels of the tight crop's side in which is looked."""
UNSURE = 0.6
"""The reader's confidence below which a face counts as covered."""
LOOK_EVERY = 6
"""Frames between two looks for cloth, which are costly."""
_PLACES = ((27, 0.0), (30, 0.0), (31, -0.25), (35, 0.25), (2, 0.25), (14, -0.25), (48, -0.12), (54, 0.12), (57, 0.0), (8, 0.0))
"""(landmark, how far beside it in eye distances): nose, cheeks, beside the mouth, lower lip, chin."""
RENEWAL, RECOVERY = 0.05, 0.01
"""How much of each frame goes into the picture that is kept; and while it looks covered, so that a new light is got used to."""
STRANGE, MANY = 22.0, 3
"""Levels by which a place differs from what it was, the common change of light aside; so many places at once are a thing."""


class Sight:
    """Looks at one face, frame by frame."""

    def __init__(self) -> None:
        self._usual: np.ndarray | None = None
        self._cloth, self._count = False, 0

    def is_covered(self, reading: FaceReading, rgb: np.ndarray) -> bool:
        """Whether something covers the face in the next frame, uint8 (H, W, 3)."""
        self._count += 1
        if self._count % LOOK_EVERY == 1:
            self._cloth = is_covered(reading, rgb)
        return reading.confidence < UNSURE or self._thing(reading, rgb) or self._cloth

    def _thing(self, reading: FaceReading, rgb: np.ndarray) -> bool:
        """Whether some places do not look as usual."""
        now = _levels(reading, rgb)
        if self._usual is None:
            self._usual = now
            return False
        change = now - self._usual
        apart = np.abs(change - np.median(change, axis=0)).max(axis=1)
        strange = int((apart > STRANGE).sum()) >= MANY
        self._usual = self._usual + (RECOVERY if strange else RENEWAL) * change
        return strange


def _levels(reading: FaceReading, rgb: np.ndarray) -> np.ndarray:
    """(places, 3): the mean colour at each of `_PLACES`."""
    matrix = crop_from_photo(reading.landmarks_photo, SIDE)
    crop = cv2.blur(cut(rgb, matrix, SIDE), (9, 9))
    points = transform(reading.landmarks_photo, matrix)
    places = np.array([points[i] + [0.3 * SIDE * aside, 0.0] for i, aside in _PLACES])
    x, y = np.clip(np.floor(places).astype(int), 0, SIDE - 1).T
    return crop[y, x].astype(np.float32)
