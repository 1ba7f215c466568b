"""`mimica bench`: how fast Mimica is on this machine."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Annotated

import typer

from mimica.cli.options import PhotoArgument


def bench(
    photo: PhotoArgument,
    only: Annotated[list[str] | None, typer.Option("--only", help="Run only this benchmark; may be repeated.")] = None,
    repeats: Annotated[int, typer.Option("--repeats", help="Measurements of each, 3 to 1000; the median counts.")] = 30,
    profile: Annotated[bool, typer.Option("--profile", help="Show what a frame's stages take, and nothing else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure speed on this machine, with any photo of one face (examples/astronaut.jpg, say)."""
    from mimica.evaluate.bench import Figure, hardware, measured

    work, machine = measured(photo, ["profile"] if profile else only, repeats), hardware()
    if not as_json:
        typer.echo(", ".join(f"{key}: {value}" for key, value in machine.items()))
    figures: list[Figure] = []
    for some in work:
        figures += some
        if not as_json:
            _print(some)
    if as_json:
        rows = [asdict(f) | {"value": None if math.isnan(f.value) else f.value} for f in figures]
        typer.echo(json.dumps({"hardware": machine, "figures": rows}, indent=2))


def _print(figures: list) -> None:
    for f in figures:
        value = "-" if math.isnan(f.value) else f"{f.value:.3g}"
        typer.echo(f"{f.name:<20}{value:>8} {f.unit:<10}{f.note}")
