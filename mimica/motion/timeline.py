"""Expressions over time: parsing `happy@0, surprised:0.8@1.5, neutral@3` and turning it into a track for a certain face.

A moment is an expression with the time at which it is reached and the time until which it stays; between moments the face
goes straight from one to the next, with ease.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mimica.errors import ValueRangeError
from mimica.motion.expression import PHOTO, Expression, checked, parse_emotions
from mimica.motion.track import Easing, Track

MAX_SECONDS = 600.0
SYNTAX = "'happy@0, surprised:0.8@1.5-2, photo@3', or names without times: 'happy, sad'"
_HELD = 0.3
"""Of the time from one expression to the next, where no times are given: the part for which each is held."""
_RETURN_SECONDS = 1.0
_PULSE = (0.05, 0.35, 0.6, 0.95)
"""Of a pulse: until when it rests, when the target is reached, until when it is held, when it is over."""


@dataclass(frozen=True)
class Moment:
    """`expression` is reached at `start` and held until `end`, seconds."""

    start: float
    end: float
    expression: Expression


def pulse(expression: Expression, seconds: float) -> tuple[Moment, ...]:
    """From the photo's own expression to another and back, in `seconds`; it begins and ends with a short rest."""
    return tuple(
        Moment(start * seconds, end * seconds, moment)
        for start, end, moment in [(0.0, _PULSE[0], PHOTO), (*_PULSE[1:3], expression), (_PULSE[3], 1.0, PHOTO)]
    )


def swell(time: float, seconds: float) -> float:
    """How far a pulse of `seconds` has gone at `time`: 0 at rest, 1 where the target is held, eased between."""
    u = float(np.interp(time / seconds, _PULSE, (0.0, 1.0, 1.0, 0.0)))
    return u * u * (3.0 - 2.0 * u)


def evenly(expressions: Sequence[Expression], seconds: float, *, loop: bool = False) -> tuple[Moment, ...]:
    """One expression after another, spread over `seconds`; with `loop` the first once more at the end."""
    listed = [*expressions, expressions[0]] if loop else list(expressions)
    if len(listed) == 1:
        return (Moment(0.0, seconds, listed[0]),)
    step = seconds / (len(listed) - 1)
    moments = [Moment((i - _HELD / 2) * step, (i + _HELD / 2) * step, expression) for i, expression in enumerate(listed)]
    return tuple(replace(m, start=max(0.0, m.start), end=min(seconds, m.end)) for m in moments)


def parse(text: str, seconds: float | None = None, *, loop: bool = False, intensity: float = 1.0) -> tuple[Moment, ...]:
    """`NAME[:WEIGHT][+...][@TIME[-UNTIL]], ...` -> moments. `photo` is the photo's own expression. Either all have times,
    rising, or none: then they are spread evenly over `seconds` (default: 1.5 for each step). With `loop` the first comes
    once more at the end (`seconds`, or a second after the last). Raises `ValueRangeError`."""
    parts = [part.strip() for part in text.split(",")]
    timed = ["@" in part for part in parts]
    if not all(parts) or (any(timed) and not all(timed)):
        raise ValueRangeError(f"The list of expressions '{text}' cannot be read; write {SYNTAX}.")
    if not any(timed):
        steps = max(1, len(parts) - (not loop))
        return evenly([_expression(part, intensity) for part in parts], seconds or 1.5 * steps, loop=loop)
    moments = [_moment(part, intensity) for part in parts]
    for before, after in itertools.pairwise(moments):
        if after.start <= before.end:
            raise ValueRangeError(f"The times in '{text}' must rise; {after.start:g} s comes after {before.end:g} s.")
    last = moments[-1].end
    if seconds is not None and seconds < last:
        raise ValueRangeError(f"--seconds is {seconds:g}, but the last expression is held until {last:g} s; make it longer.")
    if moments[0].start > 0:
        moments.insert(0, Moment(0.0, 0.0, PHOTO))
    if loop and (seconds is None or seconds > last):
        end = last + _RETURN_SECONDS if seconds is None else seconds
        moments.append(Moment(end, end, moments[0].expression))
    elif seconds is not None:
        moments[-1] = replace(moments[-1], end=seconds)
    return tuple(moments)


def _expression(name: str, intensity: float) -> Expression:
    return PHOTO if name == "photo" else Expression(parse_emotions(name), intensity=intensity)


def _moment(part: str, intensity: float) -> Moment:
    name, _, when = part.partition("@")
    match = re.fullmatch(r"([0-9.]+)s?(?:-([0-9.]+)s?)?", when.strip())
    try:
        start, end = (float(match[1]), float(match[2] or match[1])) if match else (math.nan, math.nan)
    except ValueError:
        start = end = math.nan
    if math.isnan(start) or end < start:
        raise ValueRangeError(f"The time '{when.strip()}' of '{name}' cannot be read; write 1.5 or 1.5-2, in seconds.")
    end = checked(end, f"the time of '{name}'", 0.0, MAX_SECONDS)
    return Moment(start, end, _expression(name.strip(), intensity))


def track(moments: Sequence[Moment], own: Mapping[str, float]) -> Track:
    """The track that takes a face which shows `own` through the moments."""
    keyframes: list[tuple[float, dict[str, float], Easing]] = []
    for moment in moments:
        target = moment.expression.target(own)
        keyframes.append((moment.start, target, "ease"))
        if moment.end > moment.start:
            keyframes.append((moment.end, target, "hold"))
    return Track.from_keyframes(keyframes)


def returning(track: Track) -> Track:
    """An absolute track that ends where it begins: a second is added for the way back."""
    return track.concat(Track.from_keyframes([(0.0, track.sample(track.start), "ease")]), pause=_RETURN_SECONDS)
