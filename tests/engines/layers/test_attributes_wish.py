"""What one may ask of the attributes that are drawn: names, options, doses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.engines.controls import describe
from mimica.engines.ganimation.edit import load
from mimica.engines.layers.wear import asked_of, together
from mimica.errors import ValueRangeError
from mimica.face.attributes import KINDS, NAMES, read, split, wish_of
from mimica.motion.expression import parse_attributes


def test_options_belong_to_the_attribute_before_them() -> None:
    doses = parse_attributes("glasses=1:round,gold,hair=0.5:blond,age=-1")
    assert doses == {"glasses:round,gold": 1.0, "hair:blond": 0.5, "age": -1.0}
    age, hair, glasses = wish_of(doses)
    assert (age.name, hair.name, glasses.name) == ("age", "hair", "glasses"), "in the order in which they are put on"
    assert glasses["shape"] == "round" and glasses["frame"] == "gold" and hair["colour"] == "blond"
    assert read("glasses:gold", 1)["shape"] == "wayfarer" and read("glasses:gold", 1)["frame"] == "gold"


def test_text_without_options_is_read_as_before() -> None:
    assert parse_attributes("smile=1.5,smile=0.5,age=-1") == {"smile": 2.0, "age": -1.0}
    with pytest.raises(ValueRangeError, match="cannot read 'gold'"):
        parse_attributes("age=1,gold")


@pytest.mark.parametrize(
    "doses, words",
    [
        ({"glases": 1.0}, "did you mean 'glasses'"),
        ({"glasses:square": 1.0}, "'square' is no option of the attribute 'glasses'"),
        ({"glasses:round,oval": 1.0}, "'oval' is no option"),
        ({"rosy:red": 1.0}, "it has no options"),
        ({"beard": 1.6}, "legal is 0 to 1.5"),
        ({"beard": -0.1}, "legal is 0 to 1.5"),
        ({"glasses": 1.0, "sunglasses": 0.5}, "cannot be worn at once"),
    ],
)
def test_what_there_is_not_is_refused(doses: dict[str, float], words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        wish_of(doses)


@given(st.dictionaries(st.sampled_from([n for n in NAMES if n != "sunglasses"]), st.floats(0, 1)), st.floats(0, 1.5))
def test_a_wish_holds_what_has_a_dose_and_no_more_than_its_range(doses: dict[str, float], intensity: float) -> None:
    wish = wish_of(doses, intensity)
    assert {worn.name for worn in wish} == {name for name, dose in doses.items() if intensity * dose}
    assert [worn.name for worn in wish] == sorted((worn.name for worn in wish), key=NAMES.index)
    assert all(KINDS[worn.name].low <= worn.dose <= KINDS[worn.name].high for worn in wish)


def test_of_two_wishes_the_later_counts() -> None:
    first, then = wish_of({"beard": 1.0, "glasses:round": 1.0}), wish_of({"glasses:cat": 0.5})
    assert [worn.key for worn in together(first, then)] == ["beard", "glasses:cat"]


def test_a_page_offers_them_beside_the_controls_of_an_engine_without_attributes() -> None:
    offered = [control for control in describe(load()) if control.group == "attributes"]
    assert [control.name for control in offered] == list(NAMES)
    choices = {control.name: dict(control.choices) for control in offered}
    assert "bare" in choices["hair"]["head"] and choices["glasses"]["shape"][:2] == ("wayfarer", "round") and not choices["age"]
    assert split({"AU12L": 1.0, "glasses:round,gold": 1.0}) == ({"AU12L": 1.0}, {"glasses:round,gold": 1.0})


class _Own:
    name, controls, attributes = "own", ("age",), ("age",)


def test_an_engine_with_attributes_takes_them_itself() -> None:
    assert asked_of(_Own(), {"age": 1.0}, 0.5) == ({"age": 0.5}, ())  # type: ignore[arg-type]
    with pytest.raises(ValueRangeError, match="no attribute 'glasses:round'"):
        asked_of(_Own(), {"glasses:round": 1.0})  # type: ignore[arg-type]
    assert asked_of(load(), {"age": 1.0}, 0.5) == ({}, wish_of({"age": 0.5}))
