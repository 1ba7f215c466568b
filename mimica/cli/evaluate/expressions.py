"""`mimica evaluate expressions`: every emotion rendered for some faces, and measured."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.evaluate.tables import AsJsonTables, LimitOption, left_out, show
from mimica.cli.options import EngineOption, WeightsOption
from mimica.cli.progress import bar


def expressions(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of them, near neutral.", show_default=False)],
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    limit: LimitOption = 0,
    as_json: AsJsonTables = False,
) -> None:
    """How well an engine shows the eight emotions: recognised by the reader, Action Units, identity, sharpness.

    mimica evaluate expressions photos/ --engine ganimation --weights net_epoch_30_id_G.pth
    """
    from mimica.engines.base import load_engine
    from mimica.evaluate.expressions import evaluate
    from mimica.facs import EMOTIONS
    from mimica.images import list_photos

    paths = list_photos(photos, limit)
    loaded = load_engine(engine, weights)
    with bar("rendering", len(paths) * len(EMOTIONS)) as line:
        report = evaluate(paths, loaded, progress=line.advance)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1))
        return
    _print(report.table, report.faces)
    left_out(report.missing)


def _print(rows: dict[str, dict[str, float]], faces: int) -> None:
    from rich.table import Table

    figures = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *figures, title=f"{faces} faces")
    for emotion, row in rows.items():
        table.add_row(emotion, *[f"{row[name]:.3f}" if name in row else "" for name in figures])
    show(table)
