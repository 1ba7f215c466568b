"""`mimica evaluate expressions`: every emotion rendered for some faces, and measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import EngineOption, WeightsOption


def expressions(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of them, near neutral.", show_default=False)],
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    limit: Annotated[int, typer.Option("--limit", help="Take the first so many photos; 0: all.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """How well an engine shows the eight emotions: recognised by the reader, Action Units, identity, sharpness.

    mimica evaluate expressions photos/ --engine ganimation --weights net_epoch_30_id_G.pth
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from mimica.engines.base import load_engine
    from mimica.evaluate.expressions import evaluate
    from mimica.facs import EMOTIONS
    from mimica.images import list_images

    paths = [path for one in photos for path in (list_images(one) if one.is_dir() else [one])]
    paths = paths[:limit] if limit else paths
    loaded = load_engine(engine, weights)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rendering", total=len(paths) * len(EMOTIONS))
        report = evaluate(paths, loaded, progress=lambda: bar.advance(task))
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1))
        return
    _print(report.table, report.faces)
    for sentence in report.missing:
        typer.echo(f"Left out: {sentence}", err=True)


def _print(rows: dict[str, dict[str, float]], faces: int) -> None:
    from rich.console import Console
    from rich.table import Table

    figures = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *figures, title=f"{faces} faces")
    for emotion, row in rows.items():
        table.add_row(emotion, *[f"{row[name]:.3f}" if name in row else "" for name in figures])
    Console().print(table)
