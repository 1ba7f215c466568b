"""An expression in a file: what a face shows, by control, as `mimica read --save` writes it and the page loads it.

    {"mimica": "expression", "version": 1, "controls": {"AU12L": 0.8, ...}, "seen": {"yaw": -4.5, "gaze_x": 3.0, ...}}

Action Units are absolute, in [0, 1], sided or not; pose and gaze among the `controls` are away from the photo, in degrees, those
`seen` are as the reader read them. A folder of such files is a library of presets: `@smirk` names `smirk.json` in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mimica.errors import DataError, ValueRangeError
from mimica.facs import parse_control
from mimica.files import atomic_path, natural_key
from mimica.marks.settings import settings_folder
from mimica.motion.track import GAZE, HEAD, POSE
from mimica.reader.read import FaceReading

MAX_BYTES = 100_000
SUFFIX = ".json"
_HEAD = {"mimica": "expression", "version": 1}


@dataclass(frozen=True)
class Preset:
    """An expression from a file: its name, its `controls`, and the pose and gaze that were `seen` with it, degrees."""

    name: str
    controls: Mapping[str, float]
    seen: Mapping[str, float] = field(default_factory=dict)


def dumps(controls: Mapping[str, float], seen: Mapping[str, float] | None = None) -> str:
    """JSON, one control a line; pose and gaze as they were `seen`, where they are to be kept."""
    parts = {"controls": controls} | ({"seen": seen} if seen else {})
    rounded = {key: {name: round(float(value), 4) for name, value in part.items()} for key, part in parts.items()}
    return json.dumps({**_HEAD, **rounded}, indent=1)


def loads(text: str | bytes, source: str = "the file") -> dict[str, float]:
    """The controls by name. Raises `DataError` for what is no such file."""
    return dict(parse(text, source).controls)


def parse(text: str | bytes, source: str = "the file", name: str = "expression") -> Preset:
    """All that the file says. Raises `DataError` for what is no such file."""
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
    seen = parsed.get("seen")
    shown = _checked(seen, source) if isinstance(seen, dict) else {}
    return Preset(name, _checked(controls, source), {n: v for n, v in shown.items() if n in (*POSE, *GAZE)})


def _checked(controls: Mapping[str, object], source: str) -> dict[str, float]:
    return {name: value for name, value in (_entry(name, value, source) for name, value in controls.items()) if name}


def _entry(name: str, value: object, source: str) -> tuple[str, float]:
    """A checked pair; an empty name for a control that this version does not know."""
    low, high = (-90.0, 90.0) if name in HEAD else (0.0, 1.0)
    if name not in HEAD:
        try:
            name = parse_control(name)
        except ValueRangeError:
            return "", 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
        raise DataError(f"{source} gives {name} a value that is no number from {low:g} to {high:g}.")
    return name, float(value)


def save(controls: Mapping[str, float], path: str | Path, seen: Mapping[str, float] | None = None) -> None:
    """Writes the file. Raises `UserError` for a folder or disk that does not take it."""
    with atomic_path(path) as temporary:
        temporary.write_text(dumps(controls, seen) + "\n", encoding="utf-8")


def save_reading(face: FaceReading, path: str | Path) -> None:
    """Writes what a face shows: Action Units by side, pose and gaze as they were seen. Raises `UserError`."""
    save(face.action_units, path, face.pose_and_gaze)


# --- libraries of presets ---------------------------------------------------------------------------------------------


def library_folder() -> Path:
    """Where presets lie that are named without a folder; it need not exist."""
    return settings_folder() / "expressions"


def load(path: Path) -> Preset:
    """The expression in a file. Raises `DataError`."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' cannot be read as an expression: check the path.") from error
    return parse(text, f"'{path}'", path.stem)


def find(name: str) -> Preset:
    """What `@name` means: a file of that path, with or without `.json`, or a preset of the library. Raises `DataError`."""
    for folder in (Path(), library_folder()):
        for candidate in (name, name + SUFFIX):
            path = folder / candidate
            if path.is_file():
                return load(path)
    raise DataError(
        f"There is no expression '@{name}': neither a file '{name}' nor '{name}{SUFFIX}', here or in '{library_folder()}'; "
        "`mimica expressions` lists those there are."
    )


def presets(folder: Path) -> tuple[list[tuple[Path, Preset]], list[str]]:
    """The expressions in a folder in natural order, and a sentence about each .json that is none. Raises `DataError`."""
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}' of expressions: make one, and fill it with `mimica read PHOTO --save`.")
    found, others = list[tuple[Path, Preset]](), list[str]()
    for path in sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: natural_key(path.name)):
        try:
            found.append((path, load(path)))
        except DataError as error:
            others.append(str(error))
    return found, others
