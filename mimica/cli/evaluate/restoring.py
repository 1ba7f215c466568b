"""`mimica evaluate restoring`: what the restoring network makes of small and blurred faces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.latent_options import AsJson
from mimica.cli.progress import bar


def restoring(
    data: Annotated[Path, typer.Option("--data", help="A prepared data set of FFHQ crops of 256 pixels.", show_default=False)],
    count: Annotated[int, typer.Option("--count", help="Held-out faces, drawn at random, one a person.", min=1)] = 40,
    seed: Annotated[int, typer.Option("--seed", help="For the draw.", min=0)] = 0,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="Also write the first faces as a picture.")] = None,
    as_json: AsJson = False,
) -> None:
    """Held-out faces, made small or blurred and restored: how near they come to the sharp ones."""
    from mimica.evaluate.drawing import held_out
    from mimica.evaluate.restoring import evaluate
    from mimica.face.restore import SIZE
    from mimica.pictures.images import write_image

    crops, _ = held_out(data, SIZE, count, seed)
    with bar("restoring", len(crops)) as line:
        report = evaluate(crops, line.advance)
    if sheet is not None:
        write_image(sheet, report.sheet())
    if as_json:
        typer.echo(json.dumps(report.rows, indent=1))
        return
    names = list(next(iter(report.rows.values())))
    typer.echo(f"| {len(crops)} held-out faces | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for kind, row in report.rows.items():
        typer.echo(f"| {kind} | {' | '.join(f'{row[name]:.2f}' for name in names)} |")
