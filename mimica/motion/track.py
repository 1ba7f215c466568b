"""Tracks: curves of Action Units, head pose and gaze over time, the one form in which every source of motion speaks to
`animation`.

A track is an immutable value: keyframes, and between two keyframes one easing. Presets, text scripts, predictors and
driving videos all give tracks; what they mean for a certain face is settled by `Track.resolve`.

Times are seconds, Action Units in [0, 1] by control name; pose and gaze in degrees as `mimica.reader.read` reads them, gaze in
the head; the head's shift in shares of the side of the tight crop, zoom as a factor less 1, both away from the photo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from mimica.errors import ValueRangeError, nearest
from mimica.facs import parse_control, with_sides

Easing = Literal["linear", "ease", "ease_in", "ease_out", "hold"]
"""How a value goes from one keyframe to the next: evenly; slow at both ends; slow at the start; slow at the end; not at
all until the next keyframe, then at once."""
EASINGS: tuple[Easing, ...] = get_args(Easing)

POSE: tuple[str, ...] = ("yaw", "pitch", "roll")
GAZE: tuple[str, ...] = ("gaze_x", "gaze_y")
SHIFT: tuple[str, ...] = ("shift_x", "shift_y", "zoom")
HEAD: tuple[str, ...] = (*POSE, *GAZE, *SHIFT)
"""All that is no Action Unit."""
POSE_LIMIT, GAZE_LIMIT, SHIFT_LIMIT = 180.0, 90.0, 0.5
"""The legal range goes from minus these to these: degrees of pose and gaze, shift and zoom."""
_HEAD_LIMITS = dict.fromkeys(POSE, POSE_LIMIT) | dict.fromkeys(GAZE, GAZE_LIMIT) | dict.fromkeys(SHIFT, SHIFT_LIMIT)

_CURVES: dict[str, Callable[[float], float]] = {
    "linear": lambda u: u,
    "ease": lambda u: u * u * (3.0 - 2.0 * u),
    "ease_in": lambda u: u * u,
    "ease_out": lambda u: u * (2.0 - u),
    "hold": lambda u: float(u >= 1.0),
}
_MERGE_RATE = 100.0
"""Samples a second of a track merged from two (a blink closes in 70 ms)."""


@dataclass(frozen=True, eq=False)
class Track:
    """Control curves over time.

    times     float64 (T,) seconds, never falling; two equal times are a jump
    names     N control names: Action Units (`AU12`, `AU12L`) and `HEAD`
    values    float64 (T, N): [0, 1] (relative: [-1, 1]); of `HEAD` as the module says
    easings   T names of `Easing`: how the curve comes to this keyframe from the one before (the first is not used)
    relative  the values are changes, to be added to what the photo shows

    Before the first keyframe the first holds, after the last the last. Raises `ValueRangeError` for what is not so.
    """

    times: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray
    easings: tuple[Easing, ...]
    relative: bool = False

    def __post_init__(self) -> None:
        """Checks and freezes the arrays."""
        times = np.array(self.times, np.float64)
        values = np.array(self.values, np.float64)
        if times.ndim != 1 or len(times) == 0 or values.shape != (len(times), len(self.names)) or len(self.easings) != len(times):
            raise ValueRangeError(
                f"A track needs T >= 1 times, T easings and (T, N) values; it has {times.shape} times, {len(self.easings)} "
                f"easings, {len(self.names)} names and {values.shape} values."
            )
        if not np.isfinite(times).all() or (np.diff(times) < 0).any():
            raise ValueRangeError("The times of a track must be finite and never fall.")
        for easing in self.easings:
            if easing not in EASINGS:
                raise ValueRangeError(f"'{easing}' is no easing{nearest(easing, EASINGS) or ';'} they are {', '.join(EASINGS)}.")
        self._check_values(values)
        times.setflags(write=False)
        values.setflags(write=False)
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)

    def _check_values(self, values: np.ndarray) -> None:
        if len(set(self.names)) != len(self.names):
            raise ValueRangeError(f"A track names each control once; this one has {', '.join(self.names)}.")
        for name, column in zip(self.names, values.T, strict=True):
            low, high = _limits(name, self.relative)
            if not (np.isfinite(column).all() and column.min() >= low and column.max() <= high):
                raise ValueRangeError(
                    f"The track's {name} goes from {column.min():g} to {column.max():g}; legal is {low:g} to {high:g}."
                )

    @classmethod
    def from_keyframes(cls, keyframes: Sequence[tuple[float, Mapping[str, float], Easing]], *, relative: bool = False) -> Track:
        """Keyframes `(time, {control: value}, easing towards it)`. A control that a keyframe leaves out keeps its value of
        the keyframe before; before it is first named, it has the value it is first named with."""
        names = tuple(dict.fromkeys(name for _, controls, _ in keyframes for name in controls))
        current = {name: value for _, controls, _ in reversed(keyframes) for name, value in controls.items()}
        rows = []
        for _, controls, _ in keyframes:
            current = current | dict(controls)
            rows.append([current[name] for name in names])
        times = np.array([time for time, _, _ in keyframes])
        return cls(times, names, np.array(rows).reshape(len(rows), len(names)), tuple(e for _, _, e in keyframes), relative)

    @classmethod
    def dense(cls, times: np.ndarray, names: tuple[str, ...], values: np.ndarray, *, relative: bool = False) -> Track:
        """Measured or predicted curves: linear from row to row."""
        easing: Easing = "linear"
        return cls(times, names, values, (easing,) * len(times), relative)

    @property
    def start(self) -> float:
        """The time of the first keyframe, seconds."""
        return float(self.times[0])

    @property
    def end(self) -> float:
        """The time of the last keyframe, seconds."""
        return float(self.times[-1])

    @property
    def seconds(self) -> float:
        """From the first keyframe to the last."""
        return self.end - self.start

    def at(self, time: float) -> np.ndarray:
        """float64 (N,), the values at `time` seconds in the order of `names`; exact at keyframes."""
        after = int(np.searchsorted(self.times, time, side="right"))
        if after == 0 or after == len(self.times):
            return self.values[max(0, after - 1)].copy()
        t0, t1 = self.times[after - 1 : after + 1]
        a, b = self.values[after - 1], self.values[after]
        weight = _CURVES[self.easings[after]]((time - t0) / (t1 - t0))
        return np.clip(a * (1.0 - weight) + b * weight, np.minimum(a, b), np.maximum(a, b))

    def sample(self, time: float) -> dict[str, float]:
        """The values at `time` seconds by name."""
        return dict(zip(self.names, self.at(time).tolist(), strict=True))

    def frame_count(self, fps: float) -> int:
        """Frames of the whole track at `fps`: round(seconds x fps), at least one."""
        if not 0 < fps < np.inf:
            raise ValueRangeError(f"The frame rate {fps:g} must be a number above 0.")
        return max(1, round(self.seconds * fps))

    # --- tracks from tracks -----------------------------------------------------------------------------------------

    def shifted(self, seconds: float) -> Track:
        """The same, `seconds` later."""
        return replace(self, times=self.times + seconds)

    def stretched(self, factor: float) -> Track:
        """The same, `factor` times as slow (times are multiplied; `factor` above 0)."""
        if not 0 < factor < np.inf:
            raise ValueRangeError(f"A track cannot be stretched by {factor:g}: the factor must be above 0.")
        return replace(self, times=self.times * factor)

    def concat(self, other: Track, pause: float = 0.0) -> Track:
        """This one, then `other`, whose start is put `pause` seconds after this one's end: within the pause the values go
        over with the easing of `other`'s first keyframe; without a pause they jump. Both must have the same names."""
        if set(self.names) != set(other.names) or self.relative != other.relative:
            raise ValueRangeError("Only tracks with the same controls can follow each other; use Track.resolve on both first.")
        later = other.shifted(self.end + pause - other.start)
        order = [other.names.index(name) for name in self.names]
        return replace(
            self,
            times=np.concatenate([self.times, later.times]),
            values=np.concatenate([self.values, later.values[:, order]]),
            easings=self.easings + later.easings,
        )

    def blend(self, other: Track, weight: float) -> Track:
        """(1 - weight) of this one and `weight` of `other` (of the controls it has), `weight` in [0, 1]."""
        if not 0.0 <= weight <= 1.0:
            raise ValueRangeError(f"The weight {weight:g} of a blend must be in 0 to 1.")
        return self._merged(other, lambda mine, theirs: (1.0 - weight) * mine + weight * theirs)

    def max_with(self, other: Track) -> Track:
        """The greater of the two, control by control: how a blink is laid over an expression."""
        return self._merged(other, np.maximum)

    def plus(self, other: Track) -> Track:
        """The sum, clipped to the legal range; `other` may be a relative track."""
        return self._merged(other, np.add)

    def _merged(self, other: Track, operation: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Track:
        """`operation` on the columns that `other` has; keyframes of both, and 100 samples a second between, linear."""
        missing = [name for name in other.names if name not in self.names]
        if missing:
            raise ValueRangeError(
                f"The track to lay over has {', '.join(missing)}, which this one lacks; use Track.resolve first."
            )
        start, end = min(self.start, other.start), max(self.end, other.end)
        grid = np.linspace(start, end, 1 + round((end - start) * _MERGE_RATE))
        times = np.unique(np.concatenate([self.times, other.times, grid]))
        values = np.stack([self.at(t) for t in times])
        columns = [self.names.index(name) for name in other.names]
        values[:, columns] = operation(values[:, columns], np.stack([other.at(t) for t in times]))
        clipped = _clip(values, self.names, self.relative)
        return Track.dense(times, self.names, clipped, relative=self.relative)

    def resolve(self, own: Mapping[str, float]) -> Track:
        """The absolute track of all controls in `own`, the values that the photo shows: relative values are added to them
        and clipped; a control without sides counts for both; a control that the track leaves out stays as in the photo."""
        columns = with_sides({name: i for i, name in enumerate(self.names) if name not in HEAD})
        columns |= {name: i for i, name in enumerate(self.names)}
        unknown = [name for name in self.names if not {name, name + "L", name + "R"} & set(own)]
        if unknown:
            raise ValueRangeError(f"The track sets {', '.join(unknown)}, which is not among the controls {', '.join(own)}.")
        values = np.tile(np.array(list(own.values()), np.float64), (len(self.times), 1))
        for i, name in enumerate(own):
            if name in columns:
                column = self.values[:, int(columns[name])]
                values[:, i] = values[:, i] + column if self.relative else column
        names = tuple(own)
        return Track(self.times, names, _clip(values, names, relative=False), self.easings)

    def relative_to(self, reference: Mapping[str, float]) -> Track:
        """The changes from `reference` (say, a driving video's first frame), as a relative track."""
        return replace(self, values=self.values - np.array([reference[name] for name in self.names]), relative=True)


def _limits(name: str, relative: bool) -> tuple[float, float]:
    if name in HEAD:
        return -_HEAD_LIMITS[name], _HEAD_LIMITS[name]
    if parse_control(name) != name:
        raise ValueRangeError(f"'{name}' is no control's name; write '{parse_control(name)}'.")
    return (-1.0 if relative else 0.0), 1.0


def _clip(values: np.ndarray, names: tuple[str, ...], relative: bool) -> np.ndarray:
    limits = np.array([_limits(name, relative) for name in names], np.float64).reshape(len(names), 2)
    return np.clip(values, limits[:, 0], limits[:, 1])
