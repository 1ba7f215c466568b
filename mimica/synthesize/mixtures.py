"""Which Action Units the frames of a photo show: emotions, compound emotions, single units, mixtures that muscles allow, by
turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from mimica.facs import AU_NUMBERS, ONE_SIDED, RECIPES, control_name

KINDS = ("emotion", "unit", "mixture", "compound", "mixture", "emotion")
"""By turns."""
BASIC = ("happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
DOSES = (0.33, 0.66, 1.0)
"""Of single units."""
ONE_SIDE, BLINK = 0.15, 0.06
"""Shares of single units and mixtures that one side shows alone, and of emotions into which a blink falls."""
UNEVEN, VARIED = 0.06, 0.2
"""How much the sides differ (standard deviation), and units of an emotion vary (largest), as shares."""
POSE, GAZE = {"yaw": 15.0, "pitch": 9.0, "roll": 8.0}, {"gaze_x": 12.0, "gaze_y": 8.0}
"""Degrees, at most, away from the photo: what still looks like a photograph."""
_TURNED = 0.7
"""Share of the engine's frames with another pose, and of those with another gaze."""
_WEIGHT = {12: 1.3, 14: 1.7, 17: 1.6, 23: 1.6, 45: 1.9}
"""How often a unit is drawn; 1 if not named. Those that exclude many others are drawn more often."""
_NOT_TOGETHER = {
    (5, 45): 0.05, (5, 7): 0.55, (5, 6): 0.5, (12, 15): 0.15, (17, 25): 0.3, (17, 26): 0.1, (23, 25): 0.1, (23, 26): 0.05,
    (20, 23): 0.3, (12, 17): 0.4, (12, 23): 0.5, (2, 9): 0.3, (10, 23): 0.3, (6, 45): 0.8, (1, 9): 0.4, (14, 26): 0.3,
    (14, 20): 0.4, (14, 25): 0.5, (15, 26): 0.5, (10, 17): 0.6, (9, 26): 0.6, (12, 20): 0.5, (15, 20): 0.6, (2, 45): 0.7,
    (7, 45): 0.6, (14, 15): 0.5,
}  # fmt: skip
"""Pairs of units that do not both pass an intensity: antagonists, and lips that cannot be pressed and parted at once."""


@dataclass(frozen=True)
class Wanted:
    """What a frame shows: a name for it, 34 sided units in [0, 1] (those not named are 0), and changes of pose and gaze in
    degrees from the photo."""

    name: str
    units: Mapping[str, float]
    head: Mapping[str, float] = field(default_factory=dict)


def feasible(units: Mapping[int, float]) -> bool:
    """Whether muscles can do it."""
    return not any(units.get(a, 0) > most and units.get(b, 0) > most for (a, b), most in _NOT_TOGETHER.items())


def drawn(rng: np.random.Generator, count: int, first: int = 0) -> Iterator[Wanted]:
    """`count` of them; `first`, the photo's number, moves on through kinds, emotions and units, so that a set is balanced."""
    for turn in range(count):
        number = first * count + turn
        yield _one(rng, KINDS[(first + turn) % len(KINDS)], number)


def turned(rng: np.random.Generator, wanted: Wanted) -> Wanted:
    """The same with another pose and gaze, for engines that have them."""
    head = {name: float(rng.uniform(-most, most)) for name, most in POSE.items()} if rng.random() < _TURNED else {}
    if rng.random() < _TURNED:
        head |= {name: float(rng.uniform(-most, most)) for name, most in GAZE.items()}
    return Wanted(wanted.name, wanted.units, head)


def _one(rng: np.random.Generator, kind: str, number: int) -> Wanted:
    if kind == "unit":
        unit = AU_NUMBERS[number % len(AU_NUMBERS)]
        return Wanted(control_name(unit), _sided(rng, {unit: DOSES[int(rng.integers(len(DOSES)))]}, _side(rng)))
    if kind == "mixture":
        return Wanted("mixture", _sided(rng, _mixture(rng), _side(rng)))
    compound = [name for name in RECIPES if name not in BASIC and name != "neutral"]
    names = BASIC if kind == "emotion" else compound
    name = names[number % len(names)]
    return Wanted(name, _sided(rng, _emotion(rng, name), "L" if name in ONE_SIDED else ""))


def _emotion(rng: np.random.Generator, name: str) -> dict[int, float]:
    level = 0.4 + 0.65 * np.sqrt(rng.random())
    units = {n: v * level * rng.uniform(1 - VARIED, 1 + VARIED) for n, v in RECIPES[name].items()}
    if rng.random() < BLINK:
        units.pop(5, None)
        units[45] = rng.uniform(0.4, 1.0)
    return units


def _mixture(rng: np.random.Generator) -> dict[int, float]:
    chance = np.array([_WEIGHT.get(number, 1.0) for number in AU_NUMBERS])
    while True:
        some = rng.choice(AU_NUMBERS, int(rng.integers(2, 6)), replace=False, p=chance / chance.sum())
        units = {int(number): float(0.2 + 0.8 * rng.random() ** 0.8) for number in some}
        if feasible(units):
            return units


def _side(rng: np.random.Generator) -> str:
    return "LR"[int(rng.integers(2))] if rng.random() < ONE_SIDE else ""


def _sided(rng: np.random.Generator, units: Mapping[int, float], side: str) -> dict[str, float]:
    """With sides, a little uneven; `side`: this one alone. Jaw and chin have no sides, so they keep both."""
    found = {}
    for number, value in units.items():
        uneven = rng.normal(0, UNEVEN)
        for letter, share in (("L", 1 + uneven), ("R", 1 - uneven)):
            if side in ("", letter) or number in (17, 25, 26):
                found[control_name(number, letter)] = float(np.clip(value * share, 0, 1))  # type: ignore[arg-type]
    return found
