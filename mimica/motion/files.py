"""Motion from a file, whatever its kind: a script, subtitles, or a table, OpenFace's or one of blendshapes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from mimica.motion import arkit
from mimica.motion.head import cannot
from mimica.motion.openface import read_table, read_track
from mimica.motion.script.script import read_script
from mimica.motion.script.subtitles import read_subtitles
from mimica.motion.track import HEAD, Track

Motion = Callable[[Mapping[str, float]], Track]
"""What a face that shows `own` (34 sided Action Units and the pose) is to do."""


def read_motion(path: str | Path) -> Motion:
    """By the suffix: `.csv` a table (see `mimica.motion.openface` and `mimica.motion.arkit`), `.srt` subtitles, anything
    else a script. Raises `DataError`, for scripts and subtitles `ScriptError`."""
    suffix = Path(path).suffix.lower()
    if suffix == ".csv":
        track = arkit.read_track(path) if arkit.is_table(_header(path)) else read_track(path)
        return lambda _own: track
    return (read_subtitles(path) if suffix == ".srt" else read_script(path)).track


def left_out(path: str | Path) -> list[str]:
    """A sentence about the rows of a table that make no part of its track; none for other files."""
    if Path(path).suffix.lower() != ".csv" or arkit.is_table(_header(path)):
        return []
    table = read_table(path)
    return [f"'{path}': {table}"] if table.left_out else []


def _header(path: str | Path) -> list[str]:
    """The names of a table's columns; none where it cannot be read, which its reader will tell."""
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            return file.readline().split(",")
    except (OSError, UnicodeDecodeError):
        return []


def pose_warning(track: Track, engine: str, controls: Iterable[str]) -> str | None:
    """A sentence if the track moves head or eyes and the engine, which has the `controls`, cannot."""
    moved = [name for name in HEAD if name in track.names and np.ptp(track.values[:, track.names.index(name)]) > 0]
    return cannot(moved, engine, controls)
