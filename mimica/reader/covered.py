"""A mouth that cannot be seen: behind a surgical mask, a scarf, a hand-sewn mask.

Cloth is told by two things together: the face below the nose has another colour than the skin around the eyes, and where the
lips should be there is nothing but more of the same. (A beard has lips in it; bare skin has the colour of skin.) Colours are
CIELAB's (CIE 1976), distances in its units, in a tight crop.

Known to be weak: in colourless photos little but dark cloth is told from skin; on small faces cloth must be as plain as lips
are faint.
"""

from __future__ import annotations

import cv2
import numpy as np

from mimica.face.align import crop_from_photo, cut, transform
from mimica.face.tone import tone_of
from mimica.reader.read import FaceReading

SIDE = 160
"""Pixels of the tight crop's side in which is looked."""
MOUTH_UNITS = ("AU10", "AU12", "AU14", "AU15", "AU17", "AU20", "AU23", "AU25", "AU26")
"""What moves lips, chin and jaw."""
OTHER_COLOUR, NO_LIPS, PATTERNED = 12.0, 5.0, 18.0
"""The least distance of the lower face from skin, with the largest of lips from the nearest that is around them; and how far
apart the places around them are only in patterned cloth. See `docs/inputs.md` for what was measured."""
FINE = 32.0
"""Eye distance in pixels from which on lips show all of their colour. JPEG and films keep half of the pixels of colour each
way, so that lips of few pixels take that of the skin beside them: of smaller faces less colour is asked."""
COLOURLESS = (20.0, 0.6)
"""In place of the first two for colourless and toned photos, where lips differ from skin by their light only."""
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = _XYZ.sum(axis=1)
"""Of ITU-R BT.709's primaries."""
_WEIGHTS = np.array([0.5, 1.0, 1.0], np.float32)
"""Of L*, a*, b*: light and shadow say less than colour."""


def is_covered(reading: FaceReading, photo: np.ndarray) -> bool:
    """Whether the mouth of a face in a photo, uint8 (H, W, 3), is behind cloth."""
    other, lips, spread = cover_scores(reading, photo)
    least, most = (OTHER_COLOUR, NO_LIPS) if tone_of(photo_part(reading, photo)) is None else COLOURLESS
    right, left = (reading.landmarks_photo[start : start + 6].mean(axis=0) for start in (36, 42))
    most *= min(1.0, float(np.hypot(*(left - right))) / FINE)
    return (other > least and lips < most) or spread > PATTERNED


def above_nose(landmarks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """float32 (H, W): 1 above the bridge of the nose, 0 from its tip down, where cloth hangs; landmarks in the same pixels."""
    points = np.asarray(landmarks, np.float64)
    top, tip = points[28], points[30]
    down = (tip - top) / max(float(np.square(tip - top).sum()), 1e-6)
    row, column = np.arange(shape[0], dtype=np.float32)[:, None] + 0.5, np.arange(shape[1], dtype=np.float32) + 0.5
    part = (column - top[0]) * down[0] + (row - top[1]) * down[1]
    return np.clip(1 - part, 0, 1).astype(np.float32)


def photo_part(reading: FaceReading, photo: np.ndarray) -> np.ndarray:
    """The tight crop, uint8 (SIDE, SIDE, 3)."""
    return cut(photo, crop_from_photo(reading.landmarks_photo, SIDE), SIDE)


def cover_scores(reading: FaceReading, photo: np.ndarray) -> tuple[float, float, float]:
    """How far the lower face's colour is from that of the skin around the eyes; the lips' from the nearest that is around them;
    and what is around them from its own median (medians, all three)."""
    matrix = crop_from_photo(reading.landmarks_photo, SIDE)
    crop = cv2.GaussianBlur(photo_part(reading, photo), (0, 0), 1.5)
    points = transform(reading.landmarks_photo, matrix)
    skin = np.median(_lab(_at(crop, _skin_places(points))), axis=0)
    around = _lab(_at(crop, _around_places(points)))
    lips = _lab(_at(crop, _lip_places(points)))
    below = np.median(around, axis=0)
    nearest = [min(_distance(lip, one) for one in around) for lip in lips]
    strays = [_distance(one, below) for one in around]
    return _distance(below, skin), float(np.median(nearest)), float(np.median(strays))


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm((a - b) * _WEIGHTS))


def _skin_places(points: np.ndarray) -> np.ndarray:
    """Between the brows, above them, and below the inner corners of the eyes: what a mask leaves free."""
    brows, nose = points[[21, 22]].mean(axis=0), points[27]
    up = brows - nose
    return np.stack([nose, brows, brows + up, points[19] + up, points[24] + up, points[17] + up, points[26] + up])


def _around_places(points: np.ndarray) -> np.ndarray:
    """Above the lips, beside them and on the chin."""
    pairs = [(51, 33, 0.5), (50, 32, 0.5), (52, 34, 0.5), (57, 8, 0.5), (58, 7, 0.5), (56, 9, 0.5)]
    pairs += [(48, 5, 0.4), (48, 4, 0.5), (54, 11, 0.4), (54, 12, 0.5)]
    return np.stack([points[a] * (1 - part) + points[b] * part for a, b, part in pairs])


def _lip_places(points: np.ndarray) -> np.ndarray:
    """The middle of the red of both lips."""
    return np.stack([(points[a] + points[b]) / 2 for a, b in ((50, 61), (51, 62), (52, 63), (58, 67), (57, 66), (56, 65))])


def _at(crop: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n, 2) -> (n, 3)."""
    x, y = np.clip(np.floor(places).astype(int), 0, SIDE - 1).T
    return np.asarray(crop[y, x])


def _lab(rgb: np.ndarray) -> np.ndarray:
    """uint8 (n, 3), sRGB -> CIELAB under D65 (n, 3): L* from 0 to 100. For so few colours OpenCV's tables, 40 ms, do not pay."""
    part = rgb / 255.0
    linear = np.where(part > 0.04045, ((part + 0.055) / 1.055) ** 2.4, part / 12.92)
    x, y, z = (_XYZ @ linear.T / _WHITE[:, None]).clip(1e-9)
    fx, fy, fz = (np.where(v > (6 / 29) ** 3, np.cbrt(v), v * (29 / 6) ** 2 / 3 + 4 / 29) for v in (x, y, z))
    return np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], axis=1).astype(np.float32)
