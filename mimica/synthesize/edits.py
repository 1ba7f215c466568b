"""`mimica edit` over many photos: one expression for all of them, or a table with a request a row, in parts (see
`mimica.jobs.shards`). The pictures of a part lie in a folder of that name; the rows say what became of what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from mimica import __version__, api
from mimica.data.inputs import TAR_SUFFIXES, find_inputs
from mimica.engines.base import Engine, load_engine
from mimica.errors import DataError, ImageError, UserError, ValueRangeError
from mimica.foreign.archives import members
from mimica.foreign.tables import read_rows
from mimica.jobs.part_files import PartFiles
from mimica.jobs.part_tables import Column, check_format, read_table
from mimica.jobs.shards import PART, TOLD, Driver, Job, Processes, Progress, Tell, Totals, cut, run
from mimica.jobs.workers import Tick
from mimica.marks.marking import Marks, wanted_marks
from mimica.pictures.images import FORMAT_BY_SUFFIX, SUFFIXES

COLUMNS = (Column("input", "text"), Column("output", "text"), Column("warnings", "text"))
TABLES = (".csv", ".parquet")
ASKED = ("expression", "au", "pose", "gaze", "look", "attributes", "intensity", "face")
"""Columns of a table of requests, arguments of `mimica.edit`, beside `photo`, which must be there; an empty cell asks for
nothing."""
_WORDS = {"attribute": "attributes"}


@dataclass(frozen=True)
class Request:
    """A photo, and what its face is to show: arguments of `mimica.edit`."""

    photo: Path
    asked: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return str(self.photo) if not self.asked else f"{self.photo} ({self.label})"

    @property
    def label(self) -> str:
        words = "_".join(str(value) for name, value in self.asked.items() if name not in ("face",))
        return "".join(c if c.isalnum() or c in "-+.=_" else "_" for c in words)[:60]

    @property
    def is_tar(self) -> bool:
        return self.photo.suffix.lower() in TAR_SUFFIXES


def edit_many(
    photos: Path,
    output: str | Path,
    asked: Mapping[str, Any],
    *,
    label: str = "edited",
    recursive: bool = False,
    engine: str | Callable[[], Engine] = "ganimation",
    marks: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    format: str = "parquet",
    part: int = PART,
    driver: Driver | None = None,
    progress: Progress | None = None,
) -> Totals:
    """Edits the photos of a folder, a tar or an `@list` as `asked` (arguments of `mimica.edit`), or each as its row of a table
    asks, into the folder `output`.

    label    in the names of the pictures where all are asked for the same
    engine   a name, or what loads one, picklable
    marks    arguments of `mimica.marks.marking.wanted_marks`; options: further ones of `mimica.edit`

    Raises `UserError` of several kinds."""
    check_format(format)
    requests = _requests(photos, asked, recursive)
    settings = {"mimica": __version__, "asked": {k: str(v) for k, v in asked.items()}, "part": part, "label": label}
    settings |= {"engine": str(engine), "marks": _told(marks), "options": _told(options)}
    make = partial(EditWork, engine, dict(asked), label, dict(marks or {}), dict(options or {}))
    job = Job("edit", settings, COLUMNS, make, format, makes="folder")
    parts = list(cut(requests, part, alone=lambda one: one.is_tar))
    return run(Path(output), job, parts, driver or Processes(), progress)


def _told(options: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in sorted((options or {}).items())}


def _requests(photos: Path, asked: Mapping[str, Any], recursive: bool) -> list[Request]:
    if photos.suffix.lower() not in TABLES:
        return [Request(one.path) for one in find_inputs([photos], recursive).inputs]
    if asked:
        raise UserError(f"'{photos}' is a table of requests, whose rows say what to show: leave out --expression and the like.")
    rows = [_row(photos, row) for row in _rows(photos)]
    if not rows:
        raise DataError(f"The table '{photos}' has no rows.")
    return rows


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.suffix.lower() == ".csv":
        yield from read_rows(path, ("photo",))
        return
    table = read_table(path)
    names = next(table)
    if "photo" not in names:
        raise DataError(f"The table '{path}' lacks the column photo.")
    yield from (dict(zip(names, row, strict=True)) for row in table)


def _row(table: Path, row: Mapping[str, str]) -> Request:
    """A relative photo is looked for beside the table."""
    known = {"photo", *ASKED, *_WORDS}
    unknown = [name for name in row if name not in known]
    if unknown:
        raise DataError(f"The table '{table}' has a column '{unknown[0][:40]}'; they are photo, {', '.join(ASKED)}.")
    asked: dict[str, Any] = {_WORDS.get(name, name): cell for name, cell in row.items() if name != "photo" and cell}
    return Request(table.parent / row["photo"], asked)


class EditWork:
    """The work of a part: see `mimica.jobs.shards.Work`."""

    def __init__(
        self,
        engine: str | Callable[[], Engine],
        asked: dict[str, Any],
        label: str,
        marks: dict[str, Any],
        options: dict[str, Any],
    ) -> None:
        self._load, self._asked, self._label, self._marks, self._options = engine, asked, label, marks, options

    @cached_property
    def _engine(self) -> Engine:
        return load_engine(self._load) if isinstance(self._load, str) else self._load()

    def __call__(self, item: Request, files: PartFiles, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        if not item.is_tar:
            yield self._edited(item.photo, item.photo, str(item.photo), item, files)
            tick(1.0, 1)
            return
        for name, content in members(item.photo, ImageError):
            if Path(name).suffix.lower() in SUFFIXES:
                try:
                    yield self._edited(content, Path(name), f"{item.photo}/{name}", item, files)
                except TOLD as error:
                    tell(f"{item.photo}/{name}", str(error))
                tick(0, 1)

    def _edited(self, photo: Path | bytes, path: Path, name: str, item: Request, files: PartFiles) -> list[str]:
        asked = self._asked | dict(item.asked)
        if "intensity" in asked:
            asked["intensity"] = _number(asked["intensity"])
        result = api.edit(photo, **asked, engine=self._engine, **self._options)
        suffix = path.suffix if path.suffix.lower() in FORMAT_BY_SUFFIX else ".png"
        label = item.label if item.asked else self._label
        at = files.place(f"{path.stem}_{label}{suffix}")
        result.save(at, marks=self._marked(photo))
        return [name, f"{at.parent.name}/{at.name}", " ".join(result.warnings)]

    def _marked(self, photo: Path | bytes) -> Marks:
        return wanted_marks(api.TAG, photo if isinstance(photo, Path) else None, **self._marks)


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise ValueRangeError(f"The intensity '{str(cell)[:40]}' is no number.") from error
