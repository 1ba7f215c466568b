"""Lists of any length, cut into parts: one function does a part, and several drivers call it.

A folder holds what was done:

    job.json                 what the job is: its kind, settings, columns, format, inputs and parts
    part-00007.parquet       the rows of a part (or .csv), in the order of its inputs
    part-00007.errors.parquet  a row for each input that gave none: its name and the sentence that says why
    part-00007.tar           where the work makes files: those of the part (WebDataset), or a folder part-00007

A part is done whole or not at all: its files are written under other names, then renamed, the rows last; a part whose rows are
there is done and is never begun again. Whoever does a part gives the same bytes, so it does no harm if two do it at once, which
happens where a machine was taken for dead. That is all the agreement that machines need: a folder that all of them see.

`do_part` is the function. `Processes` calls it in processes of this machine, `Share` in one of n jobs of a queue (parts i, i + n,
i + 2 n ...), `mimica.jobs.on_ray.Cluster` on the machines of a Ray cluster.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from mimica.errors import DataError, ImageError, NoFaceError, UserError, ValueRangeError, VideoError
from mimica.files import atomic_path, sweep_once, writing
from mimica.jobs import workers
from mimica.jobs.part_files import Kind, PartFiles
from mimica.jobs.part_tables import Column, count_rows, open_table

TOLD: tuple[type[UserError], ...] = (ImageError, VideoError, NoFaceError, ValueRangeError, DataError)
"""Errors of an input, which become rows; any other ends the job: a full disk, missing weights."""
ERRORS = (Column("input", "text"), Column("why", "text"))
ABOUT = "job.json"
PART = 200
"""Inputs of a part: seconds to a minute of one core, which is what a kill costs."""
Progress = Callable[[float, int, int], None]
"""Called with (inputs done, with parts of one; inputs in all; pictures read now)."""
Tell = Callable[[str, str], None]
"""Called with (input, why)."""


class Work(Protocol):
    """What is done with an input: yields rows of text cells. `files` takes files that the work makes; `tell` the name and the
    reason of what was left out, a row of the errors each. Raises errors of `TOLD` for an input that cannot be used."""

    def __call__(self, item: Any, files: PartFiles, tell: Tell, tick: workers.Tick, /) -> Iterable[Sequence[str]]: ...


@dataclass(frozen=True)
class Job:
    """kind, settings  what is done, in JSON's types: a folder of another job is refused
    columns         of the rows
    make_work       makes the work, once in each process; picklable
    format          of the tables, "parquet" or "csv"
    makes           files of a part: "" for none, "tar" for one, "folder" for one with files
    """

    kind: str
    settings: dict[str, Any]
    columns: tuple[Column, ...]
    make_work: Callable[[], Work]
    format: str = "parquet"
    makes: Kind = ""


@dataclass(frozen=True)
class Part:
    """Some of the inputs, which are picklable and whose `str` is their name."""

    number: int
    items: tuple[Any, ...]

    def path(self, folder: Path, suffix: str) -> Path:
        return folder / f"part-{self.number:05d}{suffix}"


@dataclass(frozen=True)
class Totals:
    """Parts of this run and how many of them an earlier run had done; inputs, rows and errors of them all."""

    parts: int
    kept: int
    inputs: int
    rows: int
    errors: int

    def __str__(self) -> str:
        kept = f" ({self.kept} of them in an earlier run)" if self.kept else ""
        return f"{self.parts} parts{kept}: {self.inputs} inputs, {self.rows} rows, {self.errors} errors."

    @property
    def complete(self) -> bool:
        return not self.errors

    def as_object(self) -> dict[str, Any]:
        """In JSON's types."""
        return {**vars(self), "complete": self.complete}


class Driver(Protocol):
    """Does parts in any order, each at least once."""

    def own(self, parts: Sequence[Part]) -> list[Part]:
        """Those of all parts that are this driver's."""
        ...

    def run(self, parts: Sequence[Part], do: Callable[[], _Do], progress: workers.Tick) -> None:
        """`do` makes what does a part, once in each process; `progress` counts inputs."""
        ...


# --- the function ---------------------------------------------------------------------------------------------------


def do_part(part: Part, folder: Path, job: Job, work: Work, tick: workers.Tick) -> None:
    """Does a part, unless its rows are there: the rows of all its inputs, and the errors of those that gave none."""
    suffix = f".{job.format}"
    rows_path = part.path(folder, suffix)
    if rows_path.exists():
        tick(len(part.items), 0)
        return
    with (  # left from the last line to the first, so the rows get their name when all else has its own
        atomic_path(rows_path) as rows_at,
        atomic_path(part.path(folder, f".errors{suffix}")) as errors_at,
        PartFiles(part.path(folder, ""), job.makes) as files,
        open_table(rows_at, job.columns) as rows,
        open_table(errors_at, ERRORS) as errors,
    ):
        for item in part.items:
            _do_item(item, work, rows, errors, files, tick)


def _do_item(item: Any, work: Work, rows: Any, errors: Any, files: PartFiles, tick: workers.Tick) -> None:
    done = 0.0

    def ticked(part: float, pictures: int) -> None:
        nonlocal done
        done += part
        tick(part, pictures)

    def tell(name: str, why: str) -> None:
        errors.write([(name, why)])

    try:
        rows.write(work(item, files, tell, ticked))
    except TOLD as error:
        tell(str(item), str(error))
    tick(1.0 - done, 0)


class _Do:
    """Does parts in one process; the work is made for the first of them."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder, self.job = folder, job
        self._work: Work | None = None

    def __call__(self, part: Part, tick: workers.Tick) -> None:
        if self._work is None:
            self._work = self.job.make_work()
        do_part(part, self.folder, self.job, self._work, tick)


# --- cutting --------------------------------------------------------------------------------------------------------


def cut(items: Iterable[Any], size: int, alone: Callable[[Any], bool] = lambda item: False) -> Iterator[Part]:
    """Parts of `size` inputs in their order; what is `alone` (a video, a tar) is a part of its own."""
    number = 0
    waiting: list[Any] = []
    for item in items:
        single = alone(item)
        if waiting and (single or len(waiting) == size):
            yield Part(number, tuple(waiting))
            number, waiting = number + 1, []
        waiting.append(item)
        if single:
            yield Part(number, tuple(waiting))
            number, waiting = number + 1, []
    if waiting:
        yield Part(number, tuple(waiting))


def parse_share(text: str) -> tuple[int, int]:
    """`"3/20"` -> (3, 20), the third of twenty. Raises `ValueRangeError`."""
    first, _, of = text.partition("/")
    if not (first.isdecimal() and of.isdecimal() and 1 <= int(first) <= int(of)):
        raise ValueRangeError(f"A share is '{text}', and should be such as 3/20, the third of twenty: from 1/20 to 20/20.")
    return int(first), int(of)


# --- a job ----------------------------------------------------------------------------------------------------------


def run(folder: Path, job: Job, parts: Sequence[Part], driver: Driver, progress: Progress | None = None) -> Totals:
    """Does the driver's parts of the job in `folder`, which is made if it is not there. Raises `DataError` for the folder of
    another job, `UserError` for what is no folder, and what the work raises beside `TOLD`."""
    begin(folder, job, parts)
    mine = driver.own(parts)
    waiting = [part for part in mine if not part.path(folder, f".{job.format}").exists()]
    inputs = sum(len(part.items) for part in mine)
    done = float(inputs - sum(len(part.items) for part in waiting))

    def tick(part: float, pictures: int) -> None:
        nonlocal done
        done += part
        if progress is not None:
            progress(done, inputs, pictures)

    tick(0.0, 0)
    driver.run(waiting, partial(_Do, folder, job), tick)
    counts = [_counts(part, folder, job.format) for part in mine]
    rows, errors = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    return Totals(len(mine), len(mine) - len(waiting), inputs, rows, errors)


def begin(folder: Path, job: Job, parts: Sequence[Part]) -> None:
    """Makes the folder, and says in it what the job is, or checks that it is the same one. Raises `DataError`, `UserError`."""
    with writing(folder):
        folder.mkdir(exist_ok=True)
    sweep_once(folder)
    about, path = json.dumps(described(job, parts), indent=1), folder / ABOUT
    if not path.exists():
        others = any(not each.name.startswith(".") for each in folder.iterdir())
        if others and not path.exists():  # a share that begins at the same time may have made it just now
            raise UserError(f"--output is '{folder}', which has other files in it: name a new folder.")
        with atomic_path(path) as temporary:
            temporary.write_text(about, encoding="utf-8")
    there = path.read_text(encoding="utf-8")
    if there != about:
        raise DataError(
            f"'{folder}' holds parts of another job ({_difference(there, about)}): give the same inputs and settings to go on "
            "with it, or name a new folder."
        )


def described(job: Job, parts: Sequence[Part]) -> dict[str, Any]:
    """What job.json says. The inputs are told by a checksum over their names, in order."""
    crc = 0
    for part in parts:
        crc = zlib.crc32("\0".join(map(str, part.items)).encode("utf-8", "surrogateescape") + b"\0\0", crc)
    return {
        "kind": job.kind,
        "settings": job.settings,
        "format": job.format,
        "columns": [[column.name, column.kind] for column in job.columns],
        "inputs": sum(len(part.items) for part in parts),
        "inputs_crc32": crc,
        "parts": len(parts),
    }


def _difference(there: str, wanted: str) -> str:
    try:
        old, new = json.loads(there), json.loads(wanted)
        return "another " + ", ".join(key.removesuffix("_crc32") for key in new if old.get(key) != new[key])
    except (ValueError, AttributeError):
        return "its job.json is damaged"


def _counts(part: Part, folder: Path, suffix: str) -> tuple[int, int]:
    return count_rows(part.path(folder, f".{suffix}")), count_rows(part.path(folder, f".errors.{suffix}"))


# --- drivers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Processes:
    """All parts, by so many processes of this machine."""

    jobs: int = 1

    def own(self, parts: Sequence[Part]) -> list[Part]:
        return list(parts)

    def run(self, parts: Sequence[Part], do: Callable[[], _Do], progress: workers.Tick) -> None:
        for _ in workers.run(parts, do, max(1, min(self.jobs, len(parts))), progress):
            pass


@dataclass(frozen=True)
class Share(Processes):
    """The `first`-th of `of` shares, which need not know of each other: for the job array of any queue."""

    first: int = 1
    of: int = 1

    def own(self, parts: Sequence[Part]) -> list[Part]:
        return list(parts[self.first - 1 :: self.of])
