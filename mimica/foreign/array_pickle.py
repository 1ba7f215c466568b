"""Pickles of named arrays, Python 2's too, read without running anything that is in them.

A pickle is a small program that may call any function. Here it may name three things, those that numpy's arrays are written
with, and gets stand-ins of ours for them, which only keep what they are given; everything else ends the reading.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import DataError

_NUMBERS = frozenset({"f4", "f8", "i2", "i4", "i8", "u1"})


class _DType:
    """Stands for numpy.dtype."""

    def __init__(self, kind: str, *_flags: Any) -> None:
        self.kind, self.order = str(kind), "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"

    def numpy(self) -> np.dtype[Any]:
        if self.kind not in _NUMBERS:
            raise pickle.UnpicklingError(f"it holds values of type {self.kind}, not numbers")
        return np.dtype(self.order + self.kind)


class _NDArray:
    """Stands for numpy.ndarray as a type: it is only ever handed on."""


class _Array:
    """Stands for an array that is being put together."""

    def __init__(self, *_arguments: Any) -> None:
        self.array = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, content = state
        raw = content.encode("latin1") if isinstance(content, str) else bytes(content)
        self.array = np.frombuffer(raw, dtype.numpy()).reshape(shape, order="F" if fortran else "C").astype(np.float64)


def _latin1(text: str, _encoding: str = "latin1") -> bytes:
    """Stands for _codecs.encode, with which Python 3 writes bytes for Python 2."""
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy", "ndarray"): _NDArray,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _latin1,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}")
        return _STAND_INS[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to things outside the file")


def read_arrays(path: Path) -> Mapping[str, np.ndarray]:
    """A pickled dictionary of arrays (or lists) of numbers -> float64 arrays by name.

    Raises `DataError` for a damaged file, for anything but such a dictionary, and for a pickle that would run code."""
    try:
        content = _Reader(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except OSError as error:
        raise DataError(f"The table {path} cannot be read: {error.strerror}.") from error
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
        OverflowError,
    ) as error:
        raise DataError(f"The table {path} is no plain table of numbers: {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f"The table {path} holds no dictionary of names and numbers.")
    return {str(name): _numbers(value, f"{path}, {name}") for name, value in content.items()}


def _numbers(value: Any, where: str) -> np.ndarray:
    if isinstance(value, _Array):
        return value.array
    try:
        return np.array([float(x) for x in value])
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: not a row of numbers.") from error
