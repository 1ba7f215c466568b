"""What a face in a film is to show, moment by moment, from what it shows there.

What moves in the film goes on moving. An expression is laid over what the frame shows: of a unit that it raises by p, the part p
of what is left up to the full unit is added, own + p (1 - own), so speech stays readable under a smile; lids that close, close.
Brows, nose and cheeks that the expression leaves at rest give way to it by `GIVES_WAY`; mouth and lids never do. `absolute` shows
the expression itself, whatever the frame shows, but for the blinks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mimica.engines.controls import in_parts
from mimica.facs import SIDED_AU_NAMES, with_sides
from mimica.motion.expression import Expression, UnitChange
from mimica.motion.files import Motion
from mimica.motion.script.script import NEUTRAL
from mimica.motion.track import HEAD, Track

Values = Mapping[str, float]
Aim = Callable[[float, Values], dict[str, float]]
"""Seconds on the film's clock and what the face shows then (34 sided Action Units, `HEAD`) -> what it is to show."""
GIVES_WAY = 0.7
"""How much of a unit that takes no part in an expression is taken back where that is shown in full."""
MOUTH = in_parts(["mouth", "jaw"])
LIDS = ("AU45L", "AU45R")


def laid_over(own: Values, pattern: Values) -> dict[str, float]:
    """A whole expression, 34 sided Action Units, laid over what a face shows: the 34 units."""
    strength = min(1.0, max(pattern.values()))
    result = {}
    for name in SIDED_AU_NAMES:
        if pattern[name] > 0:
            result[name] = own[name] + pattern[name] * (1.0 - own[name])
        else:
            keeps = name in MOUTH or name in LIDS
            result[name] = own[name] if keeps else own[name] * (1.0 - GIVES_WAY * strength)
    return result


def changed(own: Values, values: dict[str, float], change: UnitChange) -> dict[str, float]:
    """`values` with one unit changed; a unit of the mouth that is set to an amount gets it laid over what the face shows."""
    if change.operation != "=":
        return change.apply(values)
    set_to = with_sides({change.control: change.amount})
    return {**values, **{n: own[n] + v * (1.0 - own[n]) if n in MOUTH else v for n, v in set_to.items()}}


def with_blinks(own: Values, values: dict[str, float], asked: frozenset[str] = frozenset()) -> dict[str, float]:
    """`values` whose lids close at least as far as the face closes them, unless they are `asked` for."""
    return {**values, **{lid: max(values[lid], own[lid]) for lid in LIDS if lid in values and lid not in asked}}


@dataclass(frozen=True)
class ExpressionAim:
    """An expression, in every frame."""

    expression: Expression
    absolute: bool = False

    def __call__(self, time: float, own: Values) -> dict[str, float]:
        wanted = self.expression
        if self.absolute:
            asked = frozenset(name for change in wanted.changes for name in with_sides({change.control: 0.0}))
            return wanted.kept(own, with_blinks(own, wanted.target(own), asked))
        pattern = wanted.pattern()
        values = {name: own[name] for name in SIDED_AU_NAMES} if pattern is None else laid_over(own, pattern)
        for change in wanted.changes:
            values = changed(own, values, change)
        return wanted.kept(own, wanted.reached(own, values))


class MotionAim:
    """A script, subtitles or a table on the film's clock: what it does to a face at rest is laid over what the face shows, for
    `only` some controls (None: all)."""

    def __init__(self, motion: Motion, only: frozenset[str] | None = None, absolute: bool = False) -> None:
        self._motion, self._only, self._absolute = motion, only, absolute
        self._at_rest = motion(NEUTRAL)

    @property
    def track(self) -> Track:
        """What it does to a face at rest."""
        return self._at_rest

    def __call__(self, time: float, own: Values) -> dict[str, float]:
        if self._absolute:
            wanted = with_blinks(own, self._motion(own).resolve(own).sample(time))
        else:
            wanted = self._laid_over(self._at_rest.sample(time), own)
        return {name: value if self._only is None or name in self._only else own[name] for name, value in wanted.items()}

    def _laid_over(self, shown: Values, own: Values) -> dict[str, float]:
        head = {name: own.get(name, 0.0) + shown[name] for name in HEAD if name in shown}
        units = with_sides({name: value for name, value in shown.items() if name not in HEAD})
        if self._at_rest.relative:
            return {n: min(1.0, max(0.0, own[n] + v)) for n, v in units.items()} | head
        if len(units) == len(SIDED_AU_NAMES):
            return laid_over(own, units) | head
        return {n: own[n] + v * (1.0 - own[n]) for n, v in units.items()} | head


@dataclass(frozen=True)
class TrackAim:
    """An absolute track that is shown in place of what the film shows, as long as it lasts: a driver's.

    rest   what the face of the film shows at rest; `only`  the controls that are driven
    fade   seconds over which the film's own expression comes back at the end
    """

    track: Track
    rest: Values
    only: frozenset[str]
    fade: float = 0.2

    def __call__(self, time: float, own: Values) -> dict[str, float]:
        part = min(1.0, max(0.0, (self.track.end - self.track.start - time) / self.fade))
        shown = self.track.sample(self.track.start + time)
        wanted = {n: v + (own[n] - self.rest.get(n, 0.0) if n in HEAD else 0.0) for n, v in shown.items() if n in self.only}
        return {n: own[n] + part * (v - own[n]) for n, v in wanted.items()}
