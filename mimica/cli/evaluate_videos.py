"""`mimica evaluate acd`, `driving` and `predictor`: figures for videos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import EngineOption, IntensityOption, WeightsOption, warn

if TYPE_CHECKING:
    from rich.progress import Progress

    from mimica.evaluate.acd import Report


def acd(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of them, one person each.", show_default=False)],
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    faces: Annotated[int, typer.Option("--faces", help="The first so many photos with a face.", min=1)] = 43,
    videos: Annotated[int, typer.Option("--videos", help="So many videos at most: six emotions for each face.", min=1)] = 256,
    frames: Annotated[int, typer.Option("--frames", help="Frames of each video.", min=2)] = 16,
    size: Annotated[int, typer.Option("--size", help="Longer side in pixels; larger photos are made smaller.", min=64)] = 512,
    intensity: IntensityOption = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Average content distance of MoCoGAN: does the face stay the same person while it moves? Also flicker and tracking error.

    mimica evaluate acd photos/ --videos 256
    """
    from dataclasses import asdict

    from mimica.engines.base import load_engine
    from mimica.evaluate.acd import PUBLISHED, SIX, evaluate

    paths = _listed(photos)
    loaded = load_engine(engine, weights)
    with _progress() as bar:
        task = bar.add_task("videos", total=min(videos, len(SIX) * min(faces, len(paths))))
        report = evaluate(
            paths,
            loaded,
            faces=faces,
            videos=videos,
            frames=frames,
            size=size,
            intensity=intensity,
            progress=lambda: bar.advance(task),
        )
    warn(report.missing)
    if as_json:
        typer.echo(json.dumps({**asdict(report), "published": PUBLISHED}, indent=1))
        return
    _print_table(f"Average content distance, {report.videos} videos, {report.faces} faces", _rows(engine, report, PUBLISHED))
    _print_tracking(report.tracking)
    typer.echo(f"Flicker outside the face: {report.flicker:.3f} of 255")


def _rows(engine: str, report: Report, published: dict[str, float]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (f"Mimica, {engine}", f"{report.acd:.3f}"),
        *((f"  {e}", f"{v:.3f}") for e, v in report.by_emotion.items()),
    ]
    rows.append(("first frame to last", f"{report.reach:.3f}"))
    rows += [("a photo that stands still, with camera noise", f"{report.frozen:.3f}"), ("two people", f"{report.people:.3f}")]
    return [
        *rows,
        *((f"{name} (published: other faces, other descriptors)", f"{value:.3f}") for name, value in published.items()),
    ]


def driving(
    photos: Annotated[list[Path], typer.Argument(help="Photos, or folders of them, one person each.", show_default=False)],
    drivers: Annotated[list[Path], typer.Option("--driver", help="A video of a driver; may be given again.")],
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    size: Annotated[int, typer.Option("--size", help="Longer side in pixels; larger photos are made smaller.", min=64)] = 512,
    raw: Annotated[
        bool, typer.Option("--raw", help="The driver's frames do not follow one another: do not steady them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Do photos do what drivers do? Action Units asked of each frame against those read of it.

    mimica evaluate driving photos/ --driver talking.mp4
    """
    from dataclasses import asdict

    from mimica.engines.base import load_engine
    from mimica.evaluate.driving import evaluate

    paths = _listed(photos)
    with _progress() as bar:
        task = bar.add_task("pairs", total=len(paths) * len(drivers))
        loaded = load_engine(engine, weights)
        report = evaluate(paths, drivers, loaded, size=size, raw=raw, progress=lambda: bar.advance(task))
    warn(report.missing)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1))
        return
    _print_tracking(report.tracking)
    typer.echo(
        f"{report.drivers} drivers, {report.photos} photos, {report.frames} frames: mean correlation {report.mean_r:.3f} "
        f"over {len(report.tracking)} Action Units"
    )


def _listed(photos: Sequence[Path]) -> list[Path]:
    """Photos, and those in folders."""
    from mimica.images import list_images

    return [path for one in photos for path in (list_images(one) if one.is_dir() else [one])]


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _print_tracking(figures: dict[str, dict[str, float]]) -> None:
    by_unit = [(name, f"{row['r']:.2f}", f"{row['mae']:.2f}") for name, row in figures.items()]
    _print_table("Action Units asked against read", by_unit, ("", "Pearson r", "mean abs. error"))


def predictor(
    data: Annotated[list[Path], typer.Option("--data", help="A table of sequences, or its folder; may be given again.")],
    weights: Annotated[Path | None, typer.Option("--weights", help="Weights in place of the shipped ones.")] = None,
    cross_validate: Annotated[
        bool, typer.Option("--cross-validate", help="Train five times, each without a fifth of the clips; takes minutes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """How well the next step is foretold, in nats a step on clips never seen, beside persistence and a Markov chain.

    mimica evaluate predictor --data sequences/ --cross-validate
    """
    from dataclasses import asdict

    from mimica.evaluate import predictor as predictor_evaluate
    from mimica.motion.predictor.predict import Predictor

    if cross_validate:
        rows = predictor_evaluate.cross_validate(data, say=lambda line: typer.echo(line, err=True))
    else:
        rows = predictor_evaluate.evaluate_weights(data, Predictor(weights))
    if as_json:
        typer.echo(json.dumps([{**asdict(row), "together": row.together} for row in rows], indent=1))
        return
    cells = [
        (row.model, *(f"{v:.2f}" for v in (row.emotion, row.motion, row.together)), f"{row.gain:+.2f} ± {row.gain_error:.2f}")
        for row in rows
    ]
    _print_table(
        "Log-likelihood of the next step, nats", cells, ("", "emotion", "motion", "together", "gain on persistence ± s.e.")
    )


def _print_table(title: str, rows: Sequence[tuple[str, ...]], columns: tuple[str, ...] = ("", "ACD")) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
