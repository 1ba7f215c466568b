"""Many tasks, several processes: results as they are finished, progress as it is made.

Processes are spawned, not forked, so that it is the same on every system and no thread of a library is caught in the
middle; a script that starts them needs the usual `if __name__ == "__main__":`. Workers end by themselves if the process
that started them is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from mimica.errors import UserError
from mimica.jobs.cores import cores as cores

Item = TypeVar("Item")
Result = TypeVar("Result")
Tick = Callable[[float, int], None]
"""Called with how much of a task is done more than before (1 is one task) and how many pictures that were."""

_AHEAD = 4
"""Tasks a worker has waiting for it."""
_PATIENCE = 0.2
"""Seconds between two looks at the progress."""


class Stopped(Exception):
    """Raised by the tick in a worker when the job has been given up."""


@dataclass(frozen=True)
class Done(Generic[Item, Result]):
    task: Item
    result: Result


def run(
    tasks: Iterable[Item], make_work: Callable[[], Callable[[Item, Tick], Result]], jobs: int, progress: Tick
) -> Iterator[Done[Item, Result]]:
    """Does the tasks in `jobs` processes (1: in this one), in any order. `make_work` makes what does a task, once in each
    process; it, tasks and results must be picklable. `progress` is called in this process. An exception of a task ends it
    all and is raised here. Raises `UserError` if a worker is killed."""
    if jobs == 1:
        work = make_work()
        for task in tasks:
            yield Done(task, work(task, progress))
        return
    context = multiprocessing.get_context("spawn")
    shared = _Shared(context)
    executor = ProcessPoolExecutor(jobs, context, _start_worker, (make_work, shared))
    try:
        yield from _finished(executor, iter(tasks), jobs, shared, progress)
    except BrokenProcessPool as error:
        raise UserError(
            "A worker process was ended from outside, for want of memory perhaps: run the same command again to go on, with "
            "fewer --jobs."
        ) from error
    finally:
        shared.stop.set()
        executor.shutdown(cancel_futures=True)


def _finished(
    executor: ProcessPoolExecutor, tasks: Iterator[Item], jobs: int, shared: _Shared, progress: Tick
) -> Iterator[Done[Item, Any]]:
    running: dict[Future[Any], Item] = {}
    while True:
        for task in islice(tasks, _AHEAD * jobs - len(running)):
            running[executor.submit(_work, task)] = task
        if not running:
            return
        finished, _ = wait(running, _PATIENCE, FIRST_COMPLETED)
        progress(*shared.taken())
        for future in finished:
            yield Done(running.pop(future), future.result())


class _Shared:
    """What workers tell the process that started them, and the reverse."""

    def __init__(self, context: Any) -> None:
        self.stop = context.Event()
        self._amounts = context.Array("d", 2)

    def tick(self, part: float, pictures: int) -> None:
        if self.stop.is_set():
            raise Stopped
        with self._amounts:
            self._amounts[0] += part
            self._amounts[1] += pictures

    def taken(self) -> tuple[float, int]:
        """What has come in since this was last asked."""
        with self._amounts:
            part, pictures = self._amounts[:]
            self._amounts[:] = (0.0, 0.0)
        return part, int(pictures)


# --- in a worker ----------------------------------------------------------------------------------------------------

_here: tuple[Callable[[Any, Tick], Any], Tick] | None = None
"""The work and the tick of this worker process."""


def _start_worker(make_work: Callable[[], Callable[[Any, Tick], Any]], shared: _Shared) -> None:
    global _here
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the starting process hears it too, and says when to stop
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _here = make_work(), shared.tick


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: Any) -> Any:
    if _here is None:
        raise RuntimeError("a worker was not started by _start_worker")
    work, tick = _here
    return work(task, tick)
