"""Tracks from and to the tables of OpenFace 2 (`FeatureExtraction` output), so that its curves drive Mimica and the reverse.

Units are crossed here: `AU12_r` 0-5 <-> [0, 1], `pose_Rx, pose_Ry, pose_Rz` radians <-> pitch, yaw, roll in degrees,
`gaze_angle_x, gaze_angle_y` radians in the camera's axes <-> gaze in degrees in the head (0 for a head whose pose is not told).
OpenFace's Ry grows as the head turns to the left side of the picture, Mimica's yaw to the right; the other signs agree.
OpenFace has no sides; a track with sides is written with the columns `AU12L_r` and `AU12R_r` beside their mean `AU12_r`.

Source: github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimica.errors import DataError
from mimica.face.gaze import in_camera, in_head
from mimica.facs import AU_NAMES, SIDED_AU_NAMES, from_openface, to_openface, without_sides
from mimica.files import atomic_path
from mimica.foreign.tables import read_text
from mimica.motion.openface_columns import GAZE_COLUMNS, POSE_COLUMNS
from mimica.motion.track import GAZE, GAZE_LIMIT, HEAD, POSE, POSE_LIMIT, Track

_ANGLES = POSE_COLUMNS | GAZE_COLUMNS
_CONTROL_OF = {f"{name}_r": name for name in (*AU_NAMES, *SIDED_AU_NAMES)} | {c: name for name, (c, _) in _ANGLES.items()}


MOST_GAZE = 80.0
"""Degrees: gaze beyond is an error of the table's."""


NO_SUCCESS, OTHER_FACE = "without a face (success 0)", "of other faces"
"""Why rows are left out."""


@dataclass(frozen=True)
class Table:
    """The track of a table, and how many of its `rows` were left out, by reason."""

    track: Track
    rows: int
    left_out: Mapping[str, int]

    def __str__(self) -> str:
        parts = ", ".join(f"{count} {why}" for why, count in self.left_out.items())
        return f"of {self.rows} rows {sum(self.left_out.values())} were left out: {parts}."


def read_track(path: str | Path) -> Track:
    """The track of `read_table`."""
    return read_table(path).track


def read_table(path: str | Path) -> Table:
    """A CSV with `timestamp` and any of the columns `AUxx_r`, `pose_Rx/y/z`, `gaze_angle_x/y` -> an absolute track, linear
    between rows.

    Rows with `success` 0, or none, are left out, whatever else they hold; of several faces (`face_id`) the first's rows are
    taken. Sided columns win over `AU12_r`. Values outside OpenFace's ranges are clipped. Raises `DataError` for what is no such
    table, and for a row that should be used and has no number.
    """
    path = Path(path)
    header, lines = _header_and_lines(path)
    controls = [(header.index(column), name) for column, name in _CONTROL_OF.items() if column in header]
    if "timestamp" not in header or not controls:
        raise DataError(f"{path} is no OpenFace table: it needs the column 'timestamp' and at least one such as 'AU12_r'.")
    controls = [(i, name) for i, name in controls if not {name + "L", name + "R"} <= {other for _, other in controls}]
    used, left_out, count = _used_rows(path, header, lines)
    if not used:
        raise DataError(f"{path} has no row with a face (success = 1).")
    times = np.array([row[header.index("timestamp")] for row in used])
    if (np.diff(times) < 0).any():
        raise DataError(f"The column 'timestamp' of {path} falls; rows must be in the order of time.")
    values = np.array([[_from_column(name, row[i]) for i, name in controls] for row in used])
    names = tuple(name for _, name in controls)
    return Table(Track.dense(times, names, _gaze_turned(values, names, in_head)), count, left_out)


def _header_and_lines(path: Path) -> tuple[list[str], list[list[str]]]:
    """Stripped names of the columns, and the lines that are not blank, each of as many cells. Raises `DataError`."""
    try:
        lines = list(csv.reader(io.StringIO(read_text(path), newline="")))
    except (ValueError, csv.Error) as error:
        raise DataError(f"The table {path} cannot be read: {error}.") from error
    header = [column.strip() for column in lines[0]] if lines else []
    for number, line in enumerate(lines[1:], start=2):
        if line and len(line) != len(header):
            raise DataError(f"Line {number} of {path} has {len(line)} cells; it must have {len(header)}, one for each column.")
    return header, lines[1:]


def _used_rows(path: Path, header: list[str], lines: list[list[str]]) -> tuple[list[list[float]], Counter[str], int]:
    """The rows of the first face with success, as numbers; why others are left out, and how many rows there are."""
    face_id: float | None = None
    used, left_out = [], Counter[str]()
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        success, face = (_lenient(line, header, column) for column in ("success", "face_id"))
        if success is None or not success:
            left_out[NO_SUCCESS] += 1
            continue
        face_id = face if face_id is None else face_id
        if face != face_id:
            left_out[OTHER_FACE] += 1
            continue
        used.append([_number(cell, column, number, path) for cell, column in zip(line, header, strict=True)])
    return used, left_out, len(used) + sum(left_out.values())


def _lenient(line: list[str], header: list[str], column: str) -> float | None:
    """The number in a column; 1 where there is no such column, None where there is no number."""
    if column not in header:
        return 1.0
    try:
        value = float(line[header.index(column)])
    except ValueError:
        return None
    return value if math.isfinite(value) else None


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
    if name in _ANGLES:
        most = POSE_LIMIT if name in POSE else MOST_GAZE
        return min(most, max(-most, number * _ANGLES[name][1]))
    return from_openface(number)


def _gaze_turned(values: np.ndarray, names: tuple[str, ...], turn: Callable[..., np.ndarray]) -> np.ndarray:
    """Values (T, N) with the gaze brought from the camera's axes to the head's, or the reverse, by `turn`; what of gaze and
    pose is not among `names` counts as 0."""
    if not set(GAZE) & set(names):
        return values
    column = {name: values[:, names.index(name)] if name in names else np.zeros(len(values)) for name in (*GAZE, *POSE)}
    turned = [turn(np.array(row[:2]), row[2:]) for row in zip(*column.values(), strict=True)]
    result = values.copy()
    for name, angles in zip(GAZE, np.array(turned).T, strict=True):
        if name in names:
            result[:, names.index(name)] = np.clip(angles, -GAZE_LIMIT, GAZE_LIMIT)
    return result


def write_track(track: Track, path: str | Path, fps: float | None = None) -> None:
    """An absolute track -> a CSV; one row a frame at `fps`, or one row a keyframe (exact for tracks that are linear)."""
    if track.relative:
        raise DataError(f"{path} cannot take a relative track: OpenFace's intensities are absolute; use Track.resolve first.")
    times = track.times if fps is None else track.start + np.arange(track.frame_count(fps)) / fps
    angles = [name for name in (*GAZE, *POSE) if name in track.names]
    units = [name for name in track.names if name not in HEAD]
    means = list(without_sides(dict.fromkeys(units, 0.0)))
    sided = [name for name in units if name not in means]
    columns = [_ANGLES[name][0] for name in angles] + [f"{name}_r" for name in means + sided]
    table = _gaze_turned(np.array([track.at(time) for time in times]), track.names, in_camera)
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "face_id", "timestamp", "confidence", "success", *columns])
        for frame, (time, row) in enumerate(zip(times, table, strict=True), start=1):
            values = dict(zip(track.names, row.tolist(), strict=True))
            mean = without_sides({name: values[name] for name in units})
            numbers = [values[name] / _ANGLES[name][1] for name in angles] + [
                to_openface(value) for value in [*mean.values(), *(values[name] for name in sided)]
            ]
            writer.writerow([frame, 0, f"{time:.6f}", "1.00", 1, *(f"{number:.6f}" for number in numbers)])
