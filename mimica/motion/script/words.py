"""Scripts: the words that stand for something a face does, and what controls they set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mimica.errors import ValueRangeError
from mimica.facs import (
    ALIASES,
    AU_NAMES,
    RECIPES,
    SIDED_AU_NAMES,
    control_name,
    emotion_controls,
    parse_control,
    parse_emotion,
    with_sides,
)
from mimica.motion.track import EASINGS, GAZE, POSE, Easing

Side = Literal["L", "R"]

GESTURES: dict[str, tuple[int, ...]] = {
    "brows": (1, 2), "frown": (4,), "stare": (5,), "squint": (7,), "sneer": (9, 10), "pout": (15, 17), "jaw": (25, 26),
    "shut": (45,),
}  # fmt: skip
"""Everyday words for Action Units: raise the brows, draw them down, widen the eyes, narrow them, wrinkle the nose, turn the
mouth down, drop the jaw, close the eyes."""
TURNS: dict[tuple[str, str], tuple[str, float]] = {
    ("turn", "left"): ("yaw", 1.0), ("turn", "right"): ("yaw", -1.0), ("turn", "down"): ("pitch", 1.0),
    ("turn", "up"): ("pitch", -1.0), ("tilt", "left"): ("roll", 1.0), ("tilt", "right"): ("roll", -1.0),
    ("look", "left"): ("gaze_x", 1.0), ("look", "right"): ("gaze_x", -1.0), ("look", "down"): ("gaze_y", 1.0),
    ("look", "up"): ("gaze_y", -1.0),
}  # fmt: skip
"""Words for head and eyes, left and right being the subject's -> the angle and the sign that it grows with."""
DEFAULT_TURN = 10.0
MAX_ANGLE = 90.0
SIDES: dict[str, Side] = {"left": "L", "right": "R"}
CAMERA = "camera"
"""What `look` can also take: head and eyes to the front."""
EASING_WORDS: dict[str, Easing] = {**{easing: easing for easing in EASINGS if easing != "hold"}, "jump": "hold"}
"""`hold` is a statement, so the easing of that name is written `jump`."""
WAITS = ("hold", "wait", "pause")
BLINKS = ("blink", "wink")
CLAUSES = ("at", "by", "over", "for", "until")
EMOTION_WORDS: tuple[str, ...] = (*RECIPES, *ALIASES)
ACTIONS: tuple[str, ...] = (
    *EMOTION_WORDS, *GESTURES, *POSE, *GAZE, "turn", "tilt", "look", "straight", "photo", *WAITS, *BLINKS, "repeat", *AU_NAMES,
    *SIDED_AU_NAMES,
)  # fmt: skip
"""All words that a statement can begin with, but `key` and `curves`."""


@dataclass(frozen=True)
class Targets:
    """Where controls go: absolute `values` by name; with `photo` first all that the script moves goes to the photo's own."""

    values: Mapping[str, float]
    photo: bool = False

    def then(self, other: Targets) -> Targets:
        """Both, `other` on top."""
        return other if other.photo else Targets({**self.values, **other.values}, self.photo)


def is_unit(word: str) -> bool:
    """True for a word written as an Action Unit, known or not: AU12, au12l, AU99."""
    return len(word) > 2 and word[:2].lower() == "au" and word[2].isdigit()


def is_target(word: str) -> bool:
    """True for a word that begins a target (`word` as `Token.word` gives it)."""
    names = (*EMOTION_WORDS, *GESTURES, *POSE, *GAZE, "turn", "tilt", "look", "straight", "photo")
    return word in names or is_unit(word)


def emotion_targets(word: str, amount: float, side: Side | None) -> Targets:
    """An emotion sets all 34 Action Units; with a side, those of that side that take part in it."""
    values = emotion_controls(parse_emotion(word), amount)
    if side is None:
        return Targets(values)
    stronger = {name[:-1]: max(values[name[:-1] + "L"], values[name[:-1] + "R"]) for name in values}
    return Targets({base + side: value for base, value in stronger.items() if value > 0})


def unit_targets(numbers: tuple[int, ...], amount: float, side: Side | None) -> Targets:
    """Action Units by number, both sides or one."""
    sides: tuple[Side, ...] = (side,) if side else ("L", "R")
    return Targets({control_name(number, s): amount for number in numbers for s in sides})


def control_targets(word: str, amount: float) -> Targets:
    """`AU12` or `AU12L`. Raises `ValueRangeError` for one that Mimica lacks."""
    if not is_unit(word):
        raise ValueRangeError(f"'{word}' is no Action Unit.")
    return Targets(with_sides({parse_control(word): amount}))
