"""Expression requests: parsing, mixtures, changes by Action Unit, intensity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import ValueRangeError
from mimica.facs import SIDED_AU_NAMES, emotion_controls
from mimica.motion.expression import PHOTO, parse_changes, parse_emotions, wanted

OWN = dict.fromkeys(SIDED_AU_NAMES, 0.25)


def test_an_emotion_sets_every_action_unit() -> None:
    assert wanted("happy").target(OWN) == emotion_controls("happiness")
    assert wanted("neutral").target(OWN) == dict.fromkeys(SIDED_AU_NAMES, 0.0)


def test_a_mixture_is_the_sum_of_scaled_recipes() -> None:
    target = wanted("happy:0.6+surprised:0.4").target(OWN)
    assert target["AU12L"] == pytest.approx(0.6) and target["AU01R"] == pytest.approx(0.36)
    assert target["AU25L"] == pytest.approx(0.6 * 0.75 + 0.4 * 0.5)
    assert wanted({"happy": 0.6, "surprise": 0.4}).target(OWN) == target
    assert parse_emotions("happy+sad") == (("happiness", 0.5), ("sadness", 0.5))
    assert wanted("happy:1+surprised:1").target(OWN)["AU25L"] == 1.0


def test_action_units_alone_leave_the_rest_as_the_photo_shows_them() -> None:
    target = wanted(au="12=0.8, 6L+=0.3, AU45R-=0.5").target(OWN)
    changed = {name: value for name, value in target.items() if value != 0.25}
    assert changed == pytest.approx({"AU12L": 0.8, "AU12R": 0.8, "AU06L": 0.55, "AU45R": 0.0})


def test_action_units_on_top_of_an_emotion() -> None:
    target = wanted("happy", {12: 0.2, "45L": 1.0}).target(OWN)
    assert target == emotion_controls("happiness") | {"AU12L": 0.2, "AU12R": 0.2, "AU45L": 1.0}


@given(st.floats(0, 1.5), st.dictionaries(st.sampled_from(SIDED_AU_NAMES), st.floats(0, 1)))
def test_intensity_goes_from_the_photo_to_the_target_and_beyond(intensity: float, shown: dict[str, float]) -> None:
    own = OWN | shown
    target = wanted("angry", intensity=intensity).target(own)
    full = emotion_controls("anger")
    for name in SIDED_AU_NAMES:
        assert 0 <= target[name] <= 1
        assert target[name] == pytest.approx(min(1, max(0, own[name] + intensity * (full[name] - own[name]))))
    assert wanted("angry", intensity=0).target(own) == own and wanted("angry", intensity=1).target(own) == full
    assert PHOTO.target(own) == own


@pytest.mark.parametrize("text", ["happpy", "happy:2", "happy:x", "happy:nan", "happy:-1", "happy+", "", ":0.5", "happy:0.5:0.5"])
def test_bad_expressions(text: str) -> None:
    with pytest.raises(ValueRangeError):
        parse_emotions(text)


def test_an_unknown_expression_suggests_the_nearest() -> None:
    with pytest.raises(ValueRangeError, match="happy"):
        parse_emotions("hapy")


@pytest.mark.parametrize("text", ["", "12", "12=", "12=1.1", "12=-0.1", "12=nan", "99=0.5", "12=0.5;6=0.5", "12M=0.5", "12=0.5,"])
def test_bad_action_units(text: str) -> None:
    with pytest.raises(ValueRangeError):
        parse_changes(text)


def test_bad_action_units_name_the_flag_and_the_range() -> None:
    with pytest.raises(ValueRangeError, match=r"Action Unit 12 in --au is 1.5; legal is 0 to 1"):
        parse_changes("12=1.5")


@pytest.mark.parametrize("intensity", [-0.1, 1.6, float("nan"), float("inf")])
def test_bad_intensity(intensity: float) -> None:
    with pytest.raises(ValueRangeError, match="intensity"):
        wanted("happy", intensity=intensity)


def test_nothing_wanted_and_bad_mappings() -> None:
    with pytest.raises(ValueRangeError, match="--expression"):
        wanted()
    with pytest.raises(ValueRangeError, match="weight"):
        wanted({"happy": 3.0})
    with pytest.raises(ValueRangeError, match="Action Unit 12"):
        wanted(au={12: 5.0})
