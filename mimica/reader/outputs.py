"""What the reader's network puts out, in which order, and the constants of its input crop. No torch: shared by training
and by reading.

One vector a face, (OUTPUT_SIZE,):

    points      70 x (x, y)   68 iBUG landmarks, then the two irises (left of the picture first); in eye distances from the
                              middle of the crop
    pose        3             yaw, pitch, roll, in units of POSE_UNIT degrees
    aus         34            logits of the sided Action Units, in the order of `SIDED_AU_NAMES`
    emotions    8             logits of `EMOTIONS`
    face        1             logit: this crop shows a face
"""

from __future__ import annotations

import numpy as np

from mimica.facs import EMOTIONS, SIDED_AU_NAMES

INPUT_SIZE = 112
"""Side of the gray input crop in pixels: the `tight` crop of `mimica.face.align`."""
DETAIL_SIZE = 160
"""Side in pixels of the same crop as the refiner gets it."""
EYE_DISTANCE = 0.30
"""Distance of the eye centres in a well aligned input crop, as a share of its side."""
POSE_UNIT = 20.0

POINTS = 70
_SIZES = {"points": 2 * POINTS, "pose": 3, "aus": len(SIDED_AU_NAMES), "emotions": len(EMOTIONS), "face": 1}
OUTPUT_SIZE = sum(_SIZES.values())


def _slices() -> dict[str, slice]:
    starts = np.cumsum([0, *_SIZES.values()])
    return {name: slice(int(a), int(a) + size) for (name, size), a in zip(_SIZES.items(), starts, strict=False)}


SLICES: dict[str, slice] = _slices()

# iBUG-68 seen in a mirror: MIRROR_POINTS[i] is the point that takes place i. The last two are the irises.
MIRROR_POINTS: tuple[int, ...] = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *range(54, 47, -1),
    *range(59, 54, -1),
    *range(64, 59, -1),
    *range(67, 64, -1),
    *(69, 68),
)


def mirrored_outputs(outputs: np.ndarray) -> np.ndarray:
    """Outputs (B, OUTPUT_SIZE) for mirrored crops -> what they say of the crops themselves."""
    result = outputs.copy()
    points = outputs[:, SLICES["points"]].reshape(-1, POINTS, 2)[:, list(MIRROR_POINTS)] * np.array([-1, 1], np.float32)
    result[:, SLICES["points"]] = points.reshape(len(outputs), -1)
    result[:, SLICES["pose"]] *= np.array([-1, 1, -1], np.float32)
    result[:, SLICES["aus"]] = np.roll(outputs[:, SLICES["aus"]], _SIZES["aus"] // 2, axis=1)
    return result


LIDS = slice(36, 48)
LIPS = slice(48, 68)
JAW = slice(0, 17)
