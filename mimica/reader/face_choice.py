"""Which faces of a photo are meant, and whether they are fit to be edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from mimica.errors import NoFaceError, ValueRangeError
from mimica.reader.covered import is_covered
from mimica.reader.read import FaceReading

MIN_EYE_DISTANCE, SMALL_EYE_DISTANCE = 12.0, 24.0
"""Pixels between the eye centres: below the first nothing can be edited, below the second little detail can be expected."""
MAX_YAW, LARGE_YAW = 45.0, 28.0
"""Degrees that a head may be turned: beyond the first half of the face is hidden, beyond the second results get worse."""
LOW_CONFIDENCE = 0.85
"""Below this what was found may be no person: of 120 portraits one is read with less (0.849), of the places on a cat that the
reader takes for faces at all (129 of 2000), 115 are (docs/inputs.md)."""

DARK_GLASSES = 0.45
"""Eyes with their lids darker than this share of the cheeks are behind sunglasses (of 130 portraits the two with sunglasses had
0.37 and 0.40, all others 0.54 and more)."""

_EYES_AND_MOUTH = [*range(36, 60)]


Which = int | Literal["largest", "all"] | None
"""A face: its number from 1 in reading order, the largest, all of them, or not said (the largest, with a warning)."""


def parse_which(which: int | str | None) -> Which:
    """A number from 1 (as text too), `largest`, `all` or None. Raises `ValueRangeError` for anything else."""
    if which is None:
        return None
    if which == "largest":
        return "largest"
    if which == "all":
        return "all"
    if str(which).strip().isdecimal() and int(which) >= 1:
        return int(which)
    raise ValueRangeError(f"The face asked for is '{which}'; it must be a number from 1, 'largest' or 'all'.")


def select(readings: Sequence[FaceReading], which: Which, source: str) -> tuple[list[FaceReading], list[str]]:
    """The faces meant of those found (at least one), and warnings. `source` names the photo in sentences. Raises
    `NoFaceError` for a number that there is not."""
    if which == "all":
        return list(readings), []
    if isinstance(which, int):
        if not 1 <= which <= len(readings):
            found = "1 face" if len(readings) == 1 else f"{len(readings)} faces, numbered 1 to {len(readings)}"
            raise NoFaceError(f"There is no face {which} in {source}: it shows {found}.")
        return [readings[which - 1]], []
    number = int(np.argmax([reading.eye_distance for reading in readings]))
    warnings = []
    if which is None and len(readings) > 1:
        warnings.append(f"{source} shows {len(readings)} faces; taking the largest, number {number + 1} (choose with --face).")
    return [readings[number]], warnings


def check(reading: FaceReading, photo_shape: tuple[int, ...]) -> list[str]:
    """Warnings about a face that can be edited, but not well. Raises `NoFaceError` for one that cannot."""
    distance, turned = reading.eye_distance, abs(reading.yaw)
    if distance < MIN_EYE_DISTANCE:
        raise NoFaceError(
            f"The face is too small: its eyes are {distance:.0f} pixels apart and {MIN_EYE_DISTANCE:.0f} are needed; use a "
            "larger photo."
        )
    if turned > MAX_YAW:
        raise NoFaceError(
            f"The head is turned by {turned:.0f} degrees and half of the face is hidden; use a photo taken more from the front "
            f"(up to {MAX_YAW:.0f} degrees)."
        )
    points, size = reading.landmarks_photo, np.array([photo_shape[1], photo_shape[0]])
    outside = ((points < 0) | (points > size)).any(axis=1)
    if _overhang(points[_EYES_AND_MOUTH], size) > 0.1 * distance:
        raise NoFaceError("The border of the photo cuts the eyes or the mouth off; use a photo that shows the whole face.")
    warnings = []
    if distance < SMALL_EYE_DISTANCE:
        warnings.append(f"the face is small (eyes {distance:.0f} pixels apart); the result will lack detail.")
    if turned > LARGE_YAW:
        warnings.append(f"the head is turned by {turned:.0f} degrees; the far side of the face may look wrong.")
    if outside.any():
        warnings.append("the border of the photo cuts the face; the result may look wrong there.")
    if reading.confidence < LOW_CONFIDENCE:
        warnings.append("the face is hard to read (an animal, a drawing? covered, blurred, dark?); the result may look wrong.")
    return warnings


def _overhang(points: np.ndarray, size: np.ndarray) -> float:
    """How far the outermost of the points lies outside the photo, pixels."""
    return float(max(0.0, (-points).max(), (points - size).max()))


def check_eyes(reading: FaceReading, rgb: np.ndarray) -> list[str]:
    """A warning if the eyes of the photo, uint8 (H, W, 3), are hidden behind sunglasses, which nothing here understands."""
    landmarks, distance = reading.landmarks_photo, reading.eye_distance
    eyes = [landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)]
    down = landmarks[48:60].mean(axis=0) - (eyes[0] + eyes[1]) / 2
    brightest = 0.0
    for eye in eyes:
        around, cheek = _brightness(rgb, eye, 0.2 * distance), _brightness(rgb, eye + 0.55 * down, 0.12 * distance)
        if not around.size or not cheek.size:
            return []
        lids = np.sort(around)[int(0.75 * around.size)]  # skin, where the eye is not covered
        brightest = max(brightest, float(lids / max(np.sort(cheek)[cheek.size // 2], 1.0)))
    if brightest >= DARK_GLASSES:
        return []
    return ["the eyes seem to be behind dark glasses, which bend with the brows; the result may look wrong there."]


def check_mouth(reading: FaceReading, rgb: np.ndarray) -> list[str]:
    """A warning if the mouth in the photo, uint8 (H, W, 3), is behind cloth."""
    if not is_covered(reading, rgb):
        return []
    return ["the mouth seems to be behind a mask or a scarf: it is left alone, and only brows and eyes change."]


def _brightness(rgb: np.ndarray, middle: np.ndarray, reach: float) -> np.ndarray:
    """(n,), 0 to 255, of the square around a point as far as it lies in the photo."""
    x0, y0 = np.maximum(np.floor(middle - reach), 0).astype(int)
    x1, y1 = np.maximum(np.ceil(middle + reach), 0).astype(int)
    return rgb[y0:y1, x0:x1].mean(axis=2).ravel()
