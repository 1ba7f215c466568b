"""What a face is to do in time, put together at a page: keyframes of changes, a script, a recording; blinks on top.

All give an `mimica.api.Animation`, the same thing that `mimica animate` makes, so it is played, drawn and written alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mimica.animation import Prepared, own_controls, render_frame
from mimica.api import Animation
from mimica.engines.base import attributes_of
from mimica.errors import ValueRangeError
from mimica.face.attributes import split, wish_of
from mimica.film.worn import dressed_as
from mimica.interactive.abilities import with_life
from mimica.motion import timeline
from mimica.motion.files import Motion, pose_warning
from mimica.motion.presets import blinks as natural_blinks
from mimica.motion.script.lexer import ScriptError
from mimica.motion.script.script import NEUTRAL, parse
from mimica.motion.track import Easing, Track

MAX_KEYFRAMES = 20_000
CURVE_POINTS = 160


@dataclass(frozen=True)
class Keyframe:
    """`changes` from the photo, by control, are reached at `time` seconds."""

    time: float
    changes: Mapping[str, float]
    easing: Easing = "ease"


@dataclass(frozen=True)
class Score:
    """keyframes, a `script` (its text), or a `recording` of `mimica.interactive.live`; without any the photo stands still.

    recording  an absolute track
    seconds    for a photo that only blinks
    loop       ends as it begins
    blinks     natural ones, by the random numbers of `seed`
    alive      idle motion, blinks among it, where this version has it (`mimica.interactive.abilities`)
    doses      of attributes; they swell and fall again over the length
    """

    keyframes: tuple[Keyframe, ...] = ()
    script: str | None = None
    recording: Track | None = None
    seconds: float = 4.0
    loop: bool = False
    blinks: bool = False
    alive: bool = False
    seed: int = 0
    doses: Mapping[str, float] = field(default_factory=dict)

    def motion(self, attributes: Sequence[str] = ()) -> Motion:
        """Without blinks. `attributes` are no controls of tracks and left out. Raises `ScriptError`, `ValueRangeError`."""
        if self.script is not None:
            made: Motion = parse(self.script).track
        else:
            track = self.recording or self._keyed(set(attributes))
            made = lambda own: track  # noqa: E731
        return (lambda own: timeline.returning(made(own).resolve(own))) if self.loop else made

    def _keyed(self, left_out: set[str]) -> Track:
        if len(self.keyframes) > MAX_KEYFRAMES:
            raise ValueRangeError(f"There are {len(self.keyframes)} keyframes; at most {MAX_KEYFRAMES} are allowed.")
        if not self.keyframes:
            still = {"AU12L": 0.0}
            return Track.from_keyframes([(0.0, still, "ease"), (self.seconds, still, "ease")], relative=True)
        asked = {name for key in self.keyframes for name in split(key.changes)[0]}
        names = (asked - left_out) or {"AU12L"}
        rows = [(k.time, {name: k.changes.get(name, 0.0) for name in sorted(names)}, k.easing) for k in self.keyframes]
        if rows[-1][0] > timeline.MAX_SECONDS:
            raise ValueRangeError(f"The last keyframe is at {rows[-1][0]:g} s; at most {timeline.MAX_SECONDS:g} s are allowed.")
        return Track.from_keyframes(rows, relative=True)


def performance(prepared: Prepared, score: Score, fps: float, loop_file: bool = False) -> Animation:
    """The animation of the encoded faces, all of which do the same. Raises `ScriptError`, `ValueRangeError`."""
    attributes = attributes_of(prepared.engine)
    motion, rng = score.motion(attributes), np.random.default_rng(score.seed)
    doses = dict(score.doses)
    if not attributes:  # what is drawn is there in every frame
        prepared, doses = dressed_as(prepared, (wish_of(split(doses)[1]),) * len(prepared.faces)), {}
    tracks, warnings = [], list[str]()
    for face in prepared.faces:
        own = own_controls(face.reading)
        track = motion(own).resolve(own)
        if score.alive:
            track = with_life(track, rng)
        elif score.blinks:
            track = track.max_with(natural_blinks(track.seconds, rng).shifted(track.start))
        tracks.append(track)
        warnings += filter(None, [pose_warning(track, prepared.engine.name, prepared.engine.controls)])
    return Animation(prepared, tuple(tracks), fps, loop_file or score.loop, tuple(warnings), doses)


def seconds_of(animation: Animation) -> float:
    return max(track.seconds for track in animation.tracks)


def frame_at(animation: Animation, time: float) -> np.ndarray:
    """One frame, `time` seconds from the start: uint8 (H, W, 3)."""
    part = timeline.swell(time, max(seconds_of(animation), 1e-6)) if animation.doses else 0.0
    doses = {name: part * dose for name, dose in animation.doses.items()}
    return render_frame(animation.prepared, [{**t.sample(t.start + time), **doses} for t in animation.tracks])


def curves(track: Track) -> dict[str, Any]:
    """What is drawn of a track: its length, and for each control that moves its values at even times."""
    times = np.linspace(track.start, track.end, CURVE_POINTS)
    values = np.stack([track.at(time) for time in times])
    moving = [i for i in range(len(track.names)) if np.ptp(values[:, i]) > 1e-6]
    return {
        "seconds": round(track.seconds, 4),
        "curves": {track.names[i]: [round(float(value), 4) for value in values[:, i]] for i in moving},
    }


def checked_script(text: str, own: Mapping[str, float] = NEUTRAL) -> dict[str, Any]:
    """What the parser says of a script while it is typed: its curves for a face that shows `own`, or the fault and its place
    (line and column from 1)."""
    try:
        return {"ok": True, **curves(parse(text).track(own))}
    except ScriptError as error:
        return {"ok": False, "message": str(error), "line": error.line, "column": error.column}
    except ValueRangeError as error:
        return {"ok": False, "message": str(error), "line": 1, "column": 1}
