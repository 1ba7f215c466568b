"""`mimica benchmark editing`: the open benchmark of expression editing, for Mimica's engines and anybody's results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import EngineOption, WeightsOption

app = typer.Typer(help="Measure edits by a protocol that others can follow, with judges that guided none.", no_args_is_help=True)

JudgeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--judge",
        help="mediapipe=face_landmarker.task, pyfeat, pyfaceau, openface=FOLDER, classifier=FILE, reader; may be given again.",
    ),
]


@app.callback()
def _main() -> None:
    """One benchmark so far; more may follow."""


@app.command("editing")
def editing(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of them.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The new folder of the report; with --requests-only the list.")
    ] = None,
    requests_only: Annotated[bool, typer.Option("--requests-only", help="Write what is asked for, and edit nothing.")] = False,
    results: Annotated[
        Path | None, typer.Option("--results", help="Score the pictures in this folder, made by any tool for the request list.")
    ] = None,
    judges: JudgeOption = None,
    ceiling: Annotated[
        Path | None, typer.Option("--ceiling", help="A prepared set of exactly labelled frames: the judges' own figures on it.")
    ] = None,
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    name: Annotated[str | None, typer.Option("--name", help="What the report calls what it measures.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="Take the first so many photos; 0: all.", min=0)] = 0,
    size: Annotated[int, typer.Option("--size", help="Longer side in pixels; larger photos are made smaller.", min=64)] = 512,
) -> None:
    """Every Action Unit at five doses and every emotion, on every photo: do they come, stay in their place, and stay the person?

    mimica benchmark editing photos/ --judge mediapipe=face_landmarker.task --judge reader -o report

    mimica benchmark editing photos/ --requests-only -o requests.jsonl

    mimica benchmark editing photos/ --results edited-by-another-tool/ --judge mediapipe=face_landmarker.task -o report
    """
    from mimica.errors import UserError
    from mimica.evaluate.editing.requests import requests_for, write_requests
    from mimica.images import list_images

    paths = [path for one in photos for path in (list_images(one) if one.is_dir() else [one])]
    asked = requests_for(paths[:limit] if limit else paths)
    if output is None:
        raise UserError("The benchmark needs -o, where to write to.")
    if requests_only:
        write_requests(asked, output)
        typer.echo(f"{len(asked)} requests: {output}")
        return
    from rich.console import Console
    from rich.progress import Progress

    from mimica.evaluate.editing.benchmark import run_benchmark

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("edits", total=len(asked))
        report = run_benchmark(
            asked,
            output,
            judges=judges or ["reader"],
            engine=engine,
            weights=weights,
            results=results,
            ceiling=ceiling,
            name=name,
            size=size,
            progress=lambda: bar.advance(task),
        )
    for sentence in report["missing"]:
        typer.echo(f"Left out: {sentence}", err=True)
    typer.echo(str(output / "report.html"))
