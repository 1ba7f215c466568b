"""Ready-made motion: natural blinks, and plausible random expressions.

Sources: blinks, A. R. Bentivoglio et al., "Analysis of blink rate patterns in normal subjects", Movement Disorders 12 (1997):
about 17 a minute at rest; F. VanderWerf et al., "Eyelid movements", J. Neurophysiol. 89 (2003): closing in about 70 ms,
opening twice to three times as slow. Antagonists: muscles that pull the same skin in opposite directions (FACS manual).
"""

from __future__ import annotations

import math

import numpy as np

from mimica.facs import AU_NUMBERS, EMOTIONS, RECIPES, SIDED_AU_NAMES, control_name, emotion_controls, with_sides
from mimica.motion.track import Track

BLINK_INTERVAL = 3.4
"""Seconds, the median from one blink to the next; the intervals are log-normal with this and the next number."""
BLINK_SPREAD = 0.45
SHORTEST_INTERVAL = 0.8
_LIDS = ("AU45L", "AU45R")

ANTAGONISTS: tuple[tuple[int, int], ...] = (
    (5, 6), (5, 7), (5, 9), (5, 45), (12, 15), (12, 17), (14, 20), (15, 26), (17, 25), (17, 26), (20, 23), (23, 25), (23, 26),
)  # fmt: skip
"""Pairs that a face does not show together in earnest."""


def blinks(seconds: float, rng: np.random.Generator) -> Track:
    """AU45 of both eyes over `seconds`: 0 when open, blinks at log-normal intervals. Begins and ends open, so it loops;
    a track too short for the first interval has one blink, one shorter than half a second none."""
    keyframes: list[tuple[float, float]] = [(0.0, 0.0)]
    time = 0.5 * _interval(rng)
    if time > seconds - 0.45:
        time = max(0.0, 0.5 * (seconds - 0.4))
    while 0.05 <= time < seconds - 0.4:
        closing, closed, opening = rng.uniform(0.06, 0.08), rng.uniform(0.03, 0.06), rng.uniform(0.14, 0.2)
        depth = rng.uniform(0.9, 1.0)
        shut, lifting = time + closing, time + closing + closed
        keyframes += [(time, 0.0), (shut, depth), (lifting, depth), (lifting + opening, 0.0)]
        time = lifting + opening + _interval(rng)
    keyframes.append((max(seconds, keyframes[-1][0]), 0.0))
    return Track.from_keyframes([(t, dict.fromkeys(_LIDS, depth), "ease") for t, depth in keyframes])


def _interval(rng: np.random.Generator) -> float:
    return max(SHORTEST_INTERVAL, float(rng.lognormal(math.log(BLINK_INTERVAL), BLINK_SPREAD)))


def sample_expression(rng: np.random.Generator) -> tuple[str, dict[str, float]]:
    """A plausible random expression: (label, 34 absolute controls). A third are emotions, a third compound emotions, a
    third two to four Action Units without antagonists; now and then one side of the face is weaker."""
    kind = rng.integers(3)
    if kind == 2:
        label, controls = _sample_units(rng)
    else:
        basic = [name for name in EMOTIONS if name != "neutral"]
        pool = basic if kind == 0 else [name for name in RECIPES if name not in EMOTIONS]
        label, intensity = str(rng.choice(pool)), float(rng.uniform(0.5, 1.0))
        controls = emotion_controls(label, intensity)
        label = f"{label.replace('_', ' ')} {intensity:.1f}"
    if rng.random() < 0.2:
        side, weaker = str(rng.choice(["L", "R"])), float(rng.uniform(0.4, 0.8))
        controls = {name: value * (weaker if name.endswith(side) else 1.0) for name, value in controls.items()}
    return label, controls


def _sample_units(rng: np.random.Generator) -> tuple[str, dict[str, float]]:
    chosen: list[int] = []
    count = int(rng.integers(2, 5))
    for number in rng.permutation([n for n in AU_NUMBERS if n != 45]).tolist():
        if len(chosen) < count and not any({number, other} in map(set, ANTAGONISTS) for other in chosen):
            chosen.append(number)
    values = with_sides({control_name(n): float(rng.uniform(0.4, 1.0)) for n in sorted(chosen)})
    return "AU " + "+".join(str(n) for n in sorted(chosen)), dict.fromkeys(SIDED_AU_NAMES, 0.0) | values
