"""Frames of a loaded face: along expressions or a script, and after a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mimica.animation import frames, own_controls
from mimica.engines.base import attributes_of
from mimica.errors import ValueRangeError
from mimica.facs import SIDED_AU_NAMES
from mimica.motion import timeline
from mimica.motion.driving import describe_gaps, read_frames
from mimica.motion.presets import blinks as natural_blinks
from mimica.motion.script.script import parse
from mimica.motion.track import Track

from .values import ExpressionValue, LoadedFace, target

_RISE, _FALL = 0.4, 0.6
"""Shares of the length at which an expression that comes and goes is there, and from which it leaves."""


def played(
    face: LoadedFace, ends: Sequence[ExpressionValue], script: str, seconds: float, fps: float, rng: np.random.Generator | None
) -> Iterator[np.ndarray]:
    """One expression comes and goes, of two the face goes from the first to the second, a script has its own length; with `rng`
    the eyes blink. Doses of attributes are those of the last expression and swell and fall. Raises `ValueRangeError`."""
    if script.strip():
        if ends:
            raise ValueRangeError("Give expressions or a script, not both.")
        own = own_controls(face.prepared.faces[0].reading)
        track = parse(script).track(own).resolve(own)
    else:
        track = _track(face, ends, seconds)
    if rng is not None:
        track = track.max_with(natural_blinks(track.seconds, rng).shifted(track.start))
    most = ends[-1]["doses"] if ends else {}
    length = max(track.seconds, 1e-6)

    def doses(time: float) -> dict[str, float]:
        part = timeline.swell(time, length) if most else 0.0
        return {name: part * dose for name, dose in most.items()}

    return frames(face.prepared, [track], fps, doses)


def _track(face: LoadedFace, ends: Sequence[ExpressionValue], seconds: float) -> Track:
    rest = _shown(face, None)
    if len(ends) == 2:
        keys = [(0.0, _shown(face, ends[0])), (seconds, _shown(face, ends[1]))]
    elif ends:
        there = _shown(face, ends[0])
        keys = [(0.0, rest), (_RISE * seconds, there), (_FALL * seconds, there), (seconds, rest)]
    else:
        keys = [(0.0, rest), (seconds, rest)]
    return Track.from_keyframes([(time, values, "ease") for time, values in keys])


def _shown(face: LoadedFace, value: ExpressionValue | None) -> dict[str, float]:
    """What a track can hold: Action Units, and what else the engine can move but attributes."""
    engine = face.prepared.engine
    names = {*SIDED_AU_NAMES, *(name for name in engine.controls if name in face.own)} - set(attributes_of(engine))
    values = face.own if value is None else target(value, face.own)
    return {name: values[name] for name in face.own if name in names}


def driven(
    face: LoadedFace, driver: Sequence[np.ndarray], fps: float, gain: float, transfer: str
) -> tuple[Iterator[np.ndarray], list[str]]:
    """The frames, and sentences about where no face was seen. Raises `NoFaceError`."""
    timed = ((index / fps, frame) for index, frame in enumerate(driver))
    read = read_frames(timed, fps)
    track = read.track(face.own, transfer=transfer, gain=gain)  # type: ignore[arg-type]
    return frames(face.prepared, [track], fps), [*face.warnings, *describe_gaps(read)]
