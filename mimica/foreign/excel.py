"""Tables of Excel's old format (.xls, as data sets of 2014 have them), by xlrd, within limits.

A cell of a few bytes at the far corner of a sheet makes a full grid of 16 million; so sheets are read one at a time, as rows that
end where their cells do, and all that is taken counts. Whatever the suffix says, only that format is opened: no archive is
unfolded (.xlsx is one).
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

from mimica.errors import DataError, MissingExtraError, shown
from mimica.files import read_bytes

MAX_BYTES = 64 << 20
MAX_SHEETS, MAX_ROWS, MAX_CELLS = 256, 200_000, 4_000_000
"""Of a whole file."""
_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Of Microsoft's compound files ([MS-CFB] 2.2)."""
_DAMAGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What xlrd ends in, where a file is damaged, besides errors of its own."""
Sheets = dict[str, list[list[object]]]


def read_xls(path: Path) -> Sheets:
    """Sheets by name: rows of cells, text or numbers or an empty text, each as long as its last cell. Raises `DataError`,
    `MissingExtraError`."""
    try:
        import xlrd
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"Reading '{path}' needs the package xlrd: pip install 'mimica[train]'.") from error
    content = read_bytes(path, MAX_BYTES, DataError)
    if not content.startswith(_MAGIC):
        raise DataError(f"The table '{path}' is none of Excel's old format (.xls): get it again, or save it as that.")
    try:
        with xlrd.open_workbook(file_contents=content, logfile=io.StringIO(), on_demand=True, ragged_rows=True) as book:
            return _sheets(book, path)
    except (*_DAMAGED, struct.error, xlrd.XLRDError, xlrd.compdoc.CompDocError) as error:
        raise DataError(f"The table '{path}' is damaged ({shown(error)}): get it again.") from error


def _sheets(book: object, path: Path) -> Sheets:
    names = list(book.sheet_names())  # type: ignore[attr-defined]
    if len(names) > MAX_SHEETS:
        raise DataError(f"The table '{path}' has {len(names):,} sheets, and is not opened beyond {MAX_SHEETS}.")
    found: Sheets = {}
    rows = cells = 0
    for number, name in enumerate(names):
        sheet = book.sheet_by_index(number)  # type: ignore[attr-defined]
        rows, cells = rows + sheet.nrows, cells + sum(map(sheet.row_len, range(sheet.nrows)))
        if rows > MAX_ROWS or cells > MAX_CELLS:
            raise DataError(f"The table '{path}' has more than {MAX_ROWS:,} rows or {MAX_CELLS:,} cells, and is not opened.")
        found[str(name)] = [sheet.row_values(row) for row in range(sheet.nrows)]
        book.unload_sheet(number)  # type: ignore[attr-defined]
    return found
