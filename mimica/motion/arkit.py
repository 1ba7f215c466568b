"""Blendshapes of ARKit: tracks out of what phones and MediaPipe record, and Action Units as the 52 weights.

The names are Apple's (`ARFaceAnchor.BlendShapeLocation`), in whatever case; MediaPipe's face landmarker gives 51 of them and
`_neutral`. `Left` is the subject's left, as `L` is here. Which blendshape is which Action Unit stands in `mimica.facs`. Of an
Action Unit with several, the strongest counts; written is the first alone. Shapes without an Action Unit (mouthFunnel, jawLeft,
eyeLook*, tongueOut ...) are left out in both directions, and written as 0.

A table is a CSV with one row a frame and a column for the time: `Timecode` (Live Link Face's HH:MM:SS:FF.fff, whose frames a
second are the lowest usual rate that fits), `timestamp` or `time` in seconds, `timestamp_ms` in milliseconds. Live Link Face's
HeadYaw ... are left out: their unit differs between versions of the app.

Source: developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation; Epic, "Live Link Face" (CSV).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mimica.errors import DataError
from mimica.facs import ACTION_UNITS
from mimica.motion.track import Track

NAMES: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""ARKit's 52, in the order of Live Link Face."""
RATES = (24.0, 25.0, 30.0, 50.0, 60.0)
"""Frames a second that a timecode may count in."""
_TIMES = {"timestamp": 1.0, "time": 1.0, "seconds": 1.0, "timestamp_ms": 1000.0, "time_ms": 1000.0}
"""Column -> units of it in a second."""
_SIDES = (("L", "Left"), ("R", "Right"))
_LEAST = 5
"""A table with so many of the names is one of blendshapes."""


def _shapes_of() -> dict[str, tuple[str, ...]]:
    """Sided control -> its blendshapes."""
    return {
        f"{unit.control}{side}": tuple(shape.replace("*", word) for shape in unit.blendshapes)
        for unit in ACTION_UNITS
        for side, word in _SIDES
    }


SHAPES_OF: dict[str, tuple[str, ...]] = _shapes_of()
"""The 34 sided controls, each with the blendshapes that move it; the first is the one that is written."""


def action_units(weights: Mapping[str, float]) -> dict[str, float]:
    """Blendshapes by Apple's names, [0, 1] -> those of the sided Action Units that they tell anything about."""
    known = {name: tuple(weights[shape] for shape in shapes if shape in weights) for name, shapes in SHAPES_OF.items()}
    return {name: min(1.0, max(0.0, *values, 0.0)) for name, values in known.items() if values}


def blendshapes(units: Mapping[str, float]) -> dict[str, float]:
    """Sided Action Units -> all 52 weights in `NAMES`' order; a shape of both sides is the mean of its Action Unit's."""
    weights: dict[str, list[float]] = {name: [] for name in NAMES}
    for name, shapes in SHAPES_OF.items():
        weights[shapes[0]].append(float(units[name]))
    return {name: sum(values) / len(values) if values else 0.0 for name, values in weights.items()}


# --- tables ---------------------------------------------------------------------------------------------------------

_CANONICAL = {name.lower(): name for name in NAMES}


def is_table(header: Sequence[str]) -> bool:
    """Whether a CSV with these columns holds blendshapes."""
    return sum(column.strip().lower() in _CANONICAL for column in header) >= _LEAST


def read_track(path: str | Path) -> Track:
    """A CSV of blendshapes -> an absolute track of sided Action Units, beginning at 0, linear between rows. Rows whose weights
    are all empty, as for frames without a face, are left out, and of several faces all but the first. Raises `DataError`."""
    path = Path(path)
    header, rows = _rows(path)
    columns = {_CANONICAL[name.lower()]: i for i, name in enumerate(header) if name.lower() in _CANONICAL}
    lower = [name.lower() for name in header]
    rows = _first_face(lower, rows)
    rows = [row for row in rows if any(row[i].strip() for i in columns.values())]
    if len(columns) < _LEAST or not rows:
        raise DataError(f"{path} holds no blendshapes: it needs columns such as 'jawOpen' and 'mouthSmileLeft', and rows.")
    times = _times(lower, rows, path)
    if (np.diff(times) < 0).any():
        raise DataError(f"The times in {path} fall; rows must be in the order of time.")
    values = [action_units({name: _number(row[i], name, path) for name, i in columns.items()}) for row in rows]
    names = tuple(values[0])
    return Track.dense(times - times[0], names, np.array([[one[name] for name in names] for one in values]))


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The table {path} cannot be read: {error}.") from error
    header = [column.strip() for column in lines[0]] if lines else []
    rows = [line for line in lines[1:] if line]
    for line in rows:
        if len(line) != len(header):
            raise DataError(f"A line of {path} has {len(line)} cells; it must have {len(header)}, one for each column.")
    return header, rows


def _first_face(header: list[str], rows: list[list[str]]) -> list[list[str]]:
    """Without rows that say that there is no face (`success`), and those of other faces than the first (`face_id`)."""
    if "success" in header:
        rows = [row for row in rows if row[header.index("success")].strip() not in ("0", "0.0", "")]
    if "face_id" in header and rows:
        place = header.index("face_id")
        rows = [row for row in rows if row[place] == rows[0][place]]
    return rows


def _times(header: list[str], rows: list[list[str]], path: Path) -> np.ndarray:
    """Seconds, float64 (T,)."""
    for column, per_second in _TIMES.items():
        if column in header:
            place = header.index(column)
            return np.array([_number(row[place], column, path) / per_second for row in rows])
    if "timecode" in header:
        return _from_timecodes([row[header.index("timecode")] for row in rows], path)
    raise DataError(f"{path} has no column for the time: name one 'timestamp' (seconds), 'timestamp_ms' or 'Timecode'.")


def _from_timecodes(cells: list[str], path: Path) -> np.ndarray:
    """HH:MM:SS:FF.fff -> seconds; midnight may pass."""
    parts = np.zeros((len(cells), 4))
    for row, cell in enumerate(cells):
        words = cell.replace(";", ":").split(":")
        if len(words) != 4:
            raise DataError(f"The timecode '{cell}' in {path} is not written as HH:MM:SS:FF.")
        parts[row] = [_number(word, "Timecode", path) for word in words]
    rate = next((rate for rate in RATES if parts[:, 3].max() < rate), 120.0)
    seconds = parts @ np.array([3600.0, 60.0, 1.0, 1.0 / rate])
    return seconds + 86400.0 * np.cumsum(np.diff(seconds, prepend=seconds[0]) < -43200.0)


def _number(cell: str, column: str, path: Path) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{path} has '{cell}' in the column '{column}'; it must be a finite number.")
    return value
