"""A folder of pairs: photos of faces and the same photos under other expressions, exactly labelled.

    labels.jsonl   one line a frame, an object with at least
                     file        the picture, a path within the folder
                     source_id   the photo that it shows
                     is_source   whether it is the photo itself, unchanged
                     recipe      what was asked for; au_left, au_right: 17 Action Units of each side in [0, 1]
                     lm68        68 landmarks, x and y in turn, pixels of the picture
    the pictures   tight crops of any size

What else a line may hold, and the meshes beside it, is said where it is used (`mimica.engines.ganimation.fast.data`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mimica.errors import DataError, shown
from mimica.foreign.tables import read_text

LABELS = "labels.jsonl"
Row = dict[str, Any]


def is_pairs_folder(folder: Path) -> bool:
    return (folder / LABELS).is_file()


def read_rows(folder: Path, labels: Path | None = None) -> list[Row]:
    """The lines of labels.jsonl, or of another file of its kind, in their order. Raises `DataError` where there is none, and
    for a line that is no labelled frame."""
    path = labels or folder / LABELS
    if not path.is_file():
        raise DataError(f"There is no {path.name} in '{path.parent}': it is no folder of pairs.")
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            rows.append(_row(line, f"Line {number} of '{path}'"))
    return rows


def _row(line: str, where: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is no labelled frame ({shown(error)}).") from error
    missing = [name for name in ("file", "source_id", "is_source") if not isinstance(row, dict) or name not in row]
    if missing:
        raise DataError(f"{where} is no labelled frame: it has no '{missing[0]}'.")
    return dict(row)


def by_source(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by the photo that they show, in their order."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(row["source_id"]), []).append(row)
    return groups


def source_first(rows: Iterable[Row]) -> list[Row]:
    """Rows of one photo, the unchanged one first, the others in their order."""
    return sorted(rows, key=lambda row: not row["is_source"])
