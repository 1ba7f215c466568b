"""Tables, lists and arrays that others bring, read within limits; whatever is wrong with them is one sentence."""

from __future__ import annotations

import csv
import io
import json
import struct
import tokenize
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mimica.errors import DataError, MissingExtraError, UserError, shown
from mimica.files import read_bytes

if TYPE_CHECKING:
    import pandas

MAX_TEXT = 1 << 30
MAX_JSON = 64 << 20
MAX_EXPANDED = 8 << 30
"""Bytes of a parquet file's columns, expanded."""
MAX_FACTOR, _FREE = 200, 64 << 20
"""How many times its size a parquet file may expand to; the first 64 MB are free."""


NO_ARRAY = (
    *(OSError, ValueError, TypeError, EOFError, MemoryError, OverflowError, RecursionError, SyntaxError),
    *(struct.error, tokenize.TokenError),
)
"""What numpy ends in where a file is no array."""


def read_text(path: Path, limit: int = MAX_TEXT, error: type[UserError] = DataError) -> str:
    """A text file in UTF-8, with or without a mark. Raises `error`."""
    try:
        return read_bytes(path, limit, error).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"'{path}' is no text in UTF-8 (it differs at byte {problem.start}): save it as UTF-8.") from problem


def read_json(path: Path, error: type[UserError] = DataError) -> Any:
    """A JSON file. Raises `error`."""
    try:
        return json.loads(read_text(path, MAX_JSON, error))
    except (ValueError, RecursionError) as problem:
        raise error(f"'{path}' is no JSON that can be read ({shown(problem)}): get it again.") from problem


def read_rows(path: Path, columns: Sequence[str] = (), error: type[UserError] = DataError) -> list[dict[str, str]]:
    """A table in CSV with a line of names, as rows by name; blank where a row is short. `columns` must be there. Raises
    `error`."""
    try:
        reader = csv.DictReader(io.StringIO(read_text(path, error=error), newline=""))
        rows = [
            {str(name).strip(): value or "" for name, value in row.items() if isinstance(value, str | None)} for row in reader
        ]
    except csv.Error as problem:
        raise error(f"'{path}' is no table in CSV ({shown(problem)}): is a quote left open?") from problem
    names = [str(name).strip() for name in reader.fieldnames or ()]
    missing = [name for name in columns if name not in names]
    if missing or not rows:
        raise error(f"'{path}' has no column '{missing[0]}'." if missing else f"'{path}' has no rows.")
    return rows


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pandas.DataFrame:
    """A table in parquet; `columns`: these only, which must be there. Raises `DataError`, `MissingExtraError`."""
    try:
        import pandas
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"Reading '{path}' needs pandas and pyarrow: pip install 'mimica[train]'.") from error
    if not path.is_file():
        raise DataError(f"The table '{path}' cannot be read: there is no such file.")
    try:
        about = pyarrow.parquet.read_metadata(path)
        expanded = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if expanded > min(MAX_EXPANDED, _FREE + MAX_FACTOR * path.stat().st_size):
            raise DataError(f"The table '{path}' expands to {expanded / 1e6:,.0f} MB and is not opened.")
        return pandas.read_parquet(path, columns=list(columns) if columns else None)
    except (OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"The table '{path}' cannot be read ({shown(error)}): get it again.") from error


def read_array(path: Path, mapped: bool = False, error: type[UserError] = DataError) -> np.ndarray:
    """An array (.npy) of numbers, in memory or `mapped` from the disk. Nothing is believed that the file does not hold. Raises
    `error`."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            raise ValueError("it holds something else")
        return array if mapped else np.array(array)
    except NO_ARRAY as problem:
        raise error(f"'{path}' is damaged, or no array of numbers (.npy): {shown(problem)}.") from problem
