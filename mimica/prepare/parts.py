"""`mimica prepare` in parts (see `mimica.jobs.shards`): crops and values of a set too large for one machine, and the parts joined
into the one on-disk format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mimica import __version__
from mimica.data.dataset import AS_IS, DatasetWriter
from mimica.data.dataset import COLUMNS as NAMES
from mimica.data.sources.base import Dropped, RawFace
from mimica.data.sources.registry import SOURCES
from mimica.errors import DataError, ImageError
from mimica.facs import AU_NAMES
from mimica.files import atomic_path
from mimica.foreign.archives import members
from mimica.jobs.merge import check_all_there, read_about
from mimica.jobs.part_files import PartFiles
from mimica.jobs.part_tables import Column, check_format, read_table
from mimica.jobs.shards import PART, Driver, Job, Processes, Progress, Tell, Totals, cut, run
from mimica.jobs.workers import Tick
from mimica.pictures.images import encode_image, picture_in
from mimica.prepare.faces import Cropper, Report, check_source, write_dropped

KIND = "prepare"
TABLE = (*(Column(name, "text") for name in NAMES), *(Column(name) for name in AU_NAMES))


@dataclass(frozen=True)
class Numbered:
    """A picture of the set, or why it is not used, and its place."""

    number: int
    found: RawFace | Dropped

    def __str__(self) -> str:
        return self.found.name


def prepare_parts(
    source: str,
    folder: Path,
    output: Path,
    *,
    size: int = 128,
    as_is: bool = False,
    limit: int = 0,
    format: str = "parquet",
    part: int = PART,
    driver: Driver | None = None,
    progress: Progress | None = None,
) -> Totals:
    """Fills the folder `output` with the crops (PNG in tars) and values of a set, in parts; `join` makes them one data set. The
    arguments are those of `mimica.prepare.faces.prepare`. Sets that lie in tars are read into memory."""
    check_source(source, folder)
    check_format(format)
    found = (one for number, one in enumerate(SOURCES[source](folder)) if not limit or number < limit)
    items = [Numbered(number, one) for number, one in enumerate(found)]
    settings = {"mimica": __version__, "source": source, "folder": folder.name, "size": size, "as_is": as_is, "part": part}
    job = Job(KIND, settings, TABLE, partial(PrepareWork, size, as_is), format, makes="tar")
    return run(output, job, list(cut(items, part)), driver or Processes(), progress)


class PrepareWork:
    """The work of a part: see `mimica.jobs.shards.Work`."""

    def __init__(self, size: int, as_is: bool) -> None:
        self._cropper = Cropper(size, as_is)

    def __call__(self, item: Numbered, files: PartFiles, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        result = item.found if isinstance(item.found, Dropped) else self._cropper((item.number, item.found), tick)
        if isinstance(result, Dropped):
            tell(result.name, result.why)
            return
        files.add(f"{item.number:09d}.png", bytes(encode_image(Path("crop.png"), result.image)))
        raw = result.raw
        values = [repr(float(result.values[name])) if name in result.values else "" for name in AU_NAMES]
        yield [raw.name, raw.subject, raw.emotion, raw.photo, *values]


def is_prepared(folder: Path) -> bool:
    """Whether the parts in a folder are those of `prepare_parts`. Raises `DataError` for a folder without parts."""
    return bool(read_about(folder)["kind"] == KIND)


def join(folder: Path, output: Path) -> Report:
    """The parts as one prepared data set in the new folder `output`; says what became of them. Raises `DataError`,
    `UserError`."""
    about = read_about(folder)
    paths = [folder / f"part-{number:05d}.{about['format']}" for number in range(about["parts"])]
    check_all_there(folder, paths)
    settings, report = about["settings"], Report()
    title = f"{settings['source']} ({settings['folder']})"
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        notes = {"source": settings["source"], "as_is": settings["as_is"]}
        crop = AS_IS if settings["as_is"] else "tight"
        with DatasetWriter(temporary, title, int(settings["size"]), AU_NAMES, crop=crop, notes=notes) as writer:
            for path in paths:
                for image, row in _samples(path):
                    values = {name: float(cell) for name, cell in zip(AU_NAMES, row[4:], strict=True) if cell}
                    writer.add(image, values, *row[:4])
                    report.kept += 1
                report.dropped += [Dropped(*row) for row in _body(path.with_suffix(f".errors{path.suffix}"))]
        if not report.kept:
            raise DataError(f"Nothing in {folder} could be used. {report}.")
        write_dropped(temporary, report)
    return report


def _samples(path: Path) -> Iterator[tuple[np.ndarray, list[str]]]:
    pictures = members(path.with_suffix(".tar"), ImageError)
    for (name, content), row in zip(pictures, _body(path), strict=True):
        yield picture_in(content, name), row


def _body(path: Path) -> Iterator[list[str]]:
    rows = read_table(path)
    next(rows, None)
    return rows
