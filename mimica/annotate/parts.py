"""`mimica annotate` for lists that one machine or one table does not hold: the same rows, in parts (see `mimica.jobs.shards`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mimica import __version__
from mimica.annotate.work import Lines
from mimica.data.inputs import Input, input_names, takes_long
from mimica.jobs.part_files import PartFiles
from mimica.jobs.part_tables import Column, Kind, check_format
from mimica.jobs.shards import PART, Driver, Job, Processes, Progress, Tell, Totals, cut, run
from mimica.jobs.workers import Tick
from mimica.motion.tables import layout
from mimica.reader.follow import Finder

_KINDS: dict[str, Kind] = {"frame": "whole", "face_id": "whole", "success": "whole", "approx_time": "text", "input": "text"}


def annotate_parts(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    recursive: bool = False,
    landmarks: bool = False,
    columns: str = "openface",
    raw: bool = False,
    detector: str = "dlib",
    model: str | Path | None = None,
    format: str = "parquet",
    part: int = PART,
    driver: Driver | None = None,
    make_finder: Callable[[], Finder] | None = None,
    progress: Progress | None = None,
) -> Totals:
    """Fills the folder `output` with the table in parts, `format` "parquet" or "csv", of `part` photos each; a video or a tar is
    a part by itself. `driver`: who does them (in this process, if not said). The rest is as in `mimica.annotate.annotate`; the
    column `input` is always there. What could not be read stands in the parts' tables of errors; `mimica.jobs.merge` joins
    all."""
    check_format(format)
    finder = make_finder or partial(Finder, detector, str(model) if model else None, threads=1)
    names = [*layout(columns).columns(landmarks), "input"]
    settings = {"mimica": __version__, "columns": columns, "landmarks": landmarks, "raw": raw, "detector": detector, "part": part}
    job = Job(
        kind="annotate",
        settings=settings | {"model": model and str(model)},
        columns=tuple(Column(name, _KINDS.get(name, "number")) for name in names),
        make_work=partial(PartWork, finder, columns, landmarks, raw),
        format=format,
    )
    parts = list(cut(input_names(sources, recursive), part, alone=takes_long))
    return run(Path(output), job, parts, driver or Processes(), progress)


class PartWork:
    """The work of a part: see `mimica.jobs.shards.Work`."""

    def __init__(self, make_finder: Callable[[], Finder], columns: str, landmarks: bool, raw: bool) -> None:
        self._lines = Lines(make_finder, columns, landmarks, raw, named=True)

    def __call__(self, item: str, _files: PartFiles, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        return self._lines.of(Input(Path(item), item), tell, tick)
