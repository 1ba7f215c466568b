"""One more thread for a frame: what does not wait for the rest of it is worked out beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

R = TypeVar("R")


@lru_cache(1)
def _helper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "painter")


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_helper.cache_clear)  # threads do not come along


def beside(work: Callable[..., R], *given: object) -> Callable[[], R]:
    """Has `work(*given)` done in the other thread; what comes back is asked for its result once. Where the other thread has not
    begun with it by then (another frame has given it something to do), it is done here."""
    begun = _helper().submit(work, *given)

    def result() -> R:
        return work(*given) if begun.cancel() else begun.result()

    return result
