"""An expression in a file: what a face shows, by control, as `mimica read --save` writes it and the page loads it.

    {"mimica": "expression", "version": 1, "controls": {"AU12L": 0.8, ...}}

Action Units are absolute, in [0, 1], sided or not; pose and gaze are away from the photo, in degrees.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from mimica.engines.controls import MOTION_NAMES
from mimica.errors import DataError, ValueRangeError
from mimica.facs import parse_control
from mimica.files import atomic_path

MAX_BYTES = 100_000
_HEAD = {"mimica": "expression", "version": 1}


def dumps(controls: Mapping[str, float]) -> str:
    """JSON, one control a line."""
    return json.dumps({**_HEAD, "controls": {name: round(float(value), 4) for name, value in controls.items()}}, indent=1)


def loads(text: str | bytes, source: str = "the file") -> dict[str, float]:
    """The Action Units in [0, 1] by name. Raises `DataError` for what is no such file."""
    if len(text) > MAX_BYTES:
        raise DataError(f"{source} is too long to be an expression of Mimica's: at most {MAX_BYTES // 1000} kB.")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{source} is no JSON, so no expression of Mimica's: make one with `mimica read PHOTO --save`."
        ) from error
    controls = parsed.get("controls") if isinstance(parsed, dict) and parsed.get("mimica") == "expression" else None
    if not isinstance(controls, dict):
        raise DataError(f"{source} holds no expression of Mimica's: make one with `mimica read PHOTO --save`.")
    return {name: value for name, value in (_entry(name, value, source) for name, value in controls.items()) if name}


def _entry(name: str, value: object, source: str) -> tuple[str, float]:
    """A checked pair; an empty name for a control that this version does not know."""
    low, high = (-90.0, 90.0) if name in MOTION_NAMES else (0.0, 1.0)
    if name not in MOTION_NAMES:
        try:
            name = parse_control(name)
        except ValueRangeError:
            return "", 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
        raise DataError(f"{source} gives {name} a value that is no number from {low:g} to {high:g}.")
    return name, float(value)


def save(controls: Mapping[str, float], path: str | Path) -> None:
    """Writes the file. Raises `UserError` for a folder or disk that does not take it."""
    with atomic_path(path) as temporary:
        temporary.write_text(dumps(controls) + "\n", encoding="utf-8")
