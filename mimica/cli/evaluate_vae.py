"""`mimica evaluate vae`: reconstruction and attribute edits of the engine vae."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import WeightsOption

if TYPE_CHECKING:
    from mimica.evaluate.vae import Report


def vae(
    data: Annotated[Path, typer.Argument(help="A folder of `mimica prepare vae`.", show_default=False)],
    photos: Annotated[list[Path] | None, typer.Argument(help="Photos of people not trained on, or folders, to edit.")] = None,
    weights: WeightsOption = None,
    limit: Annotated[int, typer.Option("--limit", help="Take the first so many photos; 0: all.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """SSIM, MAE and Dice on training and held-out faces; and, with photos, what attribute edits do.

    mimica evaluate vae data/faces photos/
    """
    from rich.console import Console
    from rich.progress import Progress

    from mimica.engines.vae.data import open_data
    from mimica.engines.vae.edit import load_vae
    from mimica.evaluate.vae import evaluate
    from mimica.images import list_images

    paths = [path for one in photos or [] for path in (list_images(one) if one.is_dir() else [one])]
    paths = paths[:limit] if limit else paths
    faces = open_data(data)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("editing", total=len(paths))
        report = evaluate(faces, paths, load_vae(weights), progress=lambda: bar.advance(task))
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=1))
        return
    _print(report)
    for sentence in report.missing:
        typer.echo(f"Left out: {sentence}", err=True)


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(width=180)  # narrower, the names are cut
    parts = list(report.reconstruction)
    table = Table("", *(f"{part} ({report.faces[part]})" for part in parts), "gap", title="Reconstruction")
    for figure in report.reconstruction[parts[0]]:
        values = [report.reconstruction[part][figure] for part in parts]
        table.add_row(figure, *(f"{value:.3f}" for value in values), f"{values[-1] - values[0]:+.3f}")
    console.print(table)
    if not report.edits:
        return
    variants = list(report.edits)
    figures = list(report.edits[variants[0]]["mean"])
    table = Table("", *(f"{figure}\n{v}" for figure in figures for v in variants), "judge", title=f"{report.photos} photos")
    for name, judge in {**report.judges, "mean": ""}.items():
        cells = [f"{report.edits[v][name][figure]:.2f}" for figure in figures for v in variants]
        table.add_row(name, *cells, judge)
    console.print(table)
