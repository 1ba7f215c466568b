"""What a film's face is to show: laid over what the frame shows, or in place of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import ValueRangeError
from mimica.facs import SIDED_AU_NAMES
from mimica.film.aims import GIVES_WAY, ExpressionAim, MotionAim, TrackAim, laid_over
from mimica.film.wish import only_of
from mimica.motion.expression import wanted
from mimica.motion.script.script import parse
from mimica.motion.track import HEAD, Track

OWN = {**dict.fromkeys(SIDED_AU_NAMES, 0.1), **dict.fromkeys(HEAD, 0.0), "AU25L": 0.5, "AU26L": 0.4, "AU45L": 0.8, "yaw": 5.0}


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_an_expression_keeps_the_order_of_what_is_said(low: float, high: float, part: float) -> None:
    """A mouth that opens further in the film opens further in the result, within the legal range."""
    low, high = sorted((low, high))
    pattern = dict.fromkeys(SIDED_AU_NAMES, 0.0) | {"AU25L": part}
    shut, open_ = (laid_over({**OWN, "AU25L": value}, pattern)["AU25L"] for value in (low, high))
    assert 0 <= shut <= open_ <= 1 and shut >= low and open_ >= high


def test_a_smile_is_laid_over_speech_and_blinks() -> None:
    shown = ExpressionAim(wanted("happy:0.6"))(0.0, OWN)
    assert shown["AU12L"] == pytest.approx(0.1 + 0.6 * 0.9) and shown["AU25L"] == pytest.approx(0.5 + 0.45 * 0.5)
    assert shown["AU26L"] == 0.4 and shown["AU45L"] == 0.8, "what it leaves at rest goes on"
    assert shown["AU04L"] == pytest.approx(0.1 * (1 - 0.6 * GIVES_WAY)), "but brows give way"


def test_absolute_shows_the_expression_and_keeps_blinks() -> None:
    shown = ExpressionAim(wanted("happy:0.6"), absolute=True)(0.0, OWN)
    assert shown["AU12L"] == pytest.approx(0.6) and shown["AU26L"] == 0 and shown["AU45L"] == 0.8
    assert ExpressionAim(wanted(au="45=0"), absolute=True)(0.0, OWN)["AU45L"] == 0, "unless lids are asked for"


def test_units_are_added_held_or_laid_over() -> None:
    shown = ExpressionAim(wanted(au="12+=0.4,1=0.7,25=0.5"))(0.0, OWN)
    assert shown["AU12L"] == pytest.approx(0.5) and shown["AU01L"] == 0.7 and shown["AU25L"] == pytest.approx(0.75)


@pytest.mark.parametrize("asked", [{"expression": "happy:0"}, {"au": "12+=0"}, {"expression": "angry", "intensity": 0.0}])
def test_nothing_asked_changes_nothing(asked: dict[str, object]) -> None:
    shown = ExpressionAim(wanted(**asked))(0.0, OWN)  # type: ignore[arg-type]
    assert {name: value for name, value in shown.items() if value != OWN[name]} == {}


def test_a_script_runs_on_the_films_clock() -> None:
    script = parse("hold 1s\nAU12L 0.5 with turn left 8 over 1s\nphoto over 1s")
    aim = MotionAim(script.track, only_of("mouth"))
    assert aim(0.5, OWN)["AU12L"] == OWN["AU12L"] and aim(2.0, OWN)["AU12L"] == pytest.approx(0.1 + 0.5 * 0.9)
    assert aim(2.0, OWN).get("yaw", 5.0) == 5.0, "pose is no part that was asked for"
    assert MotionAim(script.track)(2.0, OWN)["yaw"] != 5.0
    assert aim(9.0, OWN)["AU12L"] == OWN["AU12L"]
    assert MotionAim(script.track, absolute=True)(2.0, OWN)["AU12L"] == pytest.approx(0.5)


def test_relative_tracks_are_added() -> None:
    track = Track(np.array([0.0]), ("AU12L", "AU26L"), np.array([[0.3, -0.9]]), ("linear",), relative=True)
    shown = MotionAim(lambda own: track)(1.0, OWN)
    assert shown["AU12L"] == pytest.approx(0.4) and shown["AU26L"] == 0


def test_a_driver_takes_the_place_of_what_the_film_shows_and_gives_it_back() -> None:
    track = Track.dense(np.array([3.0, 4.0]), ("AU26L", "yaw", "AU12L"), np.array([[0.9, 12.0, 0.7], [0.9, 12.0, 0.7]]))
    aim = TrackAim(track, {"yaw": 10.0}, frozenset(("AU26L", "yaw")))
    assert aim(0.5, OWN) == pytest.approx({"AU26L": 0.9, "yaw": 7.0}), "the head moves as it does, and the driver's change on top"
    assert aim(0.9, OWN)["AU26L"] == pytest.approx(0.65) and aim(2.0, OWN)["AU26L"] == 0.4


def test_parts_have_names() -> None:
    assert only_of(None) is None and "yaw" in (only_of("pose") or ())
    with pytest.raises(ValueRangeError, match="mouth"):
        only_of("mouht")
