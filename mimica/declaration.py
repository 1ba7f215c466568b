"""What a kind of model file must hold: one table a kind, name -> shape, type, range, checked when a file is loaded.

A size that several arrays share has a name in their shapes: {"a.weight": Array("N", 3), "a.bias": Array("N")}. Kinds whose
arrays are a torch module's need no table: the module is the declaration (`mimica.checkpoint.fill_module`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mimica.errors import WeightsError, shown

FLOATS = ("f2", "f4", "f8")
PACKED = (*FLOATS, "i1")
"""Numbers that may be stored as whole steps."""
BYTES = ("u1",)
_LARGE = 1e9
"""A weight beyond this is damage: float32 overflows a few layers on."""


class Array:
    """One array: `shape` of numbers and named sizes; stored as one of `kinds`; values in [low, high], and whole numbers in
    [0, the size named `below`) where they are places in another array; may be missing unless `required`."""

    def __init__(
        self,
        *shape: int | str,
        kinds: tuple[str, ...] = FLOATS,
        low: float = -_LARGE,
        high: float = _LARGE,
        below: str = "",
        required: bool = True,
    ) -> None:
        self.shape, self.low, self.high, self.below, self.required = shape, low, high, below, required
        self.kinds = ("i4", "i8") if below else kinds


def check_arrays(
    tensors: Mapping[str, np.ndarray], table: Mapping[str, Array], source: object, sizes: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Gives the named sizes (those known before, and those of the file). Raises `WeightsError` that names the first array that
    is missing, of another shape or type, or has a value that it must not have. Arrays beyond the table are ignored."""
    found = dict(sizes or {})
    missing = [name for name, row in table.items() if row.required and name not in tensors]
    if missing:
        more = " and so on are" if len(missing) > 3 else " are" if len(missing) > 1 else " is"
        raise WeightsError(f"{source} is incomplete: {', '.join(missing[:3])}{more} missing.")
    rows = [(name, row, tensors[name]) for name, row in table.items() if name in tensors]
    for name, row, array in rows:
        _check_shape(name, row, array, source, found)
    for name, row, array in rows:
        check_values(name, array, source, row.low, row.high)
        if row.below and array.size and (array.min() < 0 or array.max() >= found[row.below]):
            raise WeightsError(f"{source} is damaged: {name} points at places that do not exist; get the file again.")
    return found


def _check_shape(name: str, row: Array, array: np.ndarray, source: object, sizes: dict[str, int]) -> None:
    if array.dtype.str[1:] not in row.kinds:
        raise WeightsError(f"{source} does not fit: {name} is stored as {array.dtype}.")
    wanted = tuple(sizes.get(size, size) if isinstance(size, str) else size for size in row.shape)
    fits = len(wanted) == array.ndim and all(isinstance(w, str) or w == n for w, n in zip(wanted, array.shape, strict=True))
    if not fits:
        raise WeightsError(f"{source} does not fit: {name} is {array.shape} instead of ({', '.join(map(str, wanted))}).")
    sizes |= {w: n for w, n in zip(wanted, array.shape, strict=True) if isinstance(w, str)}


def check_values(name: str, array: np.ndarray, source: object, low: float = -_LARGE, high: float = _LARGE) -> None:
    """Raises `WeightsError` where a value is no number, infinite or out of range."""
    if array.size == 0 or array.dtype.kind not in "fiu":
        return
    least, most = float(array.min()), float(array.max())  # NaN if there is one
    if not (math.isfinite(least) and math.isfinite(most)):
        raise WeightsError(f"{source} is damaged: {shown(name)} holds values that are no finite numbers; get the file again.")
    if least < low or most > high:
        value = least if least < low else most
        raise WeightsError(f"{source} is damaged: {shown(name)} holds {value:g}, which lies outside [{low:g}, {high:g}].")


def whole(config: Mapping[str, Any], name: str, source: object, low: int = 1, high: int = 1 << 16) -> int:
    """A whole number of a file's configuration. Raises `WeightsError`."""
    value = config.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise WeightsError(f"{source} is damaged: its '{name}' is {shown(value)}, not a whole number from {low} to {high}.")
    return value
