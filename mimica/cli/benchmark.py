"""`mimica benchmark editing`: the open benchmark of expression editing, for Mimica's engines and anybody's results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import EngineOption, JudgeOption, WeightsOption
from mimica.cli.progress import bar

app = typer.Typer(help="Measure edits by a protocol that others can follow, with judges that guided none.", no_args_is_help=True)


ReportOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="The new folder of the report; with --requests-only the list.")
]
ResultsOption = Annotated[
    Path | None, typer.Option("--results", help="Score the pictures in this folder, made by any tool for the request list.")
]
CeilingOption = Annotated[
    Path | None, typer.Option("--ceiling", help="A prepared set of exactly labelled frames: the judges' own figures on it.")
]


@app.callback()
def _main() -> None:
    """One benchmark so far; more may follow."""


@app.command("editing")
def editing(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of them.", show_default=False)],
    output: ReportOption = None,
    requests_only: Annotated[bool, typer.Option("--requests-only", help="Write what is asked for, and edit nothing.")] = False,
    results: ResultsOption = None,
    judge: JudgeOption = None,
    ceiling: CeilingOption = None,
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
    from mimica.pictures.images import list_photos

    asked = requests_for(list_photos(photos, limit))
    if output is None:
        raise UserError("The benchmark needs -o, where to write to.")
    if requests_only:
        write_requests(asked, output)
        typer.echo(f"{len(asked)} requests: {output}")
        return
    from mimica.evaluate.editing.benchmark import run_benchmark

    with bar("edits", len(asked)) as line:
        report = run_benchmark(
            asked,
            output,
            judges=judge or ["reader"],
            engine=engine,
            weights=weights,
            results=results,
            ceiling=ceiling,
            name=name,
            size=size,
            progress=line.advance,
        )
    for sentence in report["missing"]:
        typer.echo(f"Left out: {sentence}", err=True)
    typer.echo(str(output / "report.html"))


@app.command("methods")
def methods(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of them, near neutral.", show_default=False)],
    method: Annotated[
        list[str],
        typer.Option(
            "--method",
            help="ENGINE, ENGINE=WEIGHTS, or NAME:ENGINE=WEIGHTS to call it otherwise; once for each row.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder of table and figure.", show_default=False)],
    judge: JudgeOption = None,
    limit: Annotated[int, typer.Option("--limit", help="Take the first so many photos; 0: all.", min=0)] = 0,
    shown: Annotated[int, typer.Option("--shown", help="So many photos are in the figure.", min=1)] = 2,
) -> None:
    """Figure 6 of GANimation's paper and StarGAN's table 1: the same photos, the same emotions, one row a method.

    mimica benchmark methods photos/ --method stargan=runs/stargan --method ganimation --judge classifier=c.safetensors -o race
    """
    from mimica.evaluate.methods import compare
    from mimica.pictures.images import list_photos

    paths = list_photos(photos, limit)
    with bar("methods", len(method)) as line:
        compare(paths, method, output, judges=judge or [], shown=shown, progress=line.advance)
    typer.echo((output / "methods.md").read_text(encoding="utf-8"))


@app.command("clips")
def clips(
    weights: Annotated[Path, typer.Argument(help="Weights of mimica train vgan, tgan or mocogan.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder of clips.", show_default=False)],
    count: Annotated[int, typer.Option("--count", help="So many clips.", min=1)] = 256,
    seed: Annotated[int, typer.Option("--seed", help="Of the random numbers.", min=0)] = 0,
) -> None:
    """New clips of a video baseline, folders of pictures, for mimica evaluate acd --videos DIR.

    mimica benchmark clips runs/mocogan/weights/generator.safetensors -o clips/
    """
    from mimica.engines.baselines.video.generate import BATCH, write_clips

    with bar("clips", -(-count // BATCH)) as line:
        write_clips(weights, output, count=count, seed=seed, progress=line.advance)
    typer.echo(str(output))
