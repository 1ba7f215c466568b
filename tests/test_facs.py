"""Action Units by name: parsing, sides, mirror, vectors, recipes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica import facs
from mimica.errors import ValueRangeError


def test_the_17_units_of_openface_in_order():
    assert facs.AU_NUMBERS == (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)
    assert facs.AU_NAMES[0] == "AU01" and facs.AU_NAMES[-1] == "AU45"
    assert facs.SIDED_AU_NAMES[0] == "AU01L" and facs.SIDED_AU_NAMES[17] == "AU01R" and len(facs.SIDED_AU_NAMES) == 34


@pytest.mark.parametrize(
    ("text", "name"), [("12", "AU12"), ("au12", "AU12"), ("AU12l", "AU12L"), ("1", "AU01"), ("AU01R", "AU01R"), (" 45 ", "AU45")]
)
def test_controls_are_parsed(text, name):
    assert facs.parse_control(text) == name


@pytest.mark.parametrize("text", ["3", "AU99", "", "12X", "L12", "smile", "-1", "AU012345"])
def test_unknown_controls_are_refused(text):
    with pytest.raises(ValueRangeError, match="no Action Unit"):
        facs.parse_control(text)


@pytest.mark.parametrize(
    ("text", "key"), [("happy", "happiness"), ("Happily surprised", "happily_surprised"), ("sadly-angry", "sadly_angry")]
)
def test_emotions_are_parsed(text, key):
    assert facs.parse_emotion(text) == key


def test_a_misspelt_emotion_gets_the_nearest():
    with pytest.raises(ValueRangeError, match="did you mean 'surprised'"):
        facs.parse_emotion("surprisd")
    with pytest.raises(ValueRangeError, match="The expressions are neutral"):
        facs.parse_emotion("xyzzy")


def test_recipes_hold_known_units_in_range():
    for recipe in facs.RECIPES.values():
        assert set(recipe) <= set(facs.AU_NUMBERS)
        assert all(0 < value <= 1 for value in recipe.values())
    assert set(facs.EMOTIONS) <= set(facs.RECIPES)
    assert len(facs.RECIPES) == 8 + 15, "basic, neutral, contempt and the 15 compound emotions"
    assert set(facs.ALIASES.values()) <= set(facs.RECIPES)


def test_emotion_controls_are_absolute_and_scaled():
    happy = facs.emotion_controls("happy", 0.5)
    assert list(happy) == list(facs.SIDED_AU_NAMES)
    assert happy["AU12L"] == happy["AU12R"] == 0.5
    assert happy["AU04L"] == 0
    assert max(facs.emotion_controls("anger", 1.5).values()) == 1.0
    assert not any(facs.emotion_controls("happy", 0).values())


def test_contempt_is_one_sided():
    contempt = facs.emotion_controls("contempt")
    assert contempt["AU14L"] == 1 and contempt["AU14R"] == 0


@pytest.mark.parametrize("intensity", [-0.1, 1.6, float("nan")])
def test_intensity_out_of_range(intensity):
    with pytest.raises(ValueRangeError, match="outside 0 to"):
        facs.emotion_controls("happy", intensity)


values = st.dictionaries(st.sampled_from(facs.SIDED_AU_NAMES), st.floats(0, 1))


@given(values)
def test_a_mirror_twice_is_none(controls):
    assert facs.mirror(facs.mirror(controls)) == controls


def test_a_mirror_swaps_sides():
    assert facs.mirror({"AU12L": 0.2, "AU04": 0.5}) == {"AU12R": 0.2, "AU04": 0.5}


@given(st.dictionaries(st.sampled_from(facs.AU_NAMES), st.floats(0, 1)))
def test_sides_and_back(controls):
    back = facs.without_sides(facs.with_sides(controls))
    assert back == pytest.approx(controls)


def test_a_sided_value_wins():
    assert facs.with_sides({"AU12L": 0.1, "AU12": 0.7}) == {"AU12L": 0.1, "AU12R": 0.7}


@given(st.lists(st.floats(0, 1, width=32), min_size=34, max_size=34))
def test_vectors_by_name(vector):
    named = facs.to_dict(vector, facs.SIDED_AU_NAMES)
    shuffled = dict(reversed(named.items()))
    assert np.array_equal(facs.to_vector(shuffled, facs.SIDED_AU_NAMES), np.float32(vector))


def test_a_missing_name_is_an_error():
    with pytest.raises(ValueRangeError, match="AU12L"):
        facs.to_vector({"AU12R": 1.0}, ["AU12L", "AU12R"])
    with pytest.raises(ValueError, match="zip"):
        facs.to_dict([0.1], ["AU12L", "AU12R"])


@given(st.floats(0, 1))
def test_the_openface_scale(value):
    assert facs.from_openface(facs.to_openface(value)) == pytest.approx(value)
    assert facs.from_openface(7) == 1 and facs.from_openface(-1) == 0
