"""`mimica evaluate directions`: does the reader see what directions are named for?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from mimica.cli.evaluate.tables import left_out, show
from mimica.cli.latent_options import AsJson, CodecOption, DirectionsOption, directions_file, open_codec
from mimica.cli.progress import bar


def directions(
    file: DirectionsOption = None,
    count: Annotated[int, typer.Option("--count", help="Held-out samples.", min=2)] = 50,
    dose: Annotated[float, typer.Option("--dose", help="Of each direction.", min=0.1, max=10)] = 2.0,
    weights: CodecOption = None,
    as_json: AsJson = False,
) -> None:
    """Does the reader see what directions are named for, on samples that they were not fitted on? Dose curves."""
    from rich.table import Table

    codec = open_codec(weights)
    from mimica.engines.stylegan.directions import load_directions
    from mimica.evaluate.directions import evaluate_directions

    known = load_directions(directions_file(weights, file), codec.num_ws)

    with bar("editing", len(known)) as line:
        report = evaluate_directions(codec, known, count=count, dose=dose, progress=line.advance)
    if as_json:
        typer.echo(
            json.dumps({"faces": report.faces, "dose": report.dose, "rows": report.rows, "curves": report.curves}, indent=1)
        )
        return
    title = f"{report.faces} held-out samples, dose {report.dose:g}; then the mean of the column by dose"
    table = Table("direction", "rises", "change", "rises most", "identity", *(f"{d:+g}" for d in report.doses), title=title)
    for name, row in report.rows.items():
        cells = [f"{row[figure]:.2f}" if figure in row else "-" for figure in ("rises", "change", "wins", "identity")]
        table.add_row(name, *cells, *(f"{value:.2f}" for value in report.curves[name]))
    show(table, width=150)
    left_out(report.missing)
