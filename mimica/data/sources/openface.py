"""OpenFace 2's tables with the pictures they were made from: one STEM.csv a picture, or one table with a column of file names."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mimica.errors import DataError
from mimica.facs import AU_NAMES, from_openface

if TYPE_CHECKING:
    pass
from mimica.data.sources.base import NO_FACE_IN_TABLE, Dropped, Found, RawFace, pictures_of


def _rows(path: Path) -> list[dict[str, str]]:
    """A CSV as rows by stripped column names."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [cell.strip() for cell in next(reader, [])]
            return [dict(zip(header, (cell.strip() for cell in row), strict=False)) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The table {path} cannot be read: {error}.") from error


def openface_values(row: Mapping[str, str], where: str) -> dict[str, float]:
    """The intensities AUxx_r of one row, in [0, 1]. Raises `DataError` for what is missing, no number, or not 0 to 5."""
    try:
        raw = {name: float(row[f"{name}_r"]) for name in AU_NAMES}
    except (KeyError, ValueError) as error:
        raise DataError(f"{where} has no column of numbers {error}; it should be a table of OpenFace 2.") from error
    wrong = [f"{name} = {value:g}" for name, value in raw.items() if not 0 <= value <= 5]
    if wrong:
        raise DataError(f"{where} has intensities outside OpenFace's 0 to 5: {', '.join(wrong)}.")
    return {name: from_openface(value) for name, value in raw.items()}


def _surest(rows: list[dict[str, str]]) -> dict[str, str] | None:
    """The row of the surest face, or None where OpenFace found none, or none whose intensities are numbers."""
    found = [row for row in rows if _number(row, "success") > 0 and all(_is_number(row, f"{name}_r") for name in AU_NAMES)]
    return max(found, key=lambda row: _number(row, "confidence"), default=None)


def _number(row: Mapping[str, str], column: str) -> float:
    """1 where there is no such column; 0 where there is no number."""
    try:
        value = float(row.get(column, "1"))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


_NO_NUMBERS = frozenset(("", "nan", "-nan", "nan(ind)", "-nan(ind)", "inf", "-inf", "1.#ind", "-1.#ind", "1.#qnan"))
"""What programs write, in lower case, where they have no number."""


def _is_number(row: Mapping[str, str], column: str) -> bool:
    """False for OpenFace's holes; a missing column and other words are for `openface_values` to refuse."""
    return row.get(column, "0").lower() not in _NO_NUMBERS


def openface_source(folder: Path) -> Found:
    """Pictures with OpenFace tables."""
    tables = {path.stem: path for path in sorted(folder.rglob("*.csv"))}
    shared: dict[str, list[dict[str, str]]] = {}
    for table in tables.values():
        for row in _rows(table):
            named = next((row[c] for c in ("name", "file", "filename", "image", "input") if row.get(c)), None)
            if named:
                shared.setdefault(Path(named).stem, []).append(row)
    if not tables:
        raise DataError(f"{folder} has no OpenFace table (.csv) in it.")
    for path in pictures_of(folder):
        name = str(path.relative_to(folder))
        rows = shared.get(path.stem) or (_rows(tables[path.stem]) if path.stem in tables else [])
        surest = _surest(rows)
        if surest is None:
            yield Dropped(name, NO_FACE_IN_TABLE if rows else "no row of an OpenFace table")
        else:
            yield RawFace(name, path.stem, path, values=openface_values(surest, f"The table for {name}"))
