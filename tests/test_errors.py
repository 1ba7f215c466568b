"""Sentences repeat what they are given in one short line."""

from __future__ import annotations

import pytest

from mimica.errors import MOST, DataError, UserError, nearest, shown


def test_short_text_stays_and_long_text_loses_its_middle() -> None:
    assert shown("a photo.jpg") == "a photo.jpg"
    long = shown("a" * 200 + "/end.jpg")
    assert len(long) == MOST and long.startswith("aaa") and long.endswith("/end.jpg") and "…" in long


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\u2028b", "a\x00b", "a\u202eb", "a\udcffb"])
def test_control_characters_do_not_reach_the_terminal(text: str) -> None:
    for line in (shown(text), str(UserError(f"'{text}' is wrong: {text}."))):
        assert line.isprintable() and "\n" not in line
        line.encode("utf-8")


def test_a_sentence_repeats_no_more_than_a_line() -> None:
    for argument in ("x" * 5000, "x y " * 2000, "x\n" * 900):
        sentence = str(DataError(f"'{argument}' is no number; give one of 'a', 'b'."))
        assert len(sentence) < MOST + 60 and sentence.endswith("is no number; give one of 'a', 'b'.")
    word = str(DataError(f"There is no file {'/very/long' * 40}/x.jpg."))
    assert len(word) < MOST + 30 and word.endswith("x.jpg.")


def test_nearest_names_one_that_is_near() -> None:
    assert nearest("hapiness", ["happiness", "anger"]) == "; did you mean 'happiness'?"
    assert nearest("qqq", ["happiness"]) == ""
