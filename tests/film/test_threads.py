"""Stages that run beside each other keep order, pass errors on, and end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mimica.film.threads import ahead, spread


def test_order_is_kept() -> None:
    assert list(ahead(range(50))) == list(range(50))
    assert list(spread(ahead(range(50)), lambda n: n * n)) == [n * n for n in range(50)]
    assert list(ahead([])) == []


def test_what_is_raised_in_a_stage_is_raised_here() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise KeyError("two")

    made = ahead(ahead(pieces()))
    assert next(made) == 1
    with pytest.raises(KeyError, match="two"):
        next(made)


def test_a_closed_line_closes_what_feeds_it() -> None:
    closed, before = list[bool](), threading.active_count()

    def pieces() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    made = ahead(ahead(pieces()))
    assert next(made) == 0
    made.close()
    assert closed == [True] and threading.active_count() == before


def test_it_is_never_far_ahead() -> None:
    asked = list[int]()

    def pieces() -> Iterator[int]:
        for number in range(100):
            asked.append(number)
            yield number

    made = ahead(pieces(), 2)
    assert [next(made) for _ in range(3)] == [0, 1, 2]
    made.close()
    assert len(asked) <= 6
