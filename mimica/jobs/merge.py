"""`mimica merge`: the parts of a job, joined into one table and one table of errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from mimica.errors import DataError, UserError, shown
from mimica.files import atomic_path
from mimica.jobs.part_tables import FORMATS, Column, Kind, open_table, read_table
from mimica.jobs.shards import ABOUT, ERRORS

_NAMED = 5
"""Missing parts that are named."""


@dataclass(frozen=True)
class Merged:
    """parts, rows, errors  how many
    table, errors_table     where they are; the second one is None if there were none"""

    parts: int
    rows: int
    errors: int
    table: Path
    errors_table: Path | None

    def __str__(self) -> str:
        where = f", in '{self.errors_table}'" if self.errors_table else ""
        return f"{self.parts} parts: {self.rows} rows, {self.errors} errors{where}."

    @property
    def complete(self) -> bool:
        return not self.errors

    def as_object(self) -> dict[str, Any]:
        """In JSON's types."""
        return {
            "parts": self.parts, "rows": self.rows, "errors": self.errors, "complete": self.complete,
            "table": str(self.table), "errors_table": self.errors_table and str(self.errors_table),
        }  # fmt: skip


def merge(folder: Path, output: Path) -> Merged:
    """Joins the parts in `folder`, in their order, into the table `output`, .csv or .parquet, and their errors, if there are any,
    into NAME.errors beside it. Raises `DataError` for a folder that is none, `UserError` where parts are missing."""
    about = read_about(folder)
    columns = tuple(Column(name, kind) for name, kind in about["columns"])
    paths = [folder / f"part-{number:05d}.{about['format']}" for number in range(about["parts"])]
    check_all_there(folder, paths)
    errors_at = output.with_name(f"{output.stem}.errors{output.suffix}")
    with atomic_path(output) as rows_path, atomic_path(errors_at) as errors_path:
        rows = _joined(paths, rows_path, columns)
        errors = _joined([path.with_suffix(f".errors{path.suffix}") for path in paths], errors_path, ERRORS)
    if not errors:
        errors_at.unlink()
    return Merged(len(paths), rows, errors, output, errors_at if errors else None)


def _joined(paths: Sequence[Path], output: Path, columns: Sequence[Column]) -> int:
    with open_table(output, columns) as table:
        return table.write(_rows(paths, [column.name for column in columns]))


def _rows(paths: Sequence[Path], names: list[str]) -> Iterator[list[str]]:
    for path in paths:
        rows = read_table(path)
        if list(islice(rows, 1)) != [names]:
            raise DataError(f"'{path}' has other columns than its job: delete it, and run the job again.")
        yield from rows


def check_all_there(folder: Path, paths: Sequence[Path]) -> None:
    """Raises `UserError` that names the missing ones."""
    missing = [path.stem.removeprefix("part-") for path in paths if not path.is_file()]
    if missing:
        more = " ..." if len(missing) > _NAMED else ""
        raise UserError(
            f"Of the {len(paths)} parts in '{folder}' {len(missing)} are missing ({', '.join(missing[:_NAMED])}{more}): run the "
            "same job again, which does them only."
        )


def read_about(folder: Path) -> dict[str, Any]:
    """What a folder's job.json says: kind, settings, format, columns, parts. Raises `DataError`."""
    path = folder / ABOUT
    if not path.is_file():
        raise DataError(f"'{folder}' has no {ABOUT}: name the folder that a job in parts has filled.")
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        columns = [(str(name), str(kind)) for name, kind in about["columns"]]
        parts, form = int(about["parts"]), str(about["format"])
        kind, settings = str(about["kind"]), dict(about["settings"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"'{path}' is damaged ({shown(error)}): run the same job again into a new folder.") from error
    if form not in FORMATS or any(sort not in get_args(Kind) for _, sort in columns):
        raise DataError(f"'{path}' is damaged: run the same job again into a new folder.")
    return {"kind": kind, "settings": settings, "columns": columns, "parts": parts, "format": form}
