"""Sequences of real faces as the predictor learns them: a table of frames -> clips of states, one every `STEP` seconds.

The table is a Parquet file, `sequences.parquet`, one row a frame, as `mimica prepare sequences` writes it: `clip`, `time` (s),
`detected` (1 where there is a face), `yaw`, `pitch`, `roll` (degrees), `au01` ... `au45` in [0, 1], and where they were read
the probabilities `emotion_neutral` ... `emotion_contempt`. Tables with MediaPipe's ARKit scores (`bs_*`) in place of Action
Units are read too, and py-feat's `feat_*` where they are there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimica.errors import DataError
from mimica.facs import BY_NUMBER, EMOTIONS
from mimica.foreign.tables import read_parquet
from mimica.motion.predictor.predict import LATEST, STEP, UNITS, nearest_emotions
from mimica.motion.track import POSE

if TYPE_CHECKING:
    import pandas as pd

FILE = "sequences.parquet"
FOLDS = 5
SHORTEST = 10
"""States: shorter clips teach nothing."""
# Per Action Unit the factor of the mean of its blendshapes (those of `mimica.facs`), where it is not 1.
_FACTORS = {5: 4.0, 14: 3.0, 15: 2.0, 26: 1.6}
_FEAT_EMOTIONS = {"happiness": "happy", "sadness": "sad", "contempt": None}


@dataclass(frozen=True)
class Clip:
    """`states` float64 (T, SIZE), the pose measured from its median; `emotions` int64 (T,), places in `EMOTIONS`."""

    name: str
    states: np.ndarray
    emotions: np.ndarray

    @property
    def fold(self) -> int:
        """0 to FOLDS - 1, by a checksum of the name: the same everywhere. The shipped weights never saw fold 0."""
        return zlib.crc32(self.name.encode()) % FOLDS


def load_clips(sources: Sequence[Path]) -> list[Clip]:
    """The clips of tables, or of the folders that hold them. Raises `DataError`."""
    clips = [clip for source in sources for clip in _clips(_read(source))]
    if not clips:
        raise DataError(f"No clip in {', '.join(map(str, sources))} is {SHORTEST * STEP:g} s long with a face throughout.")
    return clips


def _read(source: Path) -> pd.DataFrame:
    path = source / FILE if source.is_dir() else source
    table = read_parquet(path)
    missing = [name for name in ("clip", "time", "detected", *POSE) if name not in table.columns]
    if missing:
        raise DataError(f"{path} is no table of sequences: it lacks the columns {', '.join(missing)}.")
    return table


def _clips(table: pd.DataFrame) -> Iterable[Clip]:
    """Runs of frames with a face become clips; a clip with a gap becomes several."""
    for name, rows in table.groupby("clip", sort=True):
        seen = rows["detected"].to_numpy() > 0
        times = rows["time"].to_numpy(np.float64)
        values, chances = _states(rows), _chances(rows)
        usable = seen & np.isfinite(values).all(axis=1)
        breaks = np.flatnonzero(np.diff(times[usable]) > 3 * STEP) + 1
        for part, run in enumerate(np.split(np.flatnonzero(usable), breaks)):
            if len(run) == 0 or times[run[-1]] - times[run[0]] < (SHORTEST - 1) * STEP:
                continue
            states, likely = _resampled(times[run], values[run]), _resampled(times[run], chances[run])
            states[:, len(UNITS) :] -= np.median(states[:, len(UNITS) :], axis=0)
            yield Clip(f"{name}" if part == 0 else f"{name}#{part}", states, _emotions(states, likely))


def _states(rows: pd.DataFrame) -> np.ndarray:
    """(rows, SIZE), NaN where not known."""
    columns = [_unit(rows, int(unit[2:])) for unit in UNITS] + [rows[name].to_numpy(np.float64) for name in POSE]
    states = np.stack(columns, axis=1)
    states[:, : len(UNITS)] = np.clip(states[:, : len(UNITS)], 0.0, 1.0)
    return states


def _unit(rows: pd.DataFrame, number: int) -> np.ndarray:
    """An Action Unit as labelled, else from the blendshapes. The parted lips cannot be had from these: py-feat's reading, or
    the lowered lip. Pressed lips: half as much again as `mouthPress`."""
    label = f"au{number:02d}"
    if label in rows and rows[label].notna().any():
        return rows[label].to_numpy(np.float64)
    if number == 25 and "feat_au25" in rows and rows["feat_au25"].notna().any():
        return rows["feat_au25"].to_numpy(np.float64)
    shapes = ("mouthPress*",) if number == 23 else BY_NUMBER[number].blendshapes
    names = [f"bs_{shape.replace('*', side)}" for shape in shapes for side in (("Left", "Right") if "*" in shape else ("",))]
    if any(name not in rows for name in names):
        raise DataError(f"The clip {rows['clip'].iloc[0]} has neither '{label}' nor the blendshapes {', '.join(names)}.")
    factor = 1.5 if number == 23 else _FACTORS.get(number, 1.0)
    return factor * rows[names].to_numpy(np.float64).mean(axis=1)


def _chances(rows: pd.DataFrame) -> np.ndarray:
    """(rows, 8) probabilities of the emotions as read, NaN where they were not."""
    columns = []
    for emotion in EMOTIONS:
        feat = f"feat_{_FEAT_EMOTIONS.get(emotion, emotion)}"
        name = f"emotion_{emotion}" if f"emotion_{emotion}" in rows else feat
        columns.append(rows[name].to_numpy(np.float64) if name in rows else np.full(len(rows), np.nan))
    chances = np.stack(columns, axis=1)
    return np.where(np.isnan(chances).all(axis=1, keepdims=True), np.nan, np.nan_to_num(chances))


def _resampled(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(frames, N) -> one row every STEP: the mean of the frames nearest to it, or the nearest frame where there is none."""
    count = int((times[-1] - times[0]) / STEP + 1e-6) + 1
    grid = times[0] + STEP * np.arange(count)
    rows = []
    for time in grid:
        near = np.abs(times - time) <= STEP / 2 - 1e-6
        rows.append(values[near].mean(axis=0) if near.any() else values[np.abs(times - time).argmin()])
    return np.array(rows)


def _emotions(states: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The likeliest emotion over the last half second as read; where it was not read, the one whose recipe is nearest."""
    if not np.isfinite(chances).all():
        return nearest_emotions(states)
    latest = [chances[max(0, i - LATEST) : i + 1].mean(axis=0) for i in range(len(chances))]
    return np.array(latest).argmax(axis=1).astype(np.int64)
