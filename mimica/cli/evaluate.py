"""`mimica evaluate`: figures on held-out people, printed as tables or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.evaluate_expressions import expressions
from mimica.cli.evaluate_latent import bias, directions
from mimica.cli.evaluate_vae import vae
from mimica.cli.evaluate_videos import acd, driving, predictor
from mimica.cli.project import evaluate_projection, evaluate_synthesis

if TYPE_CHECKING:
    from rich.table import Table

    from mimica.evaluate.reader import Report

app = typer.Typer(help="Measure the models on people they were not trained on.", no_args_is_help=True)

app.command("expressions")(expressions)
app.command("acd")(acd)
app.command("driving")(driving)
app.command("predictor")(predictor)
app.command("vae")(vae)
app.command("directions")(directions)
app.command("bias")(bias)
app.command("projection")(evaluate_projection)
app.command("synthesis")(evaluate_synthesis)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.command("reader")
def reader(
    data: Annotated[list[Path], typer.Option("--data", help="Folder of the faces or of the reanimated set; give both.")],
    weights: Annotated[Path | None, typer.Option(help="Another reader (.onnx) than the shipped one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Landmarks, pose, Action Units and emotion of the reader against the labels of held-out subjects."""
    from rich.console import Console
    from rich.progress import Progress

    from mimica.evaluate.reader import evaluate
    from mimica.reader.read import Reader

    network = Reader(weights)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        report = evaluate(data, network, progress=lambda n: bar.advance(task, n))
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=1))
        return
    console = Console()
    for table in _reader_tables(report):
        console.print(table)


@app.command("sheet")
def sheet(
    pairs: Annotated[Path, typer.Argument(help="Folder of pairs: labels.jsonl and its frames.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")] = Path("sheet.jpg"),
    faces: Annotated[int, typer.Option(help="How many faces, drawn at random.", min=1, max=100)] = 6,
    seed: Annotated[int, typer.Option(help="For the draw.")] = 0,
    weights: Annotated[Path | None, typer.Option(help="Other weights of the fast generator than the shipped ones.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Another labels.jsonl than the folder's own.")] = None,
) -> None:
    """Random held-out faces x expressions by the default engine, beside the frames that the pairs hold."""
    from mimica.engines.base import load_engine
    from mimica.evaluate.sheet import sheet as draw
    from mimica.images import write_image

    write_image(output, draw(pairs, load_engine(weights=weights), faces=faces, seed=seed, labels=labels))
    typer.echo(str(output))


def _reader_tables(report: Report) -> list[Table]:
    sets = list(report.landmarks)
    counts = ", ".join(f"{report.faces[s]} of {s}" for s in sets)
    landmarks = _table(f"Landmarks, error in % of the eye distance ({counts})", ["", *sets])
    for part in report.landmarks[sets[0]]:
        landmarks.add_row(part, *[f"{report.landmarks[s][part]:.2f}" for s in sets])
    pose = _table("Pose, mean absolute error in degrees", ["", *sets])
    for angle in report.pose[sets[0]]:
        pose.add_row(angle, *[f"{report.pose[s][angle]:.2f}" for s in sets])
    units = _table("Action Units on rendered frames", ["", "Pearson r", "mean abs. error"])
    for name, figures in report.action_units.items():
        units.add_row(name, f"{figures['r']:.3f}", f"{figures['mae']:.3f}")
    others = _table("Emotion (balanced accuracy against human labels) and confidence", ["", ""])
    for name, value in (report.emotion | report.confidence).items():
        others.add_row(name, f"{value:.0f}" if name == "photos" else f"{value:.3f}")
    return [landmarks, pose, units, others]


def _table(title: str, columns: list[str]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table
