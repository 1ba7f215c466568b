"""Expressions over time."""

import pytest

from mimica.errors import ValueRangeError
from mimica.facs import SIDED_AU_NAMES
from mimica.motion.expression import PHOTO, wanted
from mimica.motion.timeline import Moment, evenly, parse, pulse, returning, track

OWN = dict.fromkeys(SIDED_AU_NAMES, 0.25)
HAPPY, SAD, NEUTRAL = wanted("happy"), wanted("sad"), wanted("neutral")


def test_times_and_holds() -> None:
    assert parse("happy@0, sad@1.5-2s, photo@3") == (Moment(0, 0, HAPPY), Moment(1.5, 2, SAD), Moment(3, 3, PHOTO))


def test_starts_from_the_photo_and_stays_until_the_end() -> None:
    assert parse("happy@1", 4) == (Moment(0, 0, PHOTO), Moment(1, 4, HAPPY))


def test_a_loop_comes_back_to_the_first() -> None:
    assert parse("happy@0, sad@2", loop=True)[-1] == Moment(3, 3, HAPPY)
    assert parse("happy@0, sad@2", 5, loop=True)[-1] == Moment(5, 5, HAPPY)
    assert evenly([HAPPY, SAD], 2, loop=True)[-1].expression == HAPPY
    looped = returning(track(parse("happy@0, sad@2"), OWN))
    assert looped.seconds == 3 and looped.sample(0) == looped.sample(3)


def test_names_without_times_are_spread_evenly() -> None:
    moments = parse("happy, sad, neutral", 4)
    assert [m.expression for m in moments] == [HAPPY, SAD, NEUTRAL]
    assert moments[0].start == 0 and moments[1].start < 2 < moments[1].end and moments[2].end == 4
    assert parse("happy, sad")[-1].end == 1.5 and parse("happy, sad", loop=True)[-1].end == 3
    assert parse("happy", 2) == (Moment(0, 2, HAPPY),)


def test_from_one_expression_to_another_without_passing_neutral() -> None:
    curve = track(parse("happy@0, sad@1"), OWN)
    middle = curve.sample(0.5)
    assert middle["AU12L"] == pytest.approx(0.5) and middle["AU15L"] == pytest.approx(0.45)


def test_pulse_goes_there_and_back() -> None:
    curve = track(pulse(HAPPY, 2.0), OWN)
    assert curve.seconds == 2 and curve.sample(0) == OWN == curve.sample(2) == curve.sample(0.1)
    assert curve.sample(0.7) == HAPPY.target(OWN) == curve.sample(1.2)
    assert OWN["AU12L"] < curve.sample(0.5)["AU12L"] < 1


def test_intensity_applies_to_every_moment() -> None:
    assert track(parse("happy@0, sad@1", intensity=0), OWN).sample(0.5) == pytest.approx(OWN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "happy@0,",
        "happy@0, sad",
        "happy@1, sad@0.5",
        "happy@0-1, sad@1",
        "happy@x",
        "happy@2-1",
        "hapy@0",
        "happy@1e9",
        "happy@1..2",
    ],
)
def test_bad_lists(text: str) -> None:
    with pytest.raises(ValueRangeError):
        parse(text)


def test_seconds_shorter_than_the_list() -> None:
    with pytest.raises(ValueRangeError, match="--seconds is 1"):
        parse("happy@0, sad@2", 1.0)
