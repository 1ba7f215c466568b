"""Idle motion: by its seed, without a period, from the photo and back to it."""

import numpy as np
import pytest

from mimica.facs import SIDED_AU_NAMES
from mimica.motion.alive import SWAY, WANDER, idle, noise, with_life
from mimica.motion.head import LIMITS
from mimica.motion.track import HEAD, Track

OWN = dict.fromkeys(SIDED_AU_NAMES, 0.1) | dict.fromkeys(HEAD, 0.0) | {"yaw": 5.0}


def still(seconds: float) -> Track:
    return Track.from_keyframes([(0.0, OWN, "linear"), (seconds, OWN, "linear")])


def test_the_seed_decides() -> None:
    first, again, other = (with_life(still(6), np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first.values, again.values) and not np.array_equal(first.at(3.0), other.at(3.0))


def test_it_begins_and_ends_with_the_photo_and_lids_blink() -> None:
    track = with_life(still(10), np.random.default_rng(0))
    for time in (0.0, 10.0):
        assert track.sample(time) == pytest.approx(OWN)
    assert track.values[:, track.names.index("AU45L")].max() > 0.8
    assert track.values[:, track.names.index("AU12L")].max() == pytest.approx(0.1), "nothing else of the face moves"


def test_no_stretch_comes_twice() -> None:
    track, _ = idle(120, np.random.default_rng(1))
    yaw = track.values[:, track.names.index("yaw")]
    window = yaw[200:400] - yaw[200:400].mean()
    others = [yaw[i : i + 200] - yaw[i : i + 200].mean() for i in range(600, len(yaw) - 200, 10)]
    assert max(float(window @ o / np.linalg.norm(window) / np.linalg.norm(o)) for o in others) < 0.995


def test_it_stays_small_and_eyes_counter_the_head() -> None:
    track, jumps = idle(200, np.random.default_rng(2))
    curves = dict(zip(track.names, track.values.T, strict=True))
    for name, curve in curves.items():
        assert np.abs(curve).max() < LIMITS[name]
    assert 1 < curves["yaw"].std() < 4 and curves["gaze_x"].std() < 8 and 5 < len(jumps) < 100
    look = curves["gaze_x"] + curves["yaw"]
    assert np.corrcoef(curves["gaze_x"] - look, curves["yaw"])[0, 1] < -0.99 and look.std() < WANDER[0]
    assert np.median(np.abs(look)) < 1.5, "most of the time they look where the photo looks"


def test_noise_is_as_strong_as_asked() -> None:
    rms, corner = SWAY["yaw"][0]
    drawn = np.concatenate([noise(np.random.default_rng(seed), 2000, rms, corner) for seed in range(30)])
    assert drawn.std() == pytest.approx(rms, rel=0.1)
