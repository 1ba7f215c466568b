"""Whether something is in front of a face: a hand, a cup, cloth.

Cloth over the mouth is told by its colour (`mimica.reader.covered`), what the reader cannot make out by its confidence. A thing
that comes in between is told by time. Forehead, nose, cheeks and chin look nearly the same from frame to frame, however the face
speaks: where several of these places differ at once from what they were, more than light or expressions make them, a thing is
there. And lips and brows stand out from the skin beside them: where they no longer do, skin is in front of them, a hand.

Known to be weak: a hand beside the mouth, or one that covers little; things that are there from the first frame on.
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
LOOK_EVERY = 12
"""Frames between two looks for cloth, which are costly."""
_PLACES = ((27, 0.0), (29, 0.0), (31, -0.25), (35, 0.25), (2, 0.25), (14, -0.25), (48, -0.15), (54, 0.15), (33, 0.0))
"""(landmark, how far beside it in eye distances): nose, cheeks, beside the mouth."""
_LIPS = ((50, 61), (52, 63), (58, 67), (56, 65))
_BROWS = ((18, 19), (19, 20)), ((23, 24), (24, 25))
"""Between each two of these landmarks there is lip, or brow."""
RENEWAL, RECOVERY = 0.05, 0.01
"""How much of each frame goes into the picture that is kept; and while it looks covered, so that a new light is got used to."""
STRANGE, MANY = 24.0, 3
"""Levels by which a place differs from what it was, the common change of light aside; so many places at once are a thing."""
FAINT, GONE = 10.0, 0.3
"""Lips and brows that stand out from skin by fewer levels than the first tell nothing; those that have less than this share of
what they had are not seen any more."""


class Sight:
    """Looks at one face, frame by frame."""

    def __init__(self) -> None:
        self._usual: tuple[np.ndarray, np.ndarray] | None = None
        self._cloth, self._count = False, 0

    def is_covered(self, reading: FaceReading, rgb: np.ndarray) -> bool:
        """Whether something covers the face in the next frame, uint8 (H, W, 3)."""
        self._count += 1
        if self._count % LOOK_EVERY == 1:
            self._cloth = is_covered(reading, rgb)
        return self._thing(reading, rgb) or reading.confidence < UNSURE or self._cloth

    def _thing(self, reading: FaceReading, rgb: np.ndarray) -> bool:
        places, marks = look(reading, rgb)
        if self._usual is None:
            self._usual = places, marks
            return False
        usual_places, usual_marks = self._usual
        covered = is_strange(places - usual_places) or is_gone(marks, usual_marks)
        rate = RECOVERY if covered else RENEWAL
        self._usual = usual_places + rate * (places - usual_places), usual_marks + rate * (marks - usual_marks)
        return covered


def look(reading: FaceReading, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean colours at `_PLACES` (n, 3), and by how much lips, right and left brow stand out from the skin (3, 3), levels."""
    matrix = crop_from_photo(reading.landmarks_photo, SIDE)
    crop = cut(rgb, matrix, SIDE)
    points = transform(reading.landmarks_photo, matrix)
    coarse, fine = cv2.blur(crop, (9, 9)), cv2.blur(crop, (3, 3))
    places = _at(coarse, np.array([points[i] + [0.3 * SIDE * aside, 0.0] for i, aside in _PLACES]))
    around_mouth = np.stack([places[6], places[7], _at(coarse, (points[57] + points[8])[None] / 2)[0]]).mean(axis=0)
    lips = _at(fine, _between(points, _LIPS)).mean(axis=0) - around_mouth
    brows = [_at(fine, _between(points, pairs)).mean(axis=0) - places[:4].mean(axis=0) for pairs in _BROWS]
    return places, np.stack([lips, *brows])


def is_strange(change: np.ndarray) -> bool:
    """Whether places that change like this, (n, 3), are no longer all of the face."""
    apart = np.abs(change - np.median(change, axis=0)).max(axis=1)
    return int((apart > STRANGE).sum()) >= MANY


def is_gone(marks: np.ndarray, usual: np.ndarray) -> bool:
    """Whether the lips, or both brows, (3, 3) as in `look`, no longer stand out as they do usually."""
    size = np.linalg.norm(usual, axis=1)
    left = (marks * usual).sum(axis=1) / np.maximum(size, 1e-6)
    gone = (size > FAINT) & (left < GONE * size)
    return bool(gone[0] or gone[1:].all())


def _between(points: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    return np.array([(points[a] + points[b]) / 2 for a, b in pairs])


def _at(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    x, y = np.clip(np.floor(places).astype(int), 0, SIDE - 1).T
    return picture[y, x].astype(np.float32)
