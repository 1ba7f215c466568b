"""What is asked of heads: parsing, limits, warnings, looking at the camera."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import ValueRangeError
from mimica.motion.head import FARTHEST, LIMITS, beyond, cannot, limits, look_at_camera, parse_gaze, parse_pose, softened
from mimica.motion.track import HEAD, Track

OWN = dict.fromkeys(HEAD, 0.0)


def test_parsing() -> None:
    assert parse_pose("yaw=12, pitch=-5") == {"yaw": 12, "pitch": -5} and parse_pose({"roll": 3}) == {"roll": 3}
    assert parse_gaze("x=10,y=-4") == {"gaze_x": 10, "gaze_y": -4} and parse_gaze(None) == {}


@pytest.mark.parametrize("text", ["yaw", "yaw=", "yaw=ten", "yaw=nan", "yaw=91", "jaw=3", "", "yaw=1;pitch=2"])
def test_bad_poses_are_refused(text: str) -> None:
    with pytest.raises(ValueRangeError, match="--pose"):
        parse_pose(text)


@given(st.floats(-45, 45), st.floats(-30, 30))
def test_what_the_photo_shows_is_always_within_the_limits(yaw: float, pitch: float) -> None:
    ranges = limits(OWN | {"yaw": yaw, "pitch": pitch})
    for name, own in (("yaw", yaw), ("pitch", pitch)):
        low, high = ranges[name]
        assert low <= own <= high and high - own <= LIMITS[name] + 1e-9 and own - low <= LIMITS[name] + 1e-9
        assert high <= max(FARTHEST[name], own)


def test_a_warning_names_what_goes_too_far() -> None:
    track = Track.from_keyframes([(0.0, {"yaw": 0.0, "pitch": 0.0}, "linear"), (1.0, {"yaw": 40.0, "pitch": 5.0}, "linear")])
    sentence = beyond(track, OWN)
    assert sentence is not None and "yaw +40" in sentence and "+20" in sentence and "pitch" not in sentence
    assert beyond(Track.from_keyframes([(0.0, {"yaw": 20.0}, "linear")]), OWN) is None


def test_an_engine_that_cannot_is_told() -> None:
    assert "yaw" in (cannot(["yaw", "gaze_x"], "vae", ["AU12L"]) or "") and cannot(["yaw"], "x", ["yaw"]) is None
    assert "move the eyes" in (cannot(["gaze_x"], "vae", []) or "")


def test_looking_at_the_camera() -> None:
    change = look_at_camera(OWN | {"yaw": 12.0, "pitch": -6.0, "gaze_x": -9.0})
    assert change == {"yaw": -12, "pitch": 6, "gaze_x": 9, "gaze_y": 0}
    far = look_at_camera(OWN | {"yaw": 30.0})
    assert far["yaw"] == -20 and far["gaze_x"] == -10, "the eyes do what the head may not"


@given(st.lists(st.floats(-200, 200), min_size=2, max_size=20), st.floats(-10, 10))
def test_soft_limits_keep_the_order_and_the_small(values: list[float], own: float) -> None:
    curve = np.sort(np.array(values))
    bent = softened(curve, own, own - 15, own + 20)
    assert (np.diff(bent) >= -1e-9).all() and bent.min() >= own - 15 and bent.max() <= own + 20
    near = np.abs(curve - own) < 10
    assert np.allclose(bent[near], curve[near])
