"""A face that does nothing in particular: the head sways a little, the eyes wander and come back, lids blink.

Sources: eyes dwell for about a second or two and jump in 30 to 80 ms (R. J. Leigh, D. S. Zee, "The neurology of eye movements",
2015); most jumps of a person who faces someone lead back to that person; the head follows a part of them, later and slower (E.
G. Freedman, "Coordination of the eyes and head during visual orienting", Exp. Brain Res. 190, 2008); while it moves, the eyes
counter it, so that they keep looking where they look. Large jumps go with blinks (C. Evinger et al., "Not looking while
leaping", Exp. Brain Res. 100, 1994). Breathing is left out.

Everything is noise drawn with a seed, of no period: no stretch comes twice.
"""

from __future__ import annotations

import numpy as np

from mimica.motion.presets import blinks
from mimica.motion.track import GAZE, POSE, SHIFT, Track

RATE = 50.0
"""Samples a second."""
SWAY: dict[str, tuple[tuple[float, float], ...]] = {
    "yaw": ((2.0, 0.14),), "pitch": ((1.2, 0.17), (0.35, 0.9)), "roll": ((0.9, 0.11),), "shift_x": ((0.005, 0.10),),
    "shift_y": ((0.003, 0.2),), "zoom": ((0.005, 0.07),),
}  # fmt: skip
"""(root mean square, corner frequency in hertz) of the noises that add up to each curve; degrees, shares, factor less 1."""
TILT = 0.18
"""Heads that turn also tilt, by this share."""
DWELL = (0.8, 2.6)
JUMP = 0.06
"""Seconds from one jump of the eyes to the next, and that it takes."""
WANDER = (4.0, 2.4)
"""Root mean square of the places that the eyes go to, across and down, degrees."""
BACK = 0.55
"""The share of jumps that lead back to where the photo looks."""
FOLLOW, LAG, SLOW = 0.25, 0.12, 0.35
"""The head follows so much of what the eyes do, after so many seconds, with this time constant."""
WIDE_JUMP, WITH_BLINK = 7.0, 0.6
"""Jumps of more degrees go with a blink, this often."""
FADE = 0.8
"""Seconds at both ends in which everything begins from the photo and comes back to it."""
_LIDS = ("AU45L", "AU45R")


def with_life(track: Track, rng: np.random.Generator) -> Track:
    """An absolute track of all controls, with idle motion over its whole length laid on top."""
    motion, jumps = idle(track.seconds, rng)
    lids = blinks(track.seconds, rng)
    for time in jumps:
        if time < track.seconds - 0.5 and rng.random() < WITH_BLINK:
            lids = lids.max_with(_blink(time, track.seconds))
    return track.plus(motion.shifted(track.start)).max_with(lids.shifted(track.start))


def idle(seconds: float, rng: np.random.Generator) -> tuple[Track, list[float]]:
    """The changes of head and eyes (a relative track of `HEAD`), and the times of the wide jumps of the eyes."""
    count = max(2, round(seconds * RATE) + 1)
    times = np.linspace(0, seconds, count)
    curves = {name: np.asarray(sum(noise(rng, count, *each) for each in parts)) for name, parts in SWAY.items()}
    curves["roll"] += TILT * curves["yaw"]
    look, jumps = _wandering(times, rng)
    for axis, name in enumerate(("yaw", "pitch")):
        curves[name] += FOLLOW * _followed(look[:, axis])
    fade = np.clip(np.minimum(times, seconds - times) / min(FADE, seconds / 2), 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    curves = {name: fade * curve for name, curve in curves.items()}
    for axis, (name, head) in enumerate(zip(GAZE, ("yaw", "pitch"), strict=True)):
        curves[name] = fade * look[:, axis] - curves[head]
    names = (*POSE, *GAZE, *SHIFT)
    return Track.dense(times, names, np.stack([curves[name] for name in names], axis=1), relative=True), jumps


def noise(rng: np.random.Generator, count: int, rms: float, corner: float) -> np.ndarray:
    """(count,), normal noise through a low pass of second order at `corner` hertz, of this root mean square over long times."""
    keep = float(np.exp(-2 * np.pi * corner / RATE))
    values = rng.standard_normal(count + int(6 * RATE / corner))
    for _ in range(2):
        values = _low_passed(values, keep)
    # a first-order filter twice: the variance of the sum of its impulse response's squares
    expected = (1 - keep) ** 4 * (1 + keep**2) / (1 - keep**2) ** 3
    smooth: np.ndarray = rms * values[-count:] / np.sqrt(expected)
    return smooth


def _low_passed(values: np.ndarray, keep: float) -> np.ndarray:
    result, state = np.empty_like(values), 0.0
    for i, value in enumerate(values.tolist()):
        state = keep * state + (1 - keep) * value
        result[i] = state
    return result


def _wandering(times: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[float]]:
    """Where the eyes look from the camera's place, (T, 2) degrees away from the photo, and the times of the wide jumps."""
    look, here, wide = np.zeros((len(times), 2)), np.zeros(2), []
    time = float(rng.uniform(*DWELL))
    while time < times[-1]:
        back = bool(here.any()) and rng.random() < BACK
        there = np.zeros(2) if back else rng.normal(0, 1, 2) * WANDER
        part = np.clip((times - time) / JUMP, 0, 1)[:, None]
        look += part * part * (3 - 2 * part) * (there - here)
        if np.hypot(*(there - here)) > WIDE_JUMP:
            wide.append(time)
        here, time = there, time + float(rng.uniform(*DWELL))
    return look, wide


def _followed(look: np.ndarray) -> np.ndarray:
    """What the head does when the eyes do (T,)."""
    late = np.concatenate([np.zeros(int(LAG * RATE)), look])[: len(look)]
    return _low_passed(late, 1 - 1 / (SLOW * RATE))


def _blink(time: float, seconds: float) -> Track:
    moments = (0.0, time, time + 0.07, time + 0.11, time + 0.28, max(seconds, time + 0.28))
    depths = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0)
    return Track.from_keyframes(
        [(moment, dict.fromkeys(_LIDS, depth), "ease") for moment, depth in zip(moments, depths, strict=True)]
    )
