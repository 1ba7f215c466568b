"""How a film's frames follow each other in time: evenly, at one rate, or as they come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimica.video.container import Clock, opened_container, packets, picture_stream
from mimica.video.reader import VideoReader

UNEVEN = 0.2
"""The share of a frame's length by which frames of an even film may be off, as where times are told in milliseconds."""
NEAR = 0.01
"""A stated rate is believed if it is so near, as a share, to what the frames show."""


@dataclass(frozen=True)
class Pace:
    """`fps` of an even film (frames may be missing between), or the average of an uneven one."""

    fps: float
    even: bool


def pace_of(video: VideoReader) -> Pace:
    """Looks at the times of all frames, and decodes none but those of animated pictures."""
    if video.is_animation:
        times = [time for _, time, _ in video]
    else:
        with opened_container(video.path) as container:
            stream = picture_stream(container, video.path)
            found = packets(container, stream, Clock(container))
            times = sorted(float(p.pts * p.time_base) for p in found if p.pts is not None and p.time_base)
    return pace_of_times(np.array(times), video.fps)


def pace_of_times(times: np.ndarray, stated: float) -> Pace:
    """Seconds, rising, and the rate that the file states -> how the frames follow each other."""
    gaps = np.diff(times)
    gaps = gaps[gaps > 1e-4]
    if not len(gaps):
        return Pace(stated, True)
    usual = float(np.sort(gaps)[len(gaps) // 2])
    near = gaps[np.abs(gaps / usual - 1) < UNEVEN]
    fps = 1 / float(near.mean())
    fps = stated if abs(stated / fps - 1) < NEAR else fps
    apart = np.abs(gaps * fps - np.maximum(1, np.round(gaps * fps)))
    if (apart < UNEVEN).mean() > 0.98:
        return Pace(fps, True)
    return Pace(min(240.0, len(gaps) / float(gaps.sum())), False)
