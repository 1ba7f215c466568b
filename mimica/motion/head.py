"""What is asked of head and eyes, and how far they may go.

Signs are the reader's (`mimica.reader.read`): yaw and gaze x + to the right of the picture, which is the subject's left; pitch
and gaze y + down; roll + clockwise in the picture. What people ask for with `--pose` and `--gaze` is a change from the photo;
tracks hold what the reader would read, as for Action Units.

How far: `mimica evaluate pose`; at the limits most held-out faces still look like photographs (the card of `ganimation_fast`
counts those that do not)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

import numpy as np

from mimica.errors import ValueRangeError, nearest
from mimica.motion.track import GAZE, HEAD, POSE, Track

LIMITS: Mapping[str, float] = {
    "yaw": 20.0, "pitch": 15.0, "roll": 20.0, "gaze_x": 30.0, "gaze_y": 25.0, "shift_x": 0.08, "shift_y": 0.08, "zoom": 0.1,
}  # fmt: skip
"""The largest change from the photo, either way."""
FARTHEST: Mapping[str, float] = {"yaw": 30.0, "pitch": 25.0, "gaze_x": 25.0, "gaze_y": 18.0}
"""The largest absolute value: a head that the photo shows turned turns less further that way, but always back."""
ROUNDING = 1e-6
KNEE = 0.75
"""The share of a limit from which on driven motion is bent towards it."""
_PART = re.compile(r"\s*([a-z_]+)\s*=\s*([^\s,]+)\s*")


def limits(own: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """(lowest, highest) absolute value of each control of `HEAD` for a face that shows `own`; `own` itself lies between."""
    ranges = {}
    for name in HEAD:
        here, reach, end = own.get(name, 0.0), LIMITS[name], FARTHEST.get(name, math.inf)
        ranges[name] = (min(here, max(here - reach, -end)), max(here, min(here + reach, end)))
    return ranges


def softened(values: np.ndarray, own: float, low: float, high: float) -> np.ndarray:
    """(F,) curves as they are near `own`, bent so that they come ever nearer to `low` and `high` and never beyond."""
    away = values - own
    result = own + np.zeros_like(values)
    for sign, reach in ((1.0, high - own), (-1.0, own - low)):
        if reach > 0:
            part = np.clip(sign * away / reach, 0, None)
            bent = np.where(part > KNEE, KNEE + (1 - KNEE) * np.tanh((part - KNEE) / (1 - KNEE)), part)
            result = result + sign * reach * bent
    return result


def beyond(track: Track, own: Mapping[str, float]) -> str | None:
    """A sentence about what of an absolute track lies beyond the limits of a face that shows `own`; None where nothing does."""
    ranges, parts = limits(own), []
    for name in (name for name in HEAD if name in track.names):
        column, (low, high), here = track.values[:, track.names.index(name)], ranges[name], own.get(name, 0.0)
        if column.min() < low - ROUNDING or column.max() > high + ROUNDING:
            asked = float(column[np.argmax(np.abs(column - here))]) - here
            parts.append(f"{name} {asked:+.3g} (here {low - here:.3g} to {high - here:+.3g})")
    if not parts:
        return None
    return f"this face can go only so far from the photo, and stops there: {', '.join(parts)}."


def parse_pose(asked: str | Mapping[str, float] | None) -> dict[str, float]:
    """`yaw=12,pitch=-5` or a mapping -> degrees away from the photo by control. Raises `ValueRangeError`."""
    return _parsed(asked, "--pose", {name: name for name in POSE}, "yaw=12,pitch=-5,roll=3")


def parse_gaze(asked: str | Mapping[str, float] | None) -> dict[str, float]:
    """`x=10,y=-4` or a mapping -> degrees away from the photo by control. Raises `ValueRangeError`."""
    return _parsed(asked, "--gaze", {"x": "gaze_x", "y": "gaze_y"}, "x=10,y=-4")


def _parsed(asked: str | Mapping[str, float] | None, option: str, names: Mapping[str, str], example: str) -> dict[str, float]:
    if asked is None:
        return {}
    if isinstance(asked, str):
        pairs = []
        for part in asked.split(","):
            match = _PART.fullmatch(part.lower())
            if match is None:
                raise ValueRangeError(f"{option} cannot read '{part.strip()}'; write {example}, in degrees from the photo.")
            pairs.append((match[1], match[2]))
    else:
        pairs = [(str(name), str(value)) for name, value in asked.items()]
    found: dict[str, float] = {}
    for name, text in pairs:
        if name not in names:
            raise ValueRangeError(f"{option} has no '{name}'{nearest(name, names) or ';'} it takes {', '.join(names)}.")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not abs(value) <= 90.0:
            raise ValueRangeError(f"{option} sets {name} to '{text}'; it must be a number of degrees from -90 to 90.")
        found[names[name]] = value
    return found


def look_at_camera(own: Mapping[str, float]) -> dict[str, float]:
    """The change that brings the head of a face that shows `own` to the front (yaw and pitch; how it is tilted stays), as far
    as it may go, and its eyes to the camera."""
    ranges = limits(own)
    head = {name: min(max(0.0, ranges[name][0]), ranges[name][1]) for name in ("yaw", "pitch")}
    eyes = {"gaze_x": -head["yaw"], "gaze_y": -head["pitch"]}
    return {name: value - own.get(name, 0.0) for name, value in (head | eyes).items()}


def cannot(moved: Iterable[str], engine: str, controls: Iterable[str]) -> str | None:
    """A sentence if some of `moved` are controls of head or eyes that the engine, which has the `controls`, lacks."""
    known = set(controls)
    lacking = [name for name in HEAD if name in set(moved) - known]
    if not lacking:
        return None
    what = "move the eyes" if set(lacking) <= set(GAZE) else "turn the head"
    return f"the engine '{engine}' cannot {what}; {', '.join(lacking)} will be left out."
