"""`mimica evaluate reader`: how well the reader reads people it was not trained on (a rough box first, then the aligned crop).

The rough box is the true one moved, scaled and turned at random (seeded), about as far as a detector errs. Landmark errors
are shares of the eye distance; each set is measured against its own labels, brought to one convention as for training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mimica.face.align import eye_centres
from mimica.face.detect import Box
from mimica.facs import AU_NAMES, EMOTIONS, SIDED_AU_NAMES, to_vector
from mimica.metrics import balanced_accuracy, mean_absolute_error, normalised_mean_error, pearson
from mimica.reader.augment import negative
from mimica.reader.data import CROP, ReaderData, load
from mimica.reader.outputs import JAW, LIDS, LIPS
from mimica.reader.read import MIN_CONFIDENCE, FaceReading, Reader

_EYE_DISTANCE_IN_BOX = 0.357


@dataclass
class Report:
    """All figures by name; errors of landmarks in percent of the eye distance, of pose in degrees."""

    faces: dict[str, int] = field(default_factory=dict)
    landmarks: dict[str, dict[str, float]] = field(default_factory=dict)
    pose: dict[str, dict[str, float]] = field(default_factory=dict)
    action_units: dict[str, dict[str, float]] = field(default_factory=dict)
    emotion: dict[str, float] = field(default_factory=dict)
    confidence: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(folders: Sequence[Path], reader: Reader, progress: Callable[[int], None] = lambda _: None) -> Report:
    """The report on the held-out subjects of the sets in `folders` (see `mimica.reader.data`)."""
    report = Report()
    for folder in folders:
        data = load(folder)
        data = data.subset(np.flatnonzero(data.validation))
        name = "reanimated" if data.exact.any() else "faces"
        readings = [_read(data, row, reader) for row in _counted(range(len(data)), progress)]
        report.faces[name] = len(data)
        report.landmarks[name] = _landmarks(data, readings)
        report.pose[name] = _pose(data, readings)
        if data.exact.any():
            report.action_units = _action_units(data, readings)
        if data.human.any():
            report.emotion = _emotion(data, readings)
        report.confidence[f"{name}_accepted"] = float(np.mean([r.confidence >= MIN_CONFIDENCE for r in readings]))
        report.confidence["negatives_rejected"] = _negatives(data, reader)
    return report


def _counted(rows: Iterable[int], progress: Callable[[int], None]) -> Iterable[int]:
    for row in rows:
        yield row
        progress(1)


def _read(data: ReaderData, row: int, reader: Reader) -> FaceReading:
    """One crop as if it were a photo, from a rough box."""
    rng = np.random.default_rng([7, row])
    width = 0.30 * CROP / _EYE_DISTANCE_IN_BOX * np.exp(rng.normal(0, 0.09))
    centre = np.array([0.5, 0.42]) * CROP + np.array([0, 0.224]) * width + rng.normal(0, 0.05, 2) * width
    x, y = centre
    box = Box(x - width / 2, y - width / 2, x + width / 2, y + width / 2, 1.0)
    return reader.read(data.gray[row], [box])[0]


def _landmarks(data: ReaderData, readings: Sequence[FaceReading]) -> dict[str, float]:
    known = np.isfinite(data.points[:, :68]).all((1, 2))
    truth = data.points[known, :68]
    read = np.stack([r.landmarks_photo for r, k in zip(readings, known, strict=True) if k])
    eyes = np.stack([eye_centres(points) for points in truth])
    error = 100 * normalised_mean_error(read, truth, np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=-1))
    parts = {"all": slice(0, 68), "jaw": JAW, "brows": slice(17, 27), "nose": slice(27, 36), "lids": LIDS, "lips": LIPS}
    figures = {name: float(error[:, part].mean()) for name, part in parts.items()}
    return figures | {"lids and lips": float(error[:, LIDS.start :].mean()), "worst 5% of faces": _tail(error.mean(1))}


def _tail(errors: np.ndarray) -> float:
    return float(np.mean(errors[errors >= np.quantile(errors, 0.95)]))


def _pose(data: ReaderData, readings: Sequence[FaceReading]) -> dict[str, float]:
    read = np.array([[r.yaw, r.pitch, r.roll] for r in readings])
    figures = {angle: mean_absolute_error(read[:, i], data.pose[:, i]) for i, angle in enumerate(("yaw", "pitch", "roll"))}
    return figures | {"mean": float(np.mean(list(figures.values())))}


def _action_units(data: ReaderData, readings: Sequence[FaceReading]) -> dict[str, dict[str, float]]:
    """Per unit, mean of both sides, on rendered frames only: their values are exact."""
    read = np.stack([to_vector(r.action_units, SIDED_AU_NAMES) for r in readings])[data.exact]
    truth = data.aus[data.exact]
    both = [values.reshape(-1, 2, len(AU_NAMES)).mean(1) for values in (read, truth)]
    figures = {
        name: {"r": pearson(both[0][:, i], both[1][:, i]), "mae": mean_absolute_error(both[0][:, i], both[1][:, i])}
        for i, name in enumerate(AU_NAMES)
    }
    return figures | {"mean": {key: float(np.mean([f[key] for f in figures.values()])) for key in ("r", "mae")}}


def _emotion(data: ReaderData, readings: Sequence[FaceReading]) -> dict[str, float]:
    """Against the labels people gave: happiness, neutral or other (the sum of the rest), and every emotion that was labelled
    at least 20 times."""
    probabilities = np.array([[r.emotions[e] for e in EMOTIONS] for r in readings])[data.human]
    truth = data.emotion[data.human]
    neutral, happy = EMOTIONS.index("neutral"), EMOTIONS.index("happiness")

    def three(labels: np.ndarray) -> np.ndarray:
        return np.where(labels == neutral, 0, np.where(labels == happy, 1, 2))

    others = 1 - probabilities[:, [neutral, happy]].sum(1)
    grouped = np.column_stack([probabilities[:, neutral], probabilities[:, happy], others]).argmax(1)
    predicted = probabilities.argmax(1)
    frequent = np.isin(truth, [label for label in np.unique(truth) if (truth == label).sum() >= 20])
    return {
        "photos": float(len(truth)),
        "happiness/neutral/other": balanced_accuracy(grouped, three(truth)),
        "all frequent emotions": balanced_accuracy(predicted[frequent], truth[frequent]),
    } | {f"recall of {EMOTIONS[k]}": float(np.mean(predicted[truth == k] == k)) for k in np.unique(truth[frequent])}


def _negatives(data: ReaderData, reader: Reader, count: int = 500) -> float:
    """The share of crops without a face, made as for training from held-out people, that the confidence turns down."""
    rng = np.random.default_rng(11)
    crops = np.stack([negative(data, int(rng.integers(len(data))), rng).gray for _ in range(count)])
    logits = np.concatenate([reader.raw(part)[:, -1] for part in np.array_split(crops, 20)])
    return float(np.mean(logits < np.log(MIN_CONFIDENCE / (1 - MIN_CONFIDENCE))))
