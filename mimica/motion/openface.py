"""Tracks from and to the tables of OpenFace 2 (`FeatureExtraction` output), so that its curves drive Mimica and the reverse.

Units are crossed here: `AU12_r` 0-5 <-> [0, 1], `pose_Rx, pose_Ry, pose_Rz` radians <-> pitch, yaw, roll in degrees.
OpenFace's Ry grows as the head turns to the left side of the picture, Mimica's yaw to the right; the other signs agree.
OpenFace has no sides; a track with sides is written with the columns `AU12L_r` and `AU12R_r` beside their mean `AU12_r`.

Source: github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mimica.errors import DataError
from mimica.facs import AU_NAMES, SIDED_AU_NAMES, from_openface, to_openface, without_sides
from mimica.files import atomic_path
from mimica.motion.openface_columns import POSE_COLUMNS
from mimica.motion.track import POSE, POSE_LIMIT, Track

_CONTROL_OF = {f"{name}_r": name for name in (*AU_NAMES, *SIDED_AU_NAMES)} | {c: name for name, (c, _) in POSE_COLUMNS.items()}


def read_track(path: str | Path) -> Track:
    """A CSV with `timestamp` and any of the columns `AUxx_r`, `pose_Rx/y/z` -> an absolute track, linear between rows.

    Rows with `success` 0 are left out; of several faces (`face_id`) the first row's is taken. Sided columns win over
    `AU12_r`. Values outside OpenFace's ranges are clipped. Raises `DataError` for what is no such table.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The table {path} cannot be read: {error}.") from error
    lines = csv.reader(text.splitlines())
    header = [column.strip() for column in next(lines, [])]
    controls = [(header.index(column), name) for column, name in _CONTROL_OF.items() if column in header]
    if "timestamp" not in header or not controls:
        raise DataError(f"{path} is no OpenFace table: it needs the column 'timestamp' and at least one such as 'AU12_r'.")
    controls = [(i, name) for i, name in controls if not {name + "L", name + "R"} <= {other for _, other in controls}]
    rows = list(_used_rows(path, header, lines))
    if not rows:
        raise DataError(f"{path} has no row with a face (success = 1).")
    times = np.array([row[header.index("timestamp")] for row in rows])
    if (np.diff(times) < 0).any():
        raise DataError(f"The column 'timestamp' of {path} falls; rows must be in the order of time.")
    values = np.array([[_from_column(name, row[i]) for i, name in controls] for row in rows])
    return Track.dense(times, tuple(name for _, name in controls), values)


def _used_rows(path: Path, header: list[str], lines: Iterator[list[str]]) -> Iterator[list[float]]:
    """The rows of the first face with success, as numbers."""
    face_id: float | None = None
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        if len(line) != len(header):
            raise DataError(f"Line {number} of {path} has {len(line)} cells; it must have {len(header)}, one for each column.")
        row = [_number(cell, column, number, path) for cell, column in zip(line, header, strict=True)]
        cells = dict(zip(header, row, strict=True))
        face_id = cells.get("face_id", 0.0) if face_id is None else face_id
        if cells.get("success", 1.0) and cells.get("face_id", 0.0) == face_id:
            yield row


_READ = {"timestamp", "success", "face_id", *_CONTROL_OF}


def _number(cell: str, column: str, line: int, path: Path) -> float:
    """A cell of a column that is read; other columns may hold anything (a file's name, say), and give NaN."""
    if column not in _READ:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"Line {line} of {path} has '{cell}' in the column '{column}'; it must be a finite number.")
    return value


def _from_column(name: str, number: float) -> float:
    if name in POSE:
        return min(POSE_LIMIT, max(-POSE_LIMIT, number * POSE_COLUMNS[name][1]))
    return from_openface(number)


def write_track(track: Track, path: str | Path, fps: float | None = None) -> None:
    """An absolute track -> a CSV; one row a frame at `fps`, or one row a keyframe (exact for tracks that are linear)."""
    if track.relative:
        raise DataError(f"{path} cannot take a relative track: OpenFace's intensities are absolute; use Track.resolve first.")
    times = track.times if fps is None else track.start + np.arange(track.frame_count(fps)) / fps
    pose = [name for name in POSE if name in track.names]
    units = [name for name in track.names if name not in POSE]
    means = list(without_sides(dict.fromkeys(units, 0.0)))
    sided = [name for name in units if name not in means]
    columns = [POSE_COLUMNS[name][0] for name in pose] + [f"{name}_r" for name in means + sided]
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "face_id", "timestamp", "confidence", "success", *columns])
        for frame, time in enumerate(times, start=1):
            values = track.sample(time)
            mean = without_sides({name: values[name] for name in units})
            numbers = [values[name] / POSE_COLUMNS[name][1] for name in pose] + [
                to_openface(value) for value in [*mean.values(), *(values[name] for name in sided)]
            ]
            writer.writerow([frame, 0, f"{time:.6f}", "1.00", 1, *(f"{number:.6f}" for number in numbers)])
