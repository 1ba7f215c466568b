"""The expression of another face: what it shows beyond its rest goes over to a face, on top of that one's own rest.

One photo does not tell what a face looks like at rest. Whatever the reader reads of a neutral face is its own error and the
face's build, so readings up to what nine of ten neutral faces are read with (`REST`) count as rest; what is more is expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mimica.facs import SIDED_AU_NAMES
from mimica.motion.expression import Expression
from mimica.motion.track import GAZE, POSE

REST: Mapping[str, float] = {
    "AU01": 0.035, "AU02": 0.084, "AU04": 0.038, "AU05": 0.031, "AU06": 0.056, "AU07": 0.052, "AU09": 0.037, "AU10": 0.011,
    "AU12": 0.025, "AU14": 0.025, "AU15": 0.043, "AU17": 0.092, "AU20": 0.020, "AU23": 0.065, "AU25": 0.057, "AU26": 0.010,
    "AU45": 0.026,
}  # fmt: skip
"""The value below which nine of ten neutral faces are read: 133 studio portraits of people told to look neutral (Face Research
Lab London Set, 93, and its Canadian companion, 40), the mean of both sides in the table of `mimica annotate`."""


def rest_of(own: Mapping[str, float]) -> dict[str, float]:
    """The 34 sided Action Units of a face that shows `own`, were it at rest."""
    return {name: min(own[name], REST[name[:-1]]) for name in SIDED_AU_NAMES}


def shown_by(other: Mapping[str, float]) -> dict[str, float]:
    """What a face shows beyond its rest, the 34 sided Action Units in [0, 1]: 0 at rest, 1 where the unit is at its end."""
    rest = rest_of(other)
    return {name: (other[name] - rest[name]) / (1.0 - rest[name]) for name in SIDED_AU_NAMES}


@dataclass(frozen=True)
class Likeness(Expression):
    """The expression of a face that shows `other`: 34 sided Action Units, pose and gaze; `ratio` of it, up to 1.5. Pose and gaze
    go over where `only` names them."""

    other: Mapping[str, float] = field(default_factory=dict)
    ratio: float = 1.0

    def pattern(self) -> dict[str, float]:
        """As `Expression.pattern`."""
        return {name: min(1.0, self.ratio * value) for name, value in shown_by(self.other).items()}

    def base(self, own: Mapping[str, float]) -> dict[str, float]:
        """As `Expression.base`: the rest of the face itself, and on it what the other shows."""
        pattern, rest = self.pattern(), rest_of(own)
        return {name: rest[name] + (1.0 - rest[name]) * pattern[name] for name in SIDED_AU_NAMES}

    def head_changes(self, own: Mapping[str, float]) -> dict[str, float]:
        """As `Expression.head_changes`."""
        moved = [name for name in (*POSE, *GAZE) if self.only is not None and name in self.only and name in self.other]
        toward = {name: self.ratio * (self.other[name] - own.get(name, 0.0)) for name in moved}
        return {**toward, **super().head_changes(own)}

    @property
    def label(self) -> str:
        return "like"
