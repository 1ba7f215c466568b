"""Two of a turned frame's steps at a time: one more thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")


def both(first: Callable[[], R], second: Callable[[], S]) -> tuple[R, S]:
    """The results of two steps that do not need each other."""
    later = _helper().submit(second)
    return first(), later.result()


def beside(work: Callable[[T], R], given: Iterable[T]) -> list[R]:
    """The results of `work` for all that is given, half of it in a second thread."""
    every = list(given)
    half = (len(every) + 1) // 2
    later = [_helper().submit(work, one) for one in every[half:]]
    return [work(one) for one in every[:half]] + [one.result() for one in later]


@lru_cache(1)
def _helper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "pose")


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_helper.cache_clear)  # threads do not come along
