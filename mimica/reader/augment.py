"""What a training crop goes through: the photos people bring are not the photos of the training sets.

Geometry (box jitter, rotation, scale, mirror with left and right swapped), light (gain, gamma, contrast, a gradient over the
face), optics (blur, low resolution), JPEG, noise, things in front of the face; and negatives, so that the reader knows a
face from what only looks like one to a detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mimica.pictures.pixels import to_unit
from mimica.reader.data import CROP, ReaderData
from mimica.reader.outputs import EYE_DISTANCE, INPUT_SIZE, MIRROR_POINTS, POSE_UNIT

_BORDERS = (cv2.BORDER_REFLECT_101, cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)


@dataclass
class Sample:
    """One augmented crop: `gray` uint8 (INPUT_SIZE, INPUT_SIZE) and its targets in the units of `mimica.reader.outputs`."""

    gray: np.ndarray
    points: np.ndarray
    pose: np.ndarray
    aus: np.ndarray
    emotion: int
    face: float
    exact: bool


def augment(
    data: ReaderData,
    row: int,
    rng: np.random.Generator,
    hardness: float = 1.0,
    *,
    size: int = INPUT_SIZE,
    rough: float | None = None,
) -> Sample:
    """A face as either reading pass sees it: roughly cut by a detector (wide jitter), or aligned (narrow). `hardness` in
    [0, 1] is how often light, optics and occlusion are changed; at 0 only the geometry is. `size` is the side of the crop in
    pixels, `rough` the share of roughly cut ones."""
    coarse = rng.random() < (0.4 - 0.15 * (1 - hardness) if rough is None else rough)
    angle = rng.normal(0, 14 if coarse else 3)
    scale = np.exp(rng.normal(0, 0.13 if coarse else 0.03))
    shift = rng.normal(0, (0.07 if coarse else 0.012) * size, 2)
    matrix = similarity(angle, scale * size / CROP, shift, size)
    mirrored = bool(rng.random() < 0.5)
    gray = _warp(data.gray[row], matrix, rng, size)
    points = data.points[row] @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)
    pose = data.pose[row] + np.array([0, 0, angle], np.float32)
    aus = data.aus[row]
    if mirrored:
        gray = np.ascontiguousarray(gray[:, ::-1])
        points, pose, aus = mirror_labels(points, pose, aus, size)
    return Sample(
        gray=photometric(gray, rng, hardness),
        points=(points - size / 2) / (EYE_DISTANCE * size),
        pose=pose / POSE_UNIT,
        aus=aus,
        emotion=int(data.emotion[row]),
        face=1.0,
        exact=bool(data.exact[row]),
    )


def similarity(angle: float, scale: float, shift: np.ndarray, size: int = INPUT_SIZE) -> np.ndarray:
    """(2, 3) crop of CROP px -> crop of `size` px: turned by `angle` degrees (clockwise in the picture) about the middle."""
    turn = np.deg2rad(angle)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    offset = np.full(2, size / 2) + shift - linear @ np.full(2, CROP / 2)
    return np.column_stack([linear, offset])


def mirror_labels(
    points: np.ndarray, pose: np.ndarray, aus: np.ndarray, size: int = INPUT_SIZE
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The labels of the mirrored input crop of `size` px: left and right change places, yaw and roll change sign."""
    flipped = points[list(MIRROR_POINTS)].copy()
    flipped[:, 0] = size - flipped[:, 0]
    half = len(aus) // 2
    return flipped, pose * np.array([-1, 1, -1], np.float32), np.concatenate([aus[half:], aus[:half]])


def _warp(gray: np.ndarray, matrix: np.ndarray, rng: np.random.Generator, size: int = INPUT_SIZE) -> np.ndarray:
    """Continuous-pixel matrix -> cv2, whose pixel centres are whole numbers; area-like smoothing when it shrinks."""
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    border = _BORDERS[int(rng.integers(len(_BORDERS)))]
    soft = cv2.GaussianBlur(gray, (3, 3), 0.5) if rng.random() < 0.7 else gray
    return cv2.warpAffine(
        soft, shifted, (size, size), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=int(rng.integers(256))
    )


def photometric(gray: np.ndarray, rng: np.random.Generator, hardness: float = 1.0) -> np.ndarray:
    """Light, optics, compression and occlusion; uint8 in, uint8 out."""
    x = to_unit(gray)
    if rng.random() < 0.8 * hardness:
        x = np.clip(x, 0, 1) ** np.exp(rng.normal(0, 0.3))
        x = (x - 0.5) * np.exp(rng.normal(0, 0.25)) + 0.5 + rng.normal(0, 0.08)
    if rng.random() < 0.3 * hardness:
        x *= _light_gradient(rng, len(x))
    if rng.random() < 0.35 * hardness:
        x = _low_resolution(x, rng)
    if rng.random() < 0.3 * hardness:
        x = x + rng.normal(0, rng.uniform(0.01, 0.06), x.shape).astype(np.float32)
    if rng.random() < 0.25 * hardness:
        x = _occlude(x, rng)
    out = (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)
    if rng.random() < 0.35 * hardness:
        out = np.asarray(cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])[1], 0))
    return out


def _light_gradient(rng: np.random.Generator, size: int) -> np.ndarray:
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0, 0.6) * (np.cos(turn) * ramp[None] + np.sin(turn) * ramp[:, None])
    return np.asarray(light, np.float32)


def _low_resolution(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.5:
        return cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 2.0) * len(x) / INPUT_SIZE)
    size = int(rng.integers(28, 90))
    small = cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, x.shape[::-1], interpolation=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC])))


def _occlude(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hand, a microphone, hair, dark glasses: an ellipse or a bar of some gray, textured half the time."""
    mask = np.zeros(x.shape, np.float32)
    centre = tuple(int(v) for v in rng.uniform(0.1, 0.9, 2) * len(x))
    axes = tuple(int(v) for v in rng.uniform(0.06, 0.28, 2) * len(x))
    if rng.random() < 0.6:
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    else:
        cv2.rectangle(mask, (centre[0] - axes[0], centre[1] - axes[1]), (centre[0] + axes[0], centre[1] + axes[1]), 1.0, -1)
    fill = np.full(x.shape, rng.random(), np.float32)
    if rng.random() < 0.5:
        coarse = rng.random((int(rng.integers(2, 12)),) * 2).astype(np.float32)
        fill = np.asarray(cv2.resize(coarse, x.shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
    return x * (1 - mask) + fill * mask


def negative(data: ReaderData, row: int, rng: np.random.Generator, alarms: np.ndarray | None = None) -> Sample:
    """What is no face, or no crop of one: half of the time, if there are any, one of the false `alarms` of a detector (uint8,
    N x CROP x CROP); else a part of a face blown up, a face far out of place, shuffled pieces, texture, noise."""
    kind = int(rng.integers(5))
    gray = data.gray[row]
    if alarms is not None and len(alarms) and rng.random() < 0.5:
        alarm = alarms[int(rng.integers(len(alarms)))]
        shape = similarity(rng.normal(0, 10), np.exp(rng.normal(0, 0.15)) * INPUT_SIZE / CROP, rng.normal(0, 8, 2))
        crop = _warp(alarm, shape, rng)
        crop = np.ascontiguousarray(crop[:, ::-1]) if rng.random() < 0.5 else crop
    elif kind == 0:  # a part of the face, or skin and hair alone
        crop = _warp(
            gray, similarity(rng.uniform(-180, 180), rng.uniform(2.2, 5) * INPUT_SIZE / CROP, rng.normal(0, 130, 2)), rng
        )
    elif kind == 1:  # a face half outside the crop
        away = rng.uniform(0, 2 * np.pi)
        shift = np.array([np.cos(away), np.sin(away)]) * rng.uniform(0.55, 0.85) * INPUT_SIZE
        crop = _warp(gray, similarity(rng.uniform(-40, 40), rng.uniform(0.5, 1.6) * INPUT_SIZE / CROP, shift), rng)
    elif kind == 2:  # the right pieces in the wrong places, or upside down
        crop = cv2.resize(_shuffled(gray, rng), (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA)
    elif kind == 3:  # far too small: a crowd, a pattern
        tile = cv2.resize(gray, (int(rng.integers(18, 40)),) * 2, interpolation=cv2.INTER_AREA)
        crop = np.tile(tile, (7, 7))[:INPUT_SIZE, :INPUT_SIZE]
    else:
        crop = _texture(rng)
    nan = np.float32(np.nan)
    return Sample(
        gray=photometric(np.ascontiguousarray(crop), rng),
        points=np.full(data.points.shape[1:], nan),
        pose=np.full(3, nan),
        aus=np.full(data.aus.shape[1], nan),
        emotion=-1,
        face=0.0,
        exact=False,
    )


def _shuffled(gray: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.3:
        return np.ascontiguousarray(np.rot90(gray, int(rng.integers(1, 4))))
    cells = int(rng.integers(2, 6))
    side = CROP // cells
    pieces = [gray[i * side : (i + 1) * side, j * side : (j + 1) * side] for i in range(cells) for j in range(cells)]
    order = rng.permutation(len(pieces))
    return np.vstack([np.hstack([pieces[order[i * cells + j]] for j in range(cells)]) for i in range(cells)])


def _texture(rng: np.random.Generator) -> np.ndarray:
    """Noise of several sizes, edges and blobs, no two alike."""
    x = np.zeros((INPUT_SIZE, INPUT_SIZE), np.float32)
    for size in (3, 6, 12, 28, 56, 112):
        x += rng.exponential(1) * cv2.resize(rng.random((size, size)).astype(np.float32), x.shape, interpolation=cv2.INTER_CUBIC)
    x = (x - x.min()) / (np.ptp(x) + 1e-6) * 255
    for _ in range(int(rng.integers(0, 8))):
        a, b = (tuple(int(v) for v in rng.integers(0, INPUT_SIZE, 2)) for _ in range(2))
        cv2.line(x, a, b, float(rng.integers(256)), int(rng.integers(1, 14)))
    for _ in range(int(rng.integers(0, 5))):
        centre = tuple(int(v) for v in rng.integers(0, INPUT_SIZE, 2))
        cv2.circle(x, centre, int(rng.integers(3, 25)), float(rng.integers(256)), -1)
    return x.astype(np.uint8)
