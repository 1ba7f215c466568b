"""`mimica evaluate vae`: reconstruction and attribute edits of the engine vae."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.evaluate.tables import AsJsonTables, LimitOption, left_out, show
from mimica.cli.options import WeightsOption
from mimica.cli.progress import bar

if TYPE_CHECKING:
    from mimica.evaluate.vae import Report

_WIDTH = 180
"""Narrower, the names are cut."""


def vae(
    data: Annotated[Path, typer.Argument(help="A folder of `mimica prepare vae`.", show_default=False)],
    photos: Annotated[list[Path] | None, typer.Argument(help="Photos of people not trained on, or folders, to edit.")] = None,
    weights: WeightsOption = None,
    limit: LimitOption = 0,
    as_json: AsJsonTables = False,
) -> None:
    """SSIM, MAE and Dice on training and held-out faces; and, with photos, what attribute edits do.

    mimica evaluate vae data/faces photos/
    """
    from mimica.engines.vae.data import open_data
    from mimica.engines.vae.edit import load_vae
    from mimica.evaluate.vae import evaluate
    from mimica.pictures.images import list_photos

    paths = list_photos(photos or [], limit)
    faces = open_data(data)
    with bar("editing", len(paths)) as line:
        report = evaluate(faces, paths, load_vae(weights), progress=line.advance)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=1))
        return
    _print(report)
    left_out(report.missing)


def _print(report: Report) -> None:
    from rich.table import Table

    parts = list(report.reconstruction)
    table = Table("", *(f"{part} ({report.faces[part]})" for part in parts), "gap", title="Reconstruction")
    for figure in report.reconstruction[parts[0]]:
        values = [report.reconstruction[part][figure] for part in parts]
        table.add_row(figure, *(f"{value:.3f}" for value in values), f"{values[-1] - values[0]:+.3f}")
    show(table, width=_WIDTH)
    titles = {
        "drawn": "Drawn on held-out faces: error where it changes, levels",
        "erased": "Taken away again from held-out faces: error where it changed, levels",
        "real": "Held-out photos with real ones: how many seem without afterwards",
        "trap": "A step for blond hair, fitted where blond goes with glasses: change, standard deviations",
        "sharp": "Held-out photos: the decoder's picture, and drawn sharp by the restoring network",
    }
    for part, title in titles.items():
        _rows(title, getattr(report.pairs, part))
    if not report.edits:
        return
    variants = list(report.edits)
    figures = list(report.edits[variants[0]]["mean"])
    table = Table("", *(f"{figure}\n{v}" for figure in figures for v in variants), "judge", title=f"{report.photos} photos")
    for name, judge in {**report.judges, "mean": ""}.items():
        cells = [f"{report.edits[v][name][figure]:.2f}" for figure in figures for v in variants]
        table.add_row(name, *cells, judge)
    show(table, width=_WIDTH)


def _rows(title: str, rows: dict[str, dict[str, float]]) -> None:
    """A table of figures by name; nothing where there are none."""
    from rich.table import Table

    if not rows:
        return
    names = list(next(iter(rows.values())))
    table = Table("", *names, title=title)
    for name, row in rows.items():
        table.add_row(
            name,
            *(
                f"{row[one]:.0f}" if one in ("pairs", "photos") else f"{row[one]:.1f}" if row[one] > 10 else f"{row[one]:.3f}"
                for one in row
            ),
        )
    show(table, width=_WIDTH)
