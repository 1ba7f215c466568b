"""`mimica evaluate film`: what edits do to films."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.evaluate.tables import AsJson, left_out, show, table
from mimica.cli.options import EngineOption, WeightsOption
from mimica.cli.progress import bar


def film(
    clips: Annotated[list[Path], typer.Argument(help="Films, or folders of them, one face each.", show_default=False)],
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Take so many seconds of each film; 0: all.", min=0)] = 0.0,
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", help="Put this on, 'glasses=1:round', in place of the two edits; may be given again."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Flicker of edits against the films' noise, error of the asked change, identity, speech before and after.

    Each film is made to smile, and to raise its brows. Its true Action Units are taken from FILM.csv beside it, if there is one.

    mimica evaluate film clips/

    mimica evaluate film clips/ --attribute glasses=1 --attribute beard=1
    """
    from mimica.data.inputs import list_inputs
    from mimica.engines.base import load_engine
    from mimica.evaluate.film import REQUESTS, evaluate

    films = [each.path for each in list_inputs(clips) if each.is_video]
    requests = {each: {"attributes": each} for each in attribute} if attribute else REQUESTS
    with bar("edits", len(films) * len(requests)) as line:
        rows, missing = evaluate(films, load_engine(engine, weights), requests, seconds=seconds, progress=line.advance)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    columns = (
        "film, edit", "frames", "edited", "flicker / noise", "unrest", "error", "gain", "error, true", "reader's own", "identity",
        "speech",
    )  # fmt: skip
    lines = [
        (
            f"{row.film}, {row.request}", f"{row.frames}", f"{row.edited}", f"{row.flicker:.2f}", f"{row.unrest:.2f}",
            f"{row.error:.2f}", f"{row.gain:.2f}", _said(row.truth and row.truth[0]), _said(row.truth and row.truth[1]),
            _said(row.identity), _said(row.speech),
        )
        for row in rows
    ]  # fmt: skip
    show(table("Films before and after", columns, lines), width=140)
    left_out(missing)


def _said(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
