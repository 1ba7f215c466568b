"""Pickles of named arrays, Python 2's too, read by `mimica.foreign.pickle_machine`: nothing that is in them is run.

A table is a dictionary, also an ordered one, of rows: numpy arrays, lists of numbers or of numpy's numbers, or dictionaries of
numbers by name, which are taken in the order of the names (AU01, AU02, ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import DataError, shown
from mimica.files import natural_key, read_bytes
from mimica.foreign.budget import RefusedError
from mimica.foreign.pickle_machine import Call, Machine, Name

MAX_BYTES = 1 << 30
"""Largest table that is read; that of a million photos has a third."""
_NUMBERS = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
_CORES = ("numpy.core", "numpy._core")
_ENCODED = Name("_codecs", "encode")
"""How Python 3 writes bytes for Python 2: as text, to be encoded as latin-1."""
_DTYPE, _NDARRAY = Name("numpy", "dtype"), Name("numpy", "ndarray")
_ARRAYS = frozenset(Name(f"{core}.multiarray", "_reconstruct") for core in _CORES)
_BUFFERS = frozenset(Name(f"{core}.numeric", "_frombuffer") for core in _CORES)
_SCALARS = frozenset(Name(f"{core}.multiarray", "scalar") for core in _CORES)


def read_arrays(path: Path) -> Mapping[str, np.ndarray]:
    """A pickled dictionary of rows of numbers -> float64 arrays by name.

    Raises `DataError` for a damaged file, for anything but such a dictionary, and for a pickle that would run code."""
    machine = Machine({_DTYPE, _NDARRAY, _ENCODED} | _ARRAYS | _BUFFERS, makers=dict.fromkeys(_SCALARS, _scalar))
    data = read_bytes(path, MAX_BYTES, DataError)
    try:
        content = machine.read(BytesIO(data))
    except RefusedError as error:
        raise DataError(f"The table {path} is no plain table of numbers: it {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f"The table {path} holds no dictionary of names and numbers.")
    rows, left = {}, len(data)
    for name, value in content.items():
        try:
            rows[_text(name)] = _row(value)
        except (RefusedError, ValueError, TypeError, IndexError, OverflowError, AttributeError, KeyError) as error:
            raise DataError(f"{path}, {shown(_text(name))}: not a row of numbers ({shown(error)}).") from error
        left -= rows[_text(name)].size
        if left < 0:
            raise DataError(f"The table {path} is refused: it uses the same numbers for many rows.")
    return rows


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _row(value: Any) -> np.ndarray:
    if isinstance(value, Call):
        if value.made is None:
            value.made = _array(value)
        made: np.ndarray = value.made
        return made
    if isinstance(value, dict):
        value = [value[name] for name in sorted(value, key=lambda name: natural_key(str(name)))]
    if not isinstance(value, list | tuple):
        raise RefusedError("it is something else")
    return np.array([_number(x) for x in value], np.float64)


def _number(value: Any) -> float:
    if isinstance(value, Call):
        return float(_row(value).item())
    if not isinstance(value, int | float):
        raise RefusedError("it holds something else")
    return float(value)


def _dtype(record: Any) -> np.dtype[Any]:
    if not isinstance(record, Call) or record.name != _DTYPE or record.args[0] not in _NUMBERS:
        raise RefusedError("holds values that are no numbers")
    swapped = isinstance(record.state, tuple) and len(record.state) > 1 and record.state[1] == ">"
    return np.dtype((">" if swapped else "<") + record.args[0])


def _content(value: Any) -> bytes:
    if isinstance(value, Call) and value.name == _ENCODED:
        value = value.args[0]
    if isinstance(value, str):
        return value.encode("latin1")
    if not isinstance(value, bytes | bytearray):
        raise RefusedError("holds values that are no numbers")
    return bytes(value)


def _array(record: Call) -> np.ndarray:
    """An array's record, protocol 0 to 5."""
    if record.name in _BUFFERS:
        raw, dtype, shape, order = record.args[:4]
    elif record.name in _ARRAYS:
        _, shape, dtype, is_fortran, raw = record.state
        order = "F" if is_fortran else "C"
    else:
        raise RefusedError("it is something else")
    flat = np.frombuffer(_content(raw), _dtype(dtype))
    return flat.reshape(shape, order="F" if order == "F" else "C").astype(np.float64)


def _scalar(arguments: tuple[Any, ...]) -> float:
    """One of numpy's numbers, as a number of Python's."""
    dtype, raw = arguments
    raw = raw.args[0] if isinstance(raw, Call) and raw.name == _ENCODED else raw
    if len(raw) > 16:
        raise RefusedError("holds a number of too many bytes")
    return float(np.frombuffer(_content(raw), _dtype(dtype), count=1)[0])
