"""`mimica evaluate attributes`: what drawn attributes teach, and what meters trained on real labels see of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.evaluate.tables import AsJsonTables, LimitOption, left_out, show
from mimica.cli.progress import bar

if TYPE_CHECKING:
    from mimica.evaluate.attributes import Report


def attributes(
    folder: Annotated[Path, typer.Argument(help="A face set with attributes (as for `mimica prepare vae`).", show_default=False)],
    labels: Annotated[
        Path | None, typer.Option("--labels", help="A table (.csv) with more attributes of the files, 0 to 1.")
    ] = None,
    photos: Annotated[int, typer.Option("--photos", help="Held-out faces that are edited.", min=1)] = 40,
    drawings: Annotated[int, typer.Option("--drawings", help="Drawn faces that teach each probe.", min=20)] = 300,
    limit: LimitOption = 0,
    as_json: AsJsonTables = False,
) -> None:
    """Whether probes that saw drawn glasses and beards find real ones, and whether every attribute shows by its own meter.

    mimica evaluate attributes FACES --labels docs/vae_labels.csv
    """
    from mimica.evaluate.attributes import METERS, OTHERS, TAUGHT, evaluate

    with bar("drawing", len(TAUGHT) + len(METERS) + len(OTHERS)) as line:
        report = evaluate(folder, labels=labels, photos=photos, drawings=drawings, limit=limit, progress=line.advance)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=1))
        return
    _print(report)
    left_out(report.missing)


def _print(report: Report) -> None:
    from rich.table import Table

    table = Table("AUC on real labels", "drawn", "real", "drawings", "tested on", "with it")
    for name, row in report.probes.items():
        counts = (f"{row[figure]:.0f}" for figure in ("drawings", "tested on", "with it"))
        table.add_row(name, f"{row['drawn']:.3f}", f"{row['real']:.3f}", *counts)
    show(table)
    if report.hats:
        table = Table("hats", "found", "bare heads", "false alarms")
        table.add_row(*(str(report.hats[figure]) for figure in ("hats", "found", "bare", "false")))
        show(table)
    figures = ("photos", "refused", "rises", "change", "moved", "apart", "distance")
    table = Table("", *figures, title=f"{report.photos} held-out faces")
    for name, row in report.edits.items():
        cells = [("" if f not in row else f"{row[f]:.0f}" if f in ("photos", "refused") else f"{row[f]:.2f}") for f in figures]
        table.add_row(name, *cells)
    show(table)
