"""What is read of a face in a film, steadied by looking back and ahead.

Two motions are told apart. Where the face is as a whole (place, size, tilt) is smooth: a parabola through the frames around, as
A. Savitzky, M. Golay ("Smoothing and differentiation of data by simplified least squares procedures", 1964) have it. What the
face does (lids, lips, brows) may jump: each of its groups is averaged over the frames in which it looks nearly as now, the
weights of C. Tomasi, R. Manduchi, "Bilateral filtering for gray and color images" (ICCV 1998) in time. Neither lags, since both
sides of a frame count alike. What a still face trembles by is averaged away; a blink is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mimica.facs import SIDED_AU_NAMES, to_dict, to_vector
from mimica.reader.read import FaceReading

REACH = 0.2
"""Seconds to either side of a frame that are looked at."""
SPREAD = 0.08
"""Seconds: how the weight of a frame falls with its distance in time (standard deviation)."""
ALIKE = {"shape": 0.012, "lids": 0.02, "unit": 0.05, "blink": 0.12, "angle": 2.0, "gaze": 2.5}
"""How far a group may be from now to count as alike (standard deviation): landmarks in eye distances, Action Units, degrees.
About three times what the reader trembles by on a still face."""
_POINT_GROUPS: tuple[tuple[tuple[int, ...], str], ...] = (
    (tuple(range(17, 27)), "shape"),
    (tuple(range(27, 36)), "shape"),
    ((*range(36, 42), 68), "lids"),
    ((*range(42, 48), 69), "lids"),
    ((*range(17), *range(48, 68)), "shape"),
)
"""Brows, nose, each eye with its iris (68 the one at the left of the picture), lips with chin and jaw."""
_RIGID = [*range(0, 17, 2), *range(27, 36), 36, 39, 42, 45]
"""Landmarks that say where the face is: they move least with expressions."""


def steadied(around: Sequence[tuple[float, FaceReading]], time: float) -> FaceReading:
    """The reading of the frame at `time`, which is among `around`: those of the same face up to `REACH` seconds before and after,
    (seconds, as read), in the order of time. Landmarks and irises, pose, gaze and Action Units are steadied; all else is as
    read."""
    times = np.array([moment for moment, _ in around]) - time
    now = int(np.argmin(np.abs(times)))
    here = around[now][1]
    if len(around) < 3:
        return here
    readings = [reading for _, reading in around]
    points = _steady_points(np.stack([_points(reading) for reading in readings]), times, now)
    near = np.exp(-0.5 * (times / SPREAD) ** 2)
    units = np.stack([to_vector(reading.action_units, SIDED_AU_NAMES) for reading in readings]).astype(np.float64)
    alike = np.array([ALIKE["blink" if name.startswith("AU45") else "unit"] for name in SIDED_AU_NAMES])
    angles = np.array([[reading.yaw, reading.pitch, reading.roll] for reading in readings])
    gazes = np.array([np.ravel(reading.gazes) for reading in readings])
    yaw, pitch, roll = _average(angles, near, now, ALIKE["angle"]).tolist()
    x0, y0, x1, y1 = _average(gazes, near, now, ALIKE["gaze"]).tolist()
    low, high = points[:68].min(axis=0), points[:68].max(axis=0)
    return replace(
        here,
        box_photo=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        landmarks_photo=points[:68].astype(np.float32),
        irises_photo=points[68:].astype(np.float32),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        action_units=to_dict(np.clip(_average(units, near, now, alike), 0, 1), SIDED_AU_NAMES),
        gazes=((x0, y0), (x1, y1)),
    )


def _points(reading: FaceReading) -> np.ndarray:
    return np.concatenate([reading.landmarks_photo, reading.irises_photo]).astype(np.float64)


def _average(values: np.ndarray, near: np.ndarray, now: int, alike: float | np.ndarray) -> np.ndarray:
    """(K, N) -> (N,): each column averaged over the frames in which it is nearly as now."""
    weight = near[:, None] * np.exp(-0.5 * ((values - values[now]) / alike) ** 2)
    average: np.ndarray = (weight * values).sum(axis=0) / weight.sum(axis=0)
    return average


def _steady_points(points: np.ndarray, times: np.ndarray, now: int) -> np.ndarray:
    """Points (K, 70, 2) in pixels of the photo -> (70, 2): the shape averaged group by group, set where the face is by the
    parabola."""
    center, unit = points[now, _RIGID].mean(axis=0), _unit(points[now])
    goal = (points[now] - center) / unit
    moves = np.array([_similarity(goal[_RIGID], (one[_RIGID] - center) / unit) for one in points])  # from now to each frame
    shapes = np.stack([_undone((one - center) / unit, move) for one, move in zip(points, moves, strict=True)])
    near = np.exp(-0.5 * (times / SPREAD) ** 2)
    shape = shapes[now].copy()
    for group, kind in _POINT_GROUPS:
        mine = shapes[:, list(group)]
        apart = np.sqrt(np.square(mine - mine[now]).sum(axis=2).mean(axis=1))
        weight = near * np.exp(-0.5 * (apart / ALIKE[kind]) ** 2)
        shape[list(group)] = np.tensordot(weight / weight.sum(), mine, 1)
    return _done(shape, _parabola(moves, times, near)) * unit + center


def _unit(points: np.ndarray) -> float:
    """The eye distance."""
    return max(1e-3, float(np.hypot(*(points[42:48].mean(axis=0) - points[36:42].mean(axis=0)))))


def _similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity (a, b, x, y) that brings points (n, 2) nearest to others: (x, y) + [[a, -b], [b, a]] p."""
    p, q = source - source.mean(axis=0), target - target.mean(axis=0)
    size = max(1e-9, float(np.square(p).sum()))
    a, b = float((p * q).sum()) / size, float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / size
    shift = target.mean(axis=0) - _turned(source.mean(axis=0), a, b)
    return np.array([a, b, *shift])


def _turned(points: np.ndarray, a: float, b: float) -> np.ndarray:
    return points @ np.array([[a, b], [-b, a]])


def _done(points: np.ndarray, move: np.ndarray) -> np.ndarray:
    placed: np.ndarray = _turned(points, float(move[0]), float(move[1])) + move[2:]
    return placed


def _undone(points: np.ndarray, move: np.ndarray) -> np.ndarray:
    a, b = move[:2] / float(np.square(move[:2]).sum())
    return _turned(points - move[2:], float(a), float(-b))


def _parabola(values: np.ndarray, times: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Values (K, N) at `times` -> (N,) at time 0, of the parabola nearest to them; of a line or a mean where there are few."""
    degree = min(2, (len(times) - 1) // 2)
    columns = np.stack([times**power for power in range(degree + 1)], axis=1)
    root = np.sqrt(weight)[:, None]
    return np.asarray(np.linalg.lstsq(columns * root, values * root, rcond=None)[0][0])
