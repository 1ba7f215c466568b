"""`mimica edit` over many photos: a folder, a tar, a list or a table of requests (see `mimica.synthesize.edits`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from mimica.cli.options import Marking, Source, Wanted
from mimica.cli.progress import bar
from mimica.cli.spread import Spread, told
from mimica.errors import UserError

TABLES, TARS = (".csv", ".parquet"), (".tar", ".tgz")


@dataclass(frozen=True)
class Many:
    """Many photos."""

    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders within folders too.")] = False
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes; one for each core if not said.", min=1)] = None


def are_many(path: Path) -> bool:
    """Whether the argument names many photos."""
    return str(path).startswith("@") or path.is_dir() or path.suffix.lower() in TABLES + TARS


def edit_photos(
    photos: Path, wanted: Wanted, output: Path | None, source: Source, detail: bool, marking: Marking, many: Many, spread: Spread
) -> None:
    """Edits them, with a bar, and says what became of them. Raises `UserError`; `typer.Exit` where some could not be used."""
    from mimica.jobs.workers import cores
    from mimica.synthesize.edits import edit_many

    if output is None or not spread.is_asked(output):
        instead = f", not '{output}'" if output else ""
        raise UserError(f"'{photos}' stands for many photos: name a folder for them by --output, without a suffix{instead}.")
    is_table = photos.suffix.lower() in TABLES
    label = "" if is_table else wanted.target().label
    given = {name: value for name, value in wanted.arguments().items() if value is not None}
    asked = {} if is_table and given == {"intensity": 1.0} else given
    marks = {"tag": marking.tag, "labelled_elsewhere": marking.labelled_elsewhere, "visible": marking.visible_mark}
    marking.marks()  # what cannot be is said before any work
    with bar("photos", None) as line:
        totals = edit_many(
            photos,
            output,
            asked,
            label=label,
            recursive=many.recursive,
            engine=_loader(source, detail),
            marks=marks | {"key": marking.sign_key, "chain": marking.sign_chain},
            options={"face": source.face, "detector": source.detector, "model": source.model},
            driver=spread.driver(many.jobs or cores()),
            progress=line.files,
            **spread.arguments(),
        )
    told(totals, output, as_json=False)


def _loader(source: Source, detail: bool) -> Any:
    """What loads the engine in each process."""
    from functools import partial

    from mimica.engines.base import load_engine, load_with_directions, load_without_detail

    if source.directions is not None:
        return partial(load_with_directions, source.engine, source.weights, source.directions)
    if not detail:
        return partial(load_without_detail, source.engine, source.weights)
    return partial(load_engine, source.engine, source.weights)
