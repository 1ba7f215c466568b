"""`mimica evaluate expressions`: every emotion rendered for some faces, and measured."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.evaluate.tables import AsJsonTables, LimitOption, left_out, show
from mimica.cli.options import EngineOption, JudgeOption, WeightsOption
from mimica.cli.progress import bar


def expressions(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of them, near neutral.", show_default=False)],
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    judge: JudgeOption = None,
    limit: LimitOption = 0,
    as_json: AsJsonTables = False,
) -> None:
    """How well an engine shows the eight emotions: recognised, Action Units, identity, sharpness.

    The reader guided our engines: quote the figures of a judge that did not. They come first, the reader's beside them.

    mimica evaluate expressions photos/ --judge mediapipe=face_landmarker.task --engine ganimation
    """
    from mimica.engines.base import load_engine
    from mimica.evaluate.expressions import evaluate
    from mimica.evaluate.judges.base import judges_at_work
    from mimica.facs import EMOTIONS
    from mimica.pictures.images import list_photos

    paths = list_photos(photos, limit)
    with judges_at_work(judge or []) as judges:
        loaded = load_engine(engine, weights)
        with bar("rendering", len(paths) * len(EMOTIONS)) as line:
            report = evaluate(paths, loaded, judges=judges, progress=line.advance)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1))
        return
    for name, found in report.judges.items():
        _print(found["table"], f"{report.faces} faces, judged by {name}{' (ours)' if found['ours'] else ''}")
        typer.echo(found["note"])
    _print(report.table, f"{report.faces} faces, the reader (ours)")
    left_out(report.missing)


def _print(rows: dict[str, dict[str, float]], title: str) -> None:
    from rich.table import Table

    figures = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *figures, title=title)
    for emotion, row in rows.items():
        table.add_row(emotion, *[f"{row[name]:.3f}" if name in row else "" for name in figures])
    show(table)
