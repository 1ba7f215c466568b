"""One more thread for a frame: what does not wait for the rest of it is worked out beside it, where a core is free for that."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TypeVar

from mimica.jobs.cores import cores

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


@lru_cache(1)
def _helper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "painter")


class _Frames:
    """How many frames are being rendered at this moment."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.count, self.lock = 0, threading.Lock()

    def add(self, number: int) -> None:
        with self.lock:
            self.count += number


_frames = _Frames()


def _begin_anew() -> None:
    """In a forked process: threads do not come along, nor do the frames that they render."""
    _helper.cache_clear()
    _frames.forget()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def rendered() -> Iterator[None]:
    """A frame is rendered within the block."""
    _frames.add(1)
    try:
        yield
    finally:
        _frames.add(-1)


def beside(work: Callable[..., R], *given: object) -> Callable[[], R]:
    """Has `work(*given)` done in the other thread; what comes back is asked for its result once. It is done here, when that is
    asked, where frames keep all cores busy, or where the other thread has not begun with it by then."""
    if _frames.count >= cores():
        return partial(work, *given)
    begun = _helper().submit(work, *given)

    def result() -> R:
        return work(*given) if begun.cancel() else begun.result()

    return result


def both(first: Callable[[], R], second: Callable[[], S]) -> tuple[R, S]:
    """The results of two steps that do not need each other."""
    later = beside(second)
    return first(), later()


def halved(work: Callable[[T], R], given: Iterable[T]) -> list[R]:
    """The results of `work` for all that is given, half of it in the other thread."""
    every = list(given)
    half = (len(every) + 1) // 2
    done, rest = both(lambda: [work(one) for one in every[:half]], lambda: [work(one) for one in every[half:]])
    return done + rest
