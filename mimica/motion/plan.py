"""What an animation is asked for, checked, as a motion: an expression that comes and goes, a list, a track, each perhaps
looped."""

from __future__ import annotations

from collections.abc import Mapping

from mimica.errors import ValueRangeError
from mimica.motion import timeline
from mimica.motion.expression import Expression, checked
from mimica.motion.files import Motion
from mimica.motion.track import Track

DEFAULT_SECONDS = 2.5


def within(motion: Motion, only: frozenset[str] | None) -> Motion:
    """The motion of those controls alone; None: of all."""
    return motion if only is None else lambda own: restricted(motion(own), own, only)


def restricted(track: Track, own: Mapping[str, float], only: frozenset[str] | None) -> Track:
    """The track, where what is not among `only` stays as a face shows that shows `own`."""
    if only is None:
        return track
    whole = track.resolve(own)
    values = whole.values.copy()
    for column, name in enumerate(whole.names):
        if name not in only:
            values[:, column] = own[name]
    return Track(whole.times, whole.names, values, whole.easings)


def plan(
    target: Expression | None,
    intensity: float = 1.0,
    sequence: str | None = None,
    track: Track | Motion | None = None,
    seconds: float | None = None,
    loop: bool = False,
    idle: float | None = None,
    only: frozenset[str] | None = None,
) -> Motion:
    """One of: `target`, there and back in `seconds`; a `sequence` as `mimica.motion.timeline.parse` reads it, its expressions
    shown to `intensity`; a `track`. Where there is none of them, the photo's own expression for `idle` seconds, if that is not
    None. With `loop` it ends as it begins. What is not among the controls `only` (None: all) stays as in the photo. Raises
    `ValueRangeError`."""
    if target is None and sequence is None and track is None and idle is not None:
        sequence, seconds = "photo", seconds or idle
    if seconds is not None:
        checked(seconds, "the length in seconds", 0.1, timeline.MAX_SECONDS)
    if (target is not None) + (sequence is not None) + (track is not None) != 1:
        raise ValueRangeError(
            "An animation needs one of: an expression (Action Units, pose, gaze), a list of expressions, a track."
        )
    if track is not None:
        if seconds is not None:
            raise ValueRangeError("A track has its own length; leave the seconds out, or use Track.stretched.")
        made: Motion = (lambda own: track) if isinstance(track, Track) else track
        return within((lambda own: timeline.returning(made(own).resolve(own))) if loop else made, only)
    if sequence is not None:
        moments = timeline.parse(sequence, seconds, loop=loop, intensity=intensity)
    elif target is not None:
        moments = timeline.pulse(target, DEFAULT_SECONDS if seconds is None else seconds)
    return within(lambda own: timeline.track(moments, own), only)
