"""A job in parts whose work needs no models: started, killed and shared by the tests of shards.

python shard_job.py FOLDER COUNT SECONDS PROCESSES
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mimica.errors import ImageError
from mimica.jobs.part_files import PartFiles
from mimica.jobs.part_tables import Column
from mimica.jobs.shards import Job, Part, Processes, Tell, cut, run
from mimica.jobs.workers import Tick

COLUMNS = (Column("input", "text"), Column("square"), Column("number", "whole"))


class Squares:
    """Squares of numbers, two rows for multiples of ten; multiples of seven cannot be read. Notes each call in `calls`."""

    def __init__(self, seconds: float = 0.0, calls: Path | None = None) -> None:
        self.seconds, self.calls = seconds, calls

    def __call__(self, item: int, files: PartFiles, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        time.sleep(self.seconds)
        if self.calls is not None:
            with self.calls.open("a") as file:
                file.write(f"{item}\n")
        if item % 7 == 0:
            raise ImageError(f"{item} is damaged.")
        for _ in range(2 if item % 10 == 0 else 1):
            yield [str(item), repr(item * item / 4), str(item)]
        files.add(f"{item:04d}.txt", b"%d" % item)
        tick(1.0, 1)


def job(seconds: float = 0.0, form: str = "csv", calls: Path | None = None) -> Job:
    return Job("squares", {"seconds": seconds}, COLUMNS, partial(Squares, seconds, calls), form, makes="tar")


def parts(count: int, size: int = 5) -> list[Part]:
    return list(cut(range(count), size))


def expected(count: int) -> list[int]:
    """The numbers of all rows, in order."""
    return [i for i in range(count) if i % 7 for _ in range(2 if i % 10 == 0 else 1)]


if __name__ == "__main__":
    print(run(Path(sys.argv[1]), job(float(sys.argv[3])), parts(int(sys.argv[2])), Processes(int(sys.argv[4]))))
