"""Action Units -> weights of ICT-FaceKit's expression shapes, by side, and back: what was really shown.

Which shape belongs to a unit follows the muscles (FACS) and ICT-FaceKit's names, which are ARKit's; how much of it makes an
intensity of 1 is our choice by eye. Shapes that pull at the same point limit each other, as muscles do; `shown` gives the
intensities after these limits, and that is what a label says.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mimica.facs import AU_NUMBERS, control_name

Weights = dict[str, float]
SIDES = ("L", "R")

_SHAPES_OF: dict[int, tuple[tuple[str, float], ...]] = {
    1: (("browInnerUp_*", 1.3),),
    2: (("browOuterUp_*", 1.15),),
    4: (("browDown_*", 1.7),),
    5: (("eyeWide_*", 1.0),),
    6: (("cheekSquint_*", 1.0), ("cheekRaiser_*", 0.6)),
    7: (("eyeSquint_*", 1.2), ("eyeBlink_*", 0.16)),
    9: (("noseSneer_*", 0.95), ("browDown_*", 0.15)),
    10: (("mouthUpperUp_*", 0.95),),
    12: (("mouthSmile_*", 1.1),),
    14: (("mouthDimple_*", 1.2),),
    15: (("mouthFrown_*", 1.2),),
    17: (("mouthShrugLower", 0.85),),
    20: (("mouthStretch_*", 1.1),),
    23: (("mouthRollLower", 0.40), ("mouthRollUpper", 0.40), ("mouthPress_*", 0.55)),
    25: (("mouthLowerDown_*", 0.75), ("mouthUpperUp_*", 0.28), ("jawOpen", 0.07)),
    26: (("jawOpen", 0.55),),
    45: (("eyeBlink_*", 1.0),),
}
"""Action Unit -> (shape, weight at an intensity of 1); `*` is the side, a shape without one moves both."""
_CORNER = ("mouthSmile_", "mouthDimple_", "mouthStretch_", "mouthFrown_")
MOST_CORNER, MOST_UPPER_LIP = 1.3, 1.15
"""Of the shapes that pull the corner of the mouth together, and of those that lift the upper lip."""


def _names() -> tuple[str, ...]:
    found = [name.replace("*", side) for rows in _SHAPES_OF.values() for name, _ in rows for side in SIDES]
    return tuple(dict.fromkeys(found))


SHAPES: tuple[str, ...] = _names()
"""The shapes that are used, by name."""


def weights(units: Mapping[str, float]) -> Weights:
    """Sided Action Units (`AU12L` ...) in [0, 1] -> weights of the shapes."""
    w = dict.fromkeys(SHAPES, 0.0)
    for number, rows in _SHAPES_OF.items():
        for side in SIDES:
            value = units.get(control_name(number, side), 0.0)  # type: ignore[arg-type]
            for name, gain in rows:
                w[name.replace("*", side)] += gain * value * (1.0 if "*" in name else 0.5)
    for side in SIDES:
        _limit_brow_and_eye(w, side, units)
        _limit_mouth(w, side, units)
    for name in ("mouthRollLower", "mouthRollUpper", "mouthShrugLower"):
        w[name] *= 1 - min(1.0, 1.2 * w["jawOpen"])
    return w


def _limit_brow_and_eye(w: Weights, side: str, units: Mapping[str, float]) -> None:
    """Frontalis and corrugator work against each other; a lid closes no more than fully, and what widens the eye yields."""
    inner, outer = units.get(f"AU01{side}", 0.0), units.get(f"AU02{side}", 0.0)
    w[f"browDown_{side}"] *= 1 - 0.35 * inner - 0.25 * outer * (1 - inner)
    blink = w[f"eyeBlink_{side}"] = min(w[f"eyeBlink_{side}"], 1.0)
    squint = min(1.0, w[f"eyeSquint_{side}"] + 0.5 * w[f"cheekSquint_{side}"])
    w[f"eyeSquint_{side}"] *= 1 - 0.7 * blink
    w[f"cheekSquint_{side}"] *= 1 - 0.4 * blink
    w[f"eyeWide_{side}"] *= (1 - blink) * (1 - 0.4 * squint)


def _limit_mouth(w: Weights, side: str, units: Mapping[str, float]) -> None:
    pull = sum(w[name + side] for name in _CORNER[:3]) + 0.5 * w[f"mouthFrown_{side}"]
    if pull > MOST_CORNER:
        for name in _CORNER:
            w[name + side] *= MOST_CORNER / pull
    lift = w[f"mouthUpperUp_{side}"] + 0.6 * w[f"noseSneer_{side}"]
    if lift > MOST_UPPER_LIP:
        w[f"mouthUpperUp_{side}"] *= MOST_UPPER_LIP / lift
        w[f"noseSneer_{side}"] *= MOST_UPPER_LIP / lift
    smile, parted = units.get(f"AU12{side}", 0.0), units.get(f"AU25{side}", 0.0)
    w[f"mouthUpperUp_{side}"] += 0.40 * smile * parted  # a parted smile bares the upper teeth


_TOLD_BY = {9: "noseSneer_*", 12: "mouthSmile_*", 14: "mouthDimple_*", 15: "mouthFrown_*", 20: "mouthStretch_*"}
"""Units that limits may lessen, and the shape that tells by how much; of the central ones see `shown`."""
GAP_CLOSED, GAP_PARTED = 0.012, 0.16
"""Between the lips, in eye distances: no part of AU 25, and all of it."""


def shown(units: Mapping[str, float], w: Weights, lip_gap: float) -> dict[str, float]:
    """The 34 intensities that a face with these weights shows: what was asked for, less what the limits took; jaw and lips by
    how far they are open (`lip_gap` in eye distances)."""
    result = {}
    parted = (lip_gap - GAP_CLOSED) / (GAP_PARTED - GAP_CLOSED)
    for side in SIDES:
        for number in AU_NUMBERS:
            name = control_name(number, side)  # type: ignore[arg-type]
            value = units.get(name, 0.0)
            if number in _TOLD_BY and value > 0:
                shape = _TOLD_BY[number].replace("*", side)
                value *= min(1.0, w[shape] / (_SHAPES_OF[number][0][1] * value))
            if number in (17, 23):
                value *= 1 - min(1.0, 1.2 * w["jawOpen"])
            if number == 26:
                value = max(value, w["jawOpen"] / _SHAPES_OF[26][0][1])
            if number == 25:
                value = max(value, parted)
            result[name] = float(np.clip(value, 0, 1))
    return {name: result[name] for name in sorted(result, key=lambda n: (n[-1], n))}
