"""Stages of work that run beside each other, a few pieces ahead, in order; each piece is in memory only between two stages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")
_END = object()


def ahead(pieces: Iterable[T], depth: int = 2) -> Generator[T, None, None]:
    """The pieces, made in a thread of their own, at most `depth` ahead. What is raised there is raised here; when this iterator
    is closed, so is the one that makes them."""
    source = iter(pieces)
    pool = ThreadPoolExecutor(1)
    try:
        coming: deque[Future[Any]] = deque(pool.submit(next, source, _END) for _ in range(depth))
        while (piece := coming.popleft().result()) is not _END:
            coming.append(pool.submit(next, source, _END))
            yield piece
    finally:
        pool.shutdown(cancel_futures=True)
        if isinstance(source, Generator):
            source.close()


def spread(pieces: Iterable[T], work: Callable[[T], R], workers: int = 2) -> Generator[R, None, None]:
    """`work` done on each piece, `workers` of them at a time, in order."""
    with ThreadPoolExecutor(workers) as pool:
        coming: deque[Future[R]] = deque()
        for piece in pieces:
            coming.append(pool.submit(work, piece))
            if len(coming) > workers:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
