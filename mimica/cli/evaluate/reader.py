"""`mimica evaluate reader`: the reader against the labels of held-out people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.evaluate.tables import AsJsonTables, show, table
from mimica.cli.progress import bar

if TYPE_CHECKING:
    from rich.table import Table

    from mimica.evaluate.reader import Report


def reader(
    data: Annotated[list[Path], typer.Option("--data", help="Folder of the faces or of the reanimated set; give both.")],
    weights: Annotated[Path | None, typer.Option(help="Another reader (.onnx) than the shipped one.")] = None,
    as_json: AsJsonTables = False,
) -> None:
    """Landmarks, pose, Action Units and emotion of the reader against the labels of held-out subjects."""
    from mimica.evaluate.reader import evaluate
    from mimica.reader.read import Reader

    network = Reader(weights)
    with bar("reading", None) as line:
        report = evaluate(data, network, progress=line.advance)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=1))
        return
    show(*_tables(report))


def _tables(report: Report) -> list[Table]:
    sets = list(report.landmarks)
    counts = ", ".join(f"{report.faces[s]} of {s}" for s in sets)
    landmarks = table(f"Landmarks, error in % of the eye distance ({counts})", ["", *sets])
    for part in report.landmarks[sets[0]]:
        landmarks.add_row(part, *[f"{report.landmarks[s][part]:.2f}" for s in sets])
    pose = table("Pose, mean absolute error in degrees", ["", *sets])
    for angle in report.pose[sets[0]]:
        pose.add_row(angle, *[f"{report.pose[s][angle]:.2f}" for s in sets])
    units = table("Action Units on rendered frames", ["", "Pearson r", "mean abs. error"])
    for name, figures in report.action_units.items():
        units.add_row(name, f"{figures['r']:.3f}", f"{figures['mae']:.3f}")
    others = table("Emotion (balanced accuracy against human labels) and confidence", ["", ""])
    for name, value in (report.emotion | report.confidence).items():
        others.add_row(name, f"{value:.0f}" if name == "photos" else f"{value:.3f}")
    return [landmarks, pose, units, others]
