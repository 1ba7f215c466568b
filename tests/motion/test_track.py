"""Tracks: exact at keyframes, within the keyframes' range between, and what they mean for a face."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import ValueRangeError
from mimica.motion.track import EASINGS, Track

NAMES = ("AU01L", "AU12", "AU45R")
UNIT = st.floats(0, 1)


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    steps = draw(st.lists(st.floats(0.01, 2.0), min_size=1, max_size=6))
    count = len(steps)
    values = draw(st.lists(st.tuples(UNIT, UNIT, UNIT), min_size=count, max_size=count))
    easings = draw(st.lists(st.sampled_from(EASINGS), min_size=count, max_size=count))
    return Track(np.cumsum(steps), NAMES, np.array(values), tuple(easings))


@given(tracks(), st.floats(-1, 20))
def test_values_stay_between_the_neighbouring_keyframes(track: Track, time: float) -> None:
    after = int(np.searchsorted(track.times, time, side="right"))
    around = track.values[max(0, after - 1) : after + 1]
    value = track.at(time)
    assert (value >= around.min(axis=0)).all() and (value <= around.max(axis=0)).all()


@given(tracks())
def test_exact_at_keyframes(track: Track) -> None:
    for time, row in zip(track.times, track.values, strict=True):
        assert np.array_equal(track.at(time), row)


@pytest.mark.parametrize("easing", EASINGS)
def test_easing_never_goes_back(easing: str) -> None:
    track = Track.from_keyframes([(0.0, {"AU12": 0.0}, "linear"), (2.0, {"AU12": 1.0}, easing)])  # type: ignore[list-item]
    curve = np.array([track.at(t)[0] for t in np.linspace(0, 2, 201)])
    assert (np.diff(curve) >= 0).all() and curve[0] == 0 and curve[-1] == 1


def test_easings_are_what_they_are_called() -> None:
    quarter = {
        easing: Track.from_keyframes([(0.0, {"AU12": 0.0}, "linear"), (1.0, {"AU12": 1.0}, easing)]).at(0.25)[0]
        for easing in EASINGS
    }
    assert quarter == {"linear": 0.25, "ease": 0.15625, "ease_in": 0.0625, "ease_out": 0.4375, "hold": 0.0}


@given(tracks(), st.floats(1, 60))
def test_there_are_round_seconds_fps_frames(track: Track, fps: float) -> None:
    assert track.frame_count(fps) == max(1, round(track.seconds * fps))


def test_keyframes_that_leave_a_control_out_keep_it() -> None:
    track = Track.from_keyframes([(0, {"AU01": 0.2}, "linear"), (1, {"AU12": 0.6}, "linear"), (2, {"AU01": 0.4}, "linear")])
    assert track.sample(0) == {"AU12": 0.6, "AU01": 0.2} and track.sample(1)["AU01"] == 0.2 and track.sample(2)["AU12"] == 0.6


def test_shift_stretch_and_concat() -> None:
    rise = Track.from_keyframes([(0, {"AU01": 0.0, "AU12": 0.0}, "linear"), (1, {"AU01": 0.0, "AU12": 1.0}, "linear")])
    other = Track.from_keyframes([(5, {"AU12": 0.5, "AU01": 1.0}, "linear"), (6, {"AU12": 0.5, "AU01": 1.0}, "linear")])
    assert rise.shifted(2).sample(2.5)["AU12"] == 0.5 and rise.stretched(4).sample(2)["AU12"] == 0.5
    both = rise.concat(other, pause=2)
    assert both.seconds == 4 and both.sample(2) == {"AU01": 0.5, "AU12": 0.75} and both.sample(4) == {"AU01": 1, "AU12": 0.5}
    jump = rise.concat(other)
    assert jump.sample(0.999)["AU12"] > 0.99 and jump.sample(1)["AU12"] == 0.5
    with pytest.raises(ValueRangeError, match="same controls"):
        rise.concat(Track.from_keyframes([(0, {"AU12": 0.0}, "linear")]))


def test_laying_one_over_another() -> None:
    face = Track.from_keyframes([(0, {"AU12": 0.4, "AU45": 0.3}, "linear"), (1, {"AU12": 0.4, "AU45": 0.3}, "linear")])
    blink = Track.from_keyframes([(0.4, {"AU45": 0.0}, "linear"), (0.47, {"AU45": 1.0}, "ease"), (0.6, {"AU45": 0.0}, "ease")])
    laid = face.max_with(blink)
    assert laid.sample(0.47) == {"AU12": 0.4, "AU45": 1.0} and laid.sample(0.2)["AU45"] == 0.3
    assert face.plus(blink).sample(0.47)["AU45"] == 1.0
    assert face.blend(blink, 0.5).sample(0.47)["AU45"] == pytest.approx(0.65)
    with pytest.raises(ValueRangeError, match="AU12"):
        blink.max_with(face)


OWN = {"AU12L": 0.7, "AU12R": 0.1, "AU45L": 0.2, "AU45R": 0.2, "yaw": 5.0}


def test_absolute_track_for_a_face_keeps_what_it_leaves_out() -> None:
    track = Track.from_keyframes([(0, {"AU12": 0.5, "AU12R": 0.3}, "linear")])
    assert track.resolve(OWN).sample(0) == {"AU12L": 0.5, "AU12R": 0.3, "AU45L": 0.2, "AU45R": 0.2, "yaw": 5.0}


def test_relative_track_is_added_to_the_face_and_clipped() -> None:
    track = Track.from_keyframes([(0, {"AU12": 0.5, "AU45L": -0.5, "yaw": 10.0}, "linear")], relative=True)
    assert track.resolve(OWN).sample(0) == {"AU12L": 1.0, "AU12R": 0.6, "AU45L": 0.0, "AU45R": 0.2, "yaw": 15.0}


def test_relative_to_a_reference() -> None:
    driving = Track.from_keyframes([(0, {"AU12": 0.25}, "linear"), (1, {"AU12": 1.0}, "linear")])
    change = driving.relative_to(driving.sample(0))
    assert change.relative and change.sample(1) == {"AU12": 0.75}


def test_resolve_names_what_the_face_lacks() -> None:
    with pytest.raises(ValueRangeError, match="AU26"):
        Track.from_keyframes([(0, {"AU26": 0.5}, "linear")]).resolve(OWN)


@pytest.mark.parametrize(
    ("controls", "relative"),
    [({"AU12": 1.1}, False), ({"AU12": -0.1}, False), ({"AU12": float("nan")}, True), ({"AU99": 0}, False)],
)
def test_illegal_values_and_names(controls: dict[str, float], relative: bool) -> None:
    with pytest.raises(ValueRangeError):
        Track.from_keyframes([(0, controls, "linear")], relative=relative)


def test_times_must_not_fall_and_easings_must_exist() -> None:
    with pytest.raises(ValueRangeError, match="never fall"):
        Track.from_keyframes([(1, {"AU12": 0}, "linear"), (0, {"AU12": 0}, "linear")])
    with pytest.raises(ValueRangeError, match="'ease'"):
        Track.from_keyframes([(1, {"AU12": 0}, "eas")])  # type: ignore[list-item]
    with pytest.raises(ValueRangeError, match="rate"):
        Track.from_keyframes([(1, {"AU12": 0}, "linear")]).frame_count(0)


def test_a_track_cannot_be_changed() -> None:
    times = np.array([0.0, 1.0])
    track = Track.dense(times, ("AU12",), np.zeros((2, 1)))
    times[0] = 0.5
    assert track.start == 0
    with pytest.raises(ValueError, match="read-only"):
        track.values[0] = 1
