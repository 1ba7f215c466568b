"""The tables of a part: rows of text cells, written as CSV or as Parquet (Apache Arrow's columns; needs pyarrow), a row group at
a time, so that a table of any length takes the memory of one group."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Protocol

from mimica.errors import DataError, MissingExtraError, ValueRangeError

Kind = Literal["text", "number", "whole"]
FORMATS = ("parquet", "csv")
GROUP = 4096
"""Rows that are turned into columns together."""


@dataclass(frozen=True)
class Column:
    """A column's name, and what its cells are once they are read: Parquet keeps it as string, double or int64."""

    name: str
    kind: Kind = "number"


class Table(Protocol):
    """Takes rows of text, one cell a column; an empty cell is one that is not known. Use it as a context manager."""

    def write(self, rows: Iterable[Sequence[str]]) -> int: ...
    def __enter__(self) -> Table: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


def check_format(name: str) -> str:
    """The format. Raises `ValueRangeError` for one that is none, `MissingExtraError` for parquet without pyarrow."""
    if name not in FORMATS:
        raise ValueRangeError(f"There is no format '{name}' for tables; they are {', '.join(FORMATS)}.")
    if name == "parquet":
        _arrow()
    return name


def open_table(path: Path, columns: Sequence[Column]) -> Table:
    """A new table at `path`, CSV or Parquet by its suffix."""
    return _Parquet(path, columns) if path.suffix == ".parquet" else _Csv(path, columns)


def read_table(path: Path) -> Iterator[list[str]]:
    """The rows of a table that `open_table` wrote, as text, its columns' names first. Raises `DataError`."""
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            yield from csv.reader(file)
    except (OSError, csv.Error) as error:
        raise DataError(f"'{path}' cannot be read as a table ({error}): make that part again.") from error


def count_rows(path: Path) -> int:
    """How many rows a table has, its head aside. Raises `DataError`."""
    if path.suffix == ".parquet":
        return int(_opened(path).metadata.num_rows)
    return max(0, sum(1 for _ in read_table(path)) - 1)


class _Csv:
    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._file: IO[str] = path.open("w", newline="", encoding="utf-8", errors="surrogateescape")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([column.name for column in columns])

    def write(self, rows: Iterable[Sequence[str]]) -> int:
        """How many there were."""
        count = 0
        for row in rows:
            self._writer.writerow(row)
            count += 1
        return count

    def __enter__(self) -> _Csv:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._columns = columns
        arrow, parquet = _arrow()
        types = {"text": arrow.string(), "number": arrow.float64(), "whole": arrow.int64()}
        self._arrow, self._schema = arrow, arrow.schema([(column.name, types[column.kind]) for column in columns])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Iterable[Sequence[str]]) -> int:
        """How many there were."""
        count, waiting = 0, iter(rows)
        while group := list(itertools.islice(waiting, GROUP)):
            cells = [[_valued(row[i], column.kind) for row in group] for i, column in enumerate(self._columns)]
            self._writer.write_table(
                self._arrow.Table.from_arrays(list(map(self._array, cells, self._schema)), schema=self._schema)
            )
            count += len(group)
        return count

    def _array(self, cells: list[Any], field: Any) -> Any:
        return self._arrow.array(cells, type=field.type)

    def __enter__(self) -> _Parquet:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()


def _valued(cell: str, kind: Kind) -> str | float | int | None:
    """A cell as Parquet keeps it; a name that is no Unicode is written with its odd bytes escaped."""
    if kind == "text":
        return cell.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if cell == "":
        return None
    return float(cell) if kind == "number" else int(cell)


def _parquet_rows(path: Path) -> Iterator[list[str]]:
    file = _opened(path)
    yield list(file.schema_arrow.names)
    for batch in file.iter_batches(GROUP):
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield ["" if cell is None else _short(cell) for cell in row]


def _short(cell: Any) -> str:
    """A number in the fewest digits that give it back; 3.0 as 3, as the rows had it."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15 else str(cell)


def _opened(path: Path) -> Any:
    arrow, parquet = _arrow()
    try:
        return parquet.ParquetFile(path)
    except (OSError, arrow.ArrowException) as error:
        raise DataError(f"'{path}' cannot be read as Parquet: make that part again.") from error


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError("Parquet needs the package pyarrow: pip install 'mimica[parquet]', or --format csv.") from error
    return arrow, parquet
