"""What expression is wanted: parsing `happy:0.6+@smirk` and `12=0.8,6+=0.2`, and working out the target values.

Controls are the 34 sided Action Units in [0, 1], and what head and eyes do (`mimica.motion.head`). An emotion sets all of them;
Action Units alone leave the rest as the photo shows them; with an emotion they are set on top of it. The intensity then says
how far to go from what the photo shows (0) to that target (1), and beyond (up to 1.5)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from mimica.errors import ValueRangeError, nearest
from mimica.facs import SIDED_AU_NAMES, emotion_controls, parse_control, parse_emotion, with_sides
from mimica.motion import expression_file
from mimica.motion.expression_file import Preset
from mimica.motion.head import look_at_camera, parse_gaze, parse_pose
from mimica.motion.track import HEAD

MAX_INTENSITY = 1.5

_CHANGE = re.compile(r"\s*([^=+\-\s]+)\s*(=|\+=|-=)\s*(\S+)\s*")


@dataclass(frozen=True)
class UnitChange:
    """One Action Unit set to `amount` (`=`), or raised (`+=`) or lowered (`-=`) by it from what it would be otherwise."""

    control: str
    operation: Literal["=", "+=", "-="]
    amount: float

    def apply(self, values: Mapping[str, float]) -> dict[str, float]:
        """`values` (34 sided controls) with this change made, clipped to [0, 1]."""
        changed = dict(values)
        for name in with_sides({self.control: 0.0}):
            start = 0.0 if self.operation == "=" else values[name]
            step = -self.amount if self.operation == "-=" else self.amount
            changed[name] = min(1.0, max(0.0, start + step))
        return changed


@dataclass(frozen=True)
class Expression:
    """A wanted expression.

    emotions   (name, weight) of each emotion in the mixture; empty: start from what the photo shows
    changes    Action Units on top, applied in order
    intensity  [0, 1.5], how far from the photo's own expression towards the target
    head       changes of head and eyes, (control of `HEAD`, degrees away from the photo)
    at_camera  head to the front and eyes to the camera; what `head` names goes before it
    presets    (expression from a file, weight), mixed with the emotions
    only       the controls that may change, None for all; pose and gaze that were seen with a preset count if they are named here
    """

    emotions: tuple[tuple[str, float], ...] = ()
    changes: tuple[UnitChange, ...] = ()
    intensity: float = 1.0
    head: tuple[tuple[str, float], ...] = ()
    at_camera: bool = False
    presets: tuple[tuple[Preset, float], ...] = ()
    only: frozenset[str] | None = None

    def pattern(self) -> dict[str, float] | None:
        """What all of a face shows of it, before single units are changed: 34 sided Action Units, 0 at rest; None where there is
        no such whole, only changes."""
        return mix(self.emotions, self.presets) if self.emotions or self.presets else None

    def base(self, own: Mapping[str, float]) -> dict[str, float]:
        """The 34 Action Units of a face that shows `own`, before single units are changed."""
        return self.pattern() or {name: own[name] for name in SIDED_AU_NAMES}

    def target(self, own: Mapping[str, float]) -> dict[str, float]:
        """The absolute controls for a face that shows `own`: the 34 Action Units, and those of `HEAD` that are in `own`. At
        intensity 0 exactly `own`, at 1 exactly the target."""
        values = self.base(own)
        for change in self.changes:
            values = change.apply(values)
        return self.kept(own, self.reached(own, values))

    def reached(self, own: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
        """As far from `own` to `values`, the Action Units of the target, as the intensity says; and the head."""
        part = self.intensity
        units = {name: min(1.0, max(0.0, (1.0 - part) * own[name] + part * value)) for name, value in values.items()}
        away = self.head_changes(own)
        return units | {name: own[name] + part * away.get(name, 0.0) for name in HEAD if name in own}

    def kept(self, own: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
        """`values`, but what is not among `only` stays `own`."""
        return {name: value if self.only is None or name in self.only else own[name] for name, value in values.items()}

    def head_changes(self, own: Mapping[str, float]) -> dict[str, float]:
        """What of head and eyes is to change in a face that shows `own`, and by how much."""
        found = look_at_camera(own) if self.at_camera else {}
        for preset, weight in self.presets:
            for name in HEAD:
                change = preset.controls.get(name, 0.0)
                if self.only is not None and name in self.only and name in preset.seen:
                    change = preset.seen[name] - own.get(name, 0.0)
                if change:
                    found[name] = found.get(name, 0.0) + weight * change
        return {**found, **dict(self.head)}

    @property
    def label(self) -> str:
        """A word for file names and captions: `happiness`, `happiness+surprise`, `edited`."""
        return "+".join([name for name, _ in self.emotions] + [preset.name for preset, _ in self.presets]) or "edited"


PHOTO = Expression()
"""The photo's own expression."""


def mix(emotions: tuple[tuple[str, float], ...], presets: tuple[tuple[Preset, float], ...] = ()) -> dict[str, float]:
    """The sum of the Action Units of emotions and of expressions from files, each scaled by its weight, clipped to 1: the 34
    absolute controls."""
    parts = [emotion_controls(name, weight) for name, weight in emotions]
    parts += [{name: weight * value for name, value in with_sides(_units(preset)).items()} for preset, weight in presets]
    total = dict.fromkeys(SIDED_AU_NAMES, 0.0)
    for part in parts:
        for control, value in part.items():
            total[control] = min(1.0, total[control] + value)
    return total


def _units(preset: Preset) -> dict[str, float]:
    return {name: value for name, value in preset.controls.items() if name not in HEAD}


def parse_mixture(text: str) -> tuple[tuple[tuple[str, float], ...], tuple[tuple[Preset, float], ...]]:
    """As `parse_emotions`, where `@smirk` and `@faces/smirk.json:0.5` are expressions from files
    (`mimica.motion.expression_file`): emotions and presets with their weights. Raises `ValueRangeError`, `DataError`."""
    parts, usual = text.split("+"), 1.0 / max(1, text.count("+") + 1)
    emotions, found = list[tuple[str, float]](), list[tuple[Preset, float]]()
    for part in map(str.strip, parts):
        if not part.startswith("@"):
            ((name, weight),) = parse_emotions(part)
            emotions.append((name, weight if ":" in part else usual))
            continue
        name, colon, weight_text = part[1:].rpartition(":")
        if not colon or not _is_number(weight_text):  # a path may have a colon in it
            name, weight_text = part[1:], ""
        weight = _number(weight_text, f"the weight of '@{name}' in '{text}'", MAX_INTENSITY) if weight_text else usual
        found.append((expression_file.find(name), weight))
    return tuple(emotions), tuple(found)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse_emotions(text: str) -> tuple[tuple[str, float], ...]:
    """`happy`, `happy:0.8`, `happy:0.6+surprised:0.4` -> ((emotion, weight), ...). Without a weight an emotion alone gets
    1, one of n gets 1/n. Raises `ValueRangeError`."""
    parts = [part.strip() for part in text.split("+")]
    emotions = []
    for part in parts:
        name, colon, weight = part.partition(":")
        if not name.strip():
            raise ValueRangeError(f"The expression '{text}' lacks a name; write happy, happy:0.8 or happy:0.6+surprised:0.4.")
        amount = _number(weight, f"the weight of '{name}' in '{text}'", MAX_INTENSITY) if colon else 1.0 / len(parts)
        emotions.append((parse_emotion(name), amount))
    return tuple(emotions)


def parse_changes(text: str) -> tuple[UnitChange, ...]:
    """`12=0.8,6+=0.3,45L-=0.2` -> the changes in order. Raises `ValueRangeError`."""
    changes = []
    for part in text.split(","):
        match = _CHANGE.fullmatch(part)
        if match is None:
            raise ValueRangeError(f"--au cannot read '{part.strip()}'; write 12=0.8, 12+=0.3 or 12L-=0.2, parted by commas.")
        operation: Literal["=", "+=", "-="] = "=" if match[2] == "=" else "+=" if match[2] == "+=" else "-="
        amount = _number(match[3], f"the value of Action Unit {match[1]} in --au", 1.0)
        changes.append(UnitChange(parse_control(match[1]), operation, amount))
    return tuple(changes)


def parse_attributes(asked: str | Mapping[str, float] | None) -> dict[str, float]:
    """`smile=1.5,age=-1` or a mapping -> {attribute: dose}; of a name given twice the doses are added. Options, which a colon
    parts from the dose, go to the name: `glasses=1:round,gold` is {`glasses:round,gold`: 1}. Which names there are, and how far
    a dose may go, the engine knows (`checked_attributes`). Raises `ValueRangeError` for text that cannot be read."""
    if asked is None or not isinstance(asked, str):
        return {name: float(dose) for name, dose in (asked or {}).items()}
    doses: dict[str, float] = {}
    for part in _with_options(asked):
        name, _, text = (piece.strip() for piece in part.partition("="))
        text, colon, options = (piece.strip() for piece in text.partition(":"))
        try:
            dose = float(text)
        except ValueError:
            dose = math.nan
        if not name or not math.isfinite(dose):
            raise ValueRangeError(f"--attribute cannot read '{part.strip()}'; write smile=1.5 or age=-1, parted by commas.")
        key = name + colon + options
        doses[key] = doses.get(key, 0.0) + dose
    return doses


def _with_options(text: str) -> list[str]:
    """`glasses=1:round,gold,age=1` -> its attributes, each with all its options: a word without `=` belongs to what has some."""
    parts: list[str] = []
    for piece in text.split(","):
        if "=" not in piece and parts and ":" in parts[-1]:
            parts[-1] += "," + piece.strip()
        else:
            parts.append(piece)
    return parts


def checked_attributes(doses: Mapping[str, float], engine: str, known: Iterable[str], high: float) -> None:
    """Raises `ValueRangeError` for an attribute that is not among the `known` ones of `engine`, or a dose beyond `high`."""
    names = tuple(known)
    for name, dose in doses.items():
        if not names:
            raise ValueRangeError(
                f"The engine '{engine}' has no attributes of its own, and on films none are drawn; take --engine vae or stylegan."
            )
        if name not in names:
            raise ValueRangeError(f"There is no attribute '{name}'{nearest(name, names) or ';'} they are {', '.join(names)}.")
        checked(dose, f"the dose of '{name}'", -high, high)


def wanted(
    expression: str | Mapping[str, float] | None = None,
    au: str | Mapping[str | int, float] | None = None,
    intensity: float = 1.0,
    *,
    pose: str | Mapping[str, float] | None = None,
    gaze: str | Mapping[str, float] | None = None,
    look: str | None = None,
    only: frozenset[str] | None = None,
) -> Expression:
    """The `Expression` that a call or command line asks for.

    expression  `"happy:0.6+surprised:0.4"`, `"@smirk.json"` or {emotion: weight}
    au          `"12=0.8,6+=0.2"` or {Action Unit: absolute value}, the unit as 12, `"12L"` or `"AU12"`
    intensity   [0, 1.5]
    pose, gaze  `"yaw=12,pitch=-5"` and `"x=10,y=-4"`, or mappings: degrees away from the photo
    look        `"camera"`: head to the front, eyes to the camera
    only        the controls that may change; None: all
    """
    if look not in (None, "camera"):
        raise ValueRangeError(f"--look is '{look}'; it can be 'camera', and --gaze says other directions.")
    head = tuple((parse_pose(pose) | parse_gaze(gaze)).items())
    if expression is None and au is None and not head and look is None:
        raise ValueRangeError("No expression is asked for; give --expression (happy, say), --au (12=0.8, say), --pose or --gaze.")
    emotions: tuple[tuple[str, float], ...] = ()
    presets: tuple[tuple[Preset, float], ...] = ()
    if isinstance(expression, str):
        emotions, presets = parse_mixture(expression)
    elif expression is not None:
        emotions = tuple(
            (parse_emotion(name), checked(weight, f"the weight of '{name}'", 0.0, MAX_INTENSITY))
            for name, weight in expression.items()
        )
    if isinstance(au, str):
        changes = parse_changes(au)
    else:
        changes = tuple(
            UnitChange(parse_control(str(unit)), "=", checked(value, f"the value of Action Unit {unit}", 0.0, 1.0))
            for unit, value in (au or {}).items()
        )
    part = checked(intensity, "the intensity", 0.0, MAX_INTENSITY)
    return Expression(emotions, changes, part, head, look is not None, presets, only)


def checked(value: float, what: str, low: float, high: float) -> float:
    """`value` if it lies in [low, high]; else `ValueRangeError` with a sentence about `what`."""
    if not low <= value <= high:
        raise ValueRangeError(f"{what[0].upper()}{what[1:]} is {value:g}; legal is {low:g} to {high:g}.")
    return float(value)


def _number(text: str, what: str, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise ValueRangeError(f"{what[0].upper()}{what[1:]} is '{text}'; it must be a number from 0 to {high:g}.")
    return checked(value, what, 0.0, high)
