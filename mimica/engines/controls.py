"""What an engine's controls are to a person: their words, groups, ranges and units, from the engine's own list.

Sliders, `--parts` and the documentation of the page's interface all read this; a control that an engine lacks has no line, one
that it gains appears by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mimica.engines.base import MAX_DOSE, Engine, attributes_of
from mimica.errors import ValueRangeError, nearest
from mimica.face.attributes import KINDS
from mimica.facs import BY_NUMBER, SIDED_AU_NAMES
from mimica.motion.head import LIMITS

GROUPS: tuple[str, ...] = ("brows", "eyes", "nose", "cheeks", "mouth", "jaw", "head", "gaze")
"""The parts of a face, from top to bottom, then what moves as a whole."""
ATTRIBUTES = "attributes"
"""The group of an engine's attributes."""
_GROUP_OF_REGION = {"chin": "jaw"}
_WORDS_FOR_PARTS = {"pose": "head"}


@dataclass(frozen=True)
class Control:
    """One control.

    name       as the engine calls it: `AU12L`, `yaw`, `smile`
    base       without the side: `AU12`
    side       `L` or `R`, the subject's; empty for what has no side
    label      in words
    group      of `GROUPS`, or `ATTRIBUTES`
    low, high  the legal range of the value; of a `relative` one, of its change from the photo
    step       a sensible step for arrow keys
    unit       `°`, `face` (shares of its width), `×`, or empty for intensities and doses
    relative   what is given is a change from the photo, which has 0
    choices    what may be said of a drawn attribute, behind a colon in its name: (what, its words), the first of them the usual
    """

    name: str
    base: str
    side: str
    label: str
    group: str
    low: float
    high: float
    step: float
    unit: str = ""
    relative: bool = False
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()


# name: (words, group, low, high, step, unit); the range is what the page offers where the engine does not say its own.
_MOTIONS: dict[str, tuple[str, str, float, str]] = {
    "yaw": ("Turn", "head", 0.5, "°"),
    "pitch": ("Nod", "head", 0.5, "°"),
    "roll": ("Tilt", "head", 0.5, "°"),
    "shift_x": ("Shift across", "head", 0.005, "face"),
    "shift_y": ("Shift down", "head", 0.005, "face"),
    "zoom": ("Nearer", "head", 0.005, "×"),
    "gaze_x": ("Look across", "gaze", 0.5, "°"),
    "gaze_y": ("Look up or down", "gaze", 0.5, "°"),
}
MOTION_NAMES: tuple[str, ...] = tuple(_MOTIONS)
"""Controls that move the head or the gaze as a whole, away from the photo."""


def describe(engine: Engine) -> list[Control]:
    """The controls of an engine, in its order. Those of Action Units are intensities in [0, 1]. One without attributes of its own
    is followed by those that are drawn (`mimica.face.attributes`)."""
    limits, own = dict(getattr(engine, "limits", {})), attributes_of(engine)
    controls = [_described(name, name in own, limits.get(name)) for name in engine.controls]
    return controls if own else [*controls, *drawn()]


def drawn() -> list[Control]:
    """The attributes that are drawn on a face, as controls."""
    return [
        Control(name, name, "", kind.label, ATTRIBUTES, kind.low, kind.high, 0.1, "", True, tuple(kind.choices.items()))
        for name, kind in KINDS.items()
    ]


def _described(name: str, attribute: bool, limits: tuple[float, float] | None) -> Control:
    if attribute:
        return Control(name, name, "", _words(name), ATTRIBUTES, -MAX_DOSE, MAX_DOSE, 0.1, "", True)
    if name in _MOTIONS:
        label, group, step, unit = _MOTIONS[name]
        low, high = limits or (-LIMITS[name], LIMITS[name])
        return Control(name, name, "", label, group, low, high, step, unit, True)
    unit_number = name.removeprefix("AU").rstrip("LR")
    if name.startswith("AU") and unit_number.isdecimal() and int(unit_number) in BY_NUMBER:
        base = name.rstrip("LR")
        return Control(name, base, name[len(base) :], BY_NUMBER[int(unit_number)].name, group_of(name), 0.0, 1.0, 0.05)
    return Control(name, name, "", _words(name), ATTRIBUTES, *(limits or (0.0, 1.0)), 0.05)


def group_of(name: str) -> str:
    """The part of the face that a control moves, of `GROUPS`: `AU12L` -> `mouth`, `yaw` -> `head`. Raises `KeyError` for an
    attribute."""
    if name in _MOTIONS:
        return _MOTIONS[name][1]
    region = BY_NUMBER[int(name.removeprefix("AU").rstrip("LR"))].region
    return _GROUP_OF_REGION.get(region, region)


def parse_parts(text: str | Iterable[str] | None) -> frozenset[str]:
    """`"brows,mouth"` -> the groups meant (`pose` is the head's); None means all. Raises `ValueRangeError` for a word that names
    none."""
    if text is None:
        return frozenset(GROUPS)
    words = [word.strip().lower() for word in (text.split(",") if isinstance(text, str) else text)]
    words = [_WORDS_FOR_PARTS.get(word, word) for word in words]
    for word in words:
        if word not in GROUPS:
            raise ValueRangeError(
                f"There is no part '{word[:40]}'{nearest(word, GROUPS) or ';'} the parts are {', '.join(GROUPS)}."
            )
    return frozenset(words)


def in_parts(parts: Iterable[str]) -> frozenset[str]:
    """The controls that drive the `parts`: sided Action Units, pose and gaze."""
    return frozenset(name for name in (*SIDED_AU_NAMES, *_MOTIONS) if group_of(name) in set(parts))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
