"""Compound Facial Expressions of Emotion; S. Du, Y. Tao, A. M. Martinez 2014 (Ohio State).

CFEE_Database_230/01-04/Images1/02_339_3470.jpg is expression 2 of person 339; AU_annotation_all_subjects.xls names the
expressions (sheet `summary`) and has the Action Units of each person, 1 or 0, in a sheet for each. Folders and files named by
an emotion's words are read too.

How far this is verified: the paths are those that published code reads, written by people who had the set; the set itself is
given on request only and was not at hand. Of its table the sheet `summary` (number, name) is known in the same way; how the
other sheets are laid out is not: taken is a first column with the person's number and columns headed by the Action Units'
numbers, and where a sheet is otherwise the reader measures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mimica.data.sources.base import Dropped, Found, RawFace, emotion_in, pictures_of
from mimica.errors import DataError
from mimica.facs import control_name
from mimica.foreign.excel import read_xls

Rows = Sequence[Sequence[object]]
_CFEE = re.compile(r"(\d{2})_(\d{3})(?:_\d+)?")
_CFEE_TABLE = "AU_annotation_all_subjects.xls"


def cfee_source(folder: Path) -> Found:
    """Compound Facial Expressions of Emotion."""
    names, units = _cfee_table(folder)
    for path in pictures_of(folder):
        relative = path.relative_to(folder)
        published = _CFEE.fullmatch(path.stem)
        if published:
            number, person = int(published[1]), int(published[2])
            emotion = "neutral" if number == 1 else names.get(number, "")
            yield RawFace(str(relative), f"cfee-{person}", path, emotion=emotion, values=units.get((number, person)))
            continue
        candidates = [path.stem, *reversed(relative.parts[:-1])]
        emotion = next((found for words in candidates if (found := emotion_in(words))), "")
        named = next((m[0] for part in candidates if (m := re.search(r"\d+", part))), None)
        if named is None:
            yield Dropped(str(relative), "no number of a person in its name")
        else:
            yield RawFace(str(relative), f"cfee-{int(named)}", path, emotion=emotion)


def _cfee_table(folder: Path) -> tuple[dict[int, str], dict[tuple[int, int], dict[str, float]]]:
    """Expression number -> name, and (expression, person) -> Action Units; both empty where the table is not there."""
    path = next(iter(sorted(folder.rglob(_CFEE_TABLE))), None)
    if path is None:
        return {}, {}
    return cfee_annotations(read_xls(path))


def cfee_annotations(sheets: Mapping[str, Rows]) -> tuple[dict[int, str], dict[tuple[int, int], dict[str, float]]]:
    """The sheets of the table, rows of cells -> what `_cfee_table` gives. Raises `DataError` without a sheet `summary`."""
    summary = next((sheet for name, sheet in sheets.items() if str(name).strip().lower() == "summary"), None)
    if summary is None:
        raise DataError(f"{_CFEE_TABLE} has no sheet 'summary' with the names of the expressions.")
    names = {number: emotion_in(str(row[1])) for row in summary if len(row) > 1 and (number := _whole(row[0])) is not None}
    units: dict[tuple[int, int], dict[str, float]] = {}
    for title, sheet in sheets.items():
        number = _whole(title)
        if number is None:
            word = emotion_in(str(title))
            number = next((n for n, name in names.items() if word and name == word), None)
        if number is not None and sheet is not summary:
            units |= {(number, person): values for person, values in _cfee_units(sheet).items()}
    return names, units


def _cfee_units(rows: Rows) -> dict[int, dict[str, float]]:
    """Person -> Action Units, 1 present and 0 absent (an empty cell); empty where the sheet is laid out otherwise."""
    if not rows:
        return {}
    columns = {
        i: unit for i, cell in enumerate(rows[0]) if i and (unit := _whole(str(cell).upper().removeprefix("AU"))) is not None
    }
    found = {}
    for row in rows[1:]:
        person = _whole(row[0]) if row else None
        if person is not None and columns:
            present = {i for i, cell in enumerate(row) if (_whole(cell) or 0) > 0}  # a row ends where its cells do
            found[person] = {control_name(unit): float(i in present) for i, unit in columns.items()}
    return found


def _whole(cell: object) -> int | None:
    """A cell that holds a whole number, as text or as a float."""
    match = re.fullmatch(r"\s*(\d{1,4})(?:\.0+)?\s*", str(cell))
    return int(match[1]) if match else None
