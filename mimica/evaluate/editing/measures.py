"""The benchmark's figures of one edit and of one dose curve: pure functions. docs/benchmark.md has them in words.

Action Units are in [0, 1] here; reports multiply errors by 5, FACS's scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mimica.face.align import crop_from_photo, cut, eye_centres
from mimica.metrics import pearson

CROP = 224
"""Side of the tight crop in which sharpness is measured."""
FOREHEAD, CHIN, AROUND = 1.3, 0.4, 0.35
"""In eye distances: how far the face reaches above the brows, how far the jaw may drop, and a margin around all."""


def au_error(before: Mapping[str, float], after: Mapping[str, float], wanted: Mapping[str, float], units: Sequence[str]) -> float:
    """Mean |after - wanted| over the `units` that were asked for; NaN where the judge counts none of them."""
    errors = [abs(after[name] - wanted[name]) for name in units if name in wanted and name in after]
    return float(np.mean(errors)) if errors else float("nan")


def leak(before: Mapping[str, float], after: Mapping[str, float], wanted: Mapping[str, float], units: Sequence[str]) -> float:
    """Mean |after - before| over the `units` that nobody asked for."""
    changes = [abs(after[name] - before[name]) for name in units if name not in wanted and name in after and name in before]
    return float(np.mean(changes)) if changes else float("nan")


def emotion_gain(
    before: Mapping[str, float], after: Mapping[str, float], wanted: Mapping[str, float], units: Sequence[str]
) -> float:
    """How far the face went of the way from what it showed to what was asked for: the change's projection onto that way, over
    its length; 1 is all of it, 0 nothing. NaN where hardly any way was to go (shorter than 0.2)."""
    names = [name for name in units if name in before and name in after and name in wanted]
    way = np.array([wanted[name] - before[name] for name in names])
    change = np.array([after[name] - before[name] for name in names])
    length = float(way @ way)
    return float(change @ way) / length if length > 0.04 else float("nan")


def slope(asked: Sequence[float], read: Sequence[float]) -> float:
    """Least squares: how much the reading rises for a rise of 1 in what is asked for."""
    x, y = np.asarray(asked, np.float64), np.asarray(read, np.float64)
    spread = float(((x - x.mean()) ** 2).sum())
    return float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread else float("nan")


def monotony(asked: Sequence[float], read: Sequence[float], tie: float = 0.01) -> float:
    """The share of pairs of doses of which the larger one reads higher, by more than `tie`; closer ones count half."""
    pairs = [(i, j) for i in range(len(asked)) for j in range(len(asked)) if asked[i] < asked[j]]
    rises = [read[j] - read[i] for i, j in pairs]
    return float(np.mean([0.5 if abs(rise) <= tie else float(rise > 0) for rise in rises])) if rises else float("nan")


def linearity(asked: Sequence[float], read: Sequence[float]) -> float:
    """Pearson's r of the dose curve; 0 for a reading that does not move at all."""
    r = pearson(np.asarray(read), np.asarray(asked))
    return r if r == r else 0.0


def outside_face(landmarks: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """bool (H, W): what no edit of the face has a reason to touch. The face is the hull of the landmarks (68, 2), of the
    brows moved up by `FOREHEAD` and of the jaw moved down by `CHIN` along the face, grown by `AROUND` eye distances."""
    left, right = eye_centres(landmarks)
    across = right - left
    distance = float(np.hypot(*across))
    down = np.array([-across[1], across[0]])  # as long as the eye distance
    points = np.concatenate([landmarks, landmarks[17:27] - FOREHEAD * down, landmarks[3:14] + CHIN * down])
    region = np.ones((shape[0], shape[1]), np.uint8)
    cv2.fillConvexPoly(region, cv2.convexHull(np.rint(points).astype(np.int32)), 0)
    reach = 1 + 2 * round(AROUND * distance)
    return np.asarray(cv2.erode(region, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0)


def background_change(photo: np.ndarray, result: np.ndarray, outside: np.ndarray) -> int:
    """The largest change of a value where `outside`, of 255."""
    return int(cv2.absdiff(photo, result)[outside].max(initial=0))


def sharpness(photo: np.ndarray, result: np.ndarray, landmarks: np.ndarray) -> float:
    """Variance of the Laplacian of the tight crop's gray picture, result over photo; 1 is as sharp."""
    matrix = crop_from_photo(landmarks, CROP)
    grays = [cv2.cvtColor(cut(one, matrix, CROP), cv2.COLOR_RGB2GRAY) for one in (result, photo)]
    after, before = (float(cv2.Laplacian(gray, cv2.CV_64F).var()) for gray in grays)
    return after / max(before, 1e-9)


def pose_drift(before: Sequence[float], after: Sequence[float]) -> float:
    """The largest of the changes of yaw, pitch and roll, degrees."""
    return float(np.abs(np.subtract(after, before)).max())


def bootstrap(values: Sequence[float], groups: Sequence[str], repeats: int = 1000, seed: int = 0) -> tuple[float, float, float]:
    """The mean and its 95% interval: whole `groups` (photos) are drawn again with replacement, and the 2.5th and 97.5th
    percentile of the means taken. NaNs are left out; all three are NaN where nothing is left."""
    data = np.asarray(values, np.float64)
    known = np.isfinite(data)
    names, place = np.unique(np.asarray(groups)[known], return_inverse=True)
    if not len(names):
        return float("nan"), float("nan"), float("nan")
    sums, counts = np.bincount(place, data[known]), np.bincount(place)
    drawn = np.random.default_rng(seed).integers(len(names), size=(repeats, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(data[known].mean()), float(low), float(high)
