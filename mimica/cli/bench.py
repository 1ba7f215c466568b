"""`mimica bench`: how fast Mimica is on this machine."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import PhotoArgument


def bench(
    photo: PhotoArgument,
    only: Annotated[list[str] | None, typer.Option("--only", help="Run only this benchmark; may be repeated.")] = None,
    repeats: Annotated[int, typer.Option("--repeats", help="Measurements of each, 3 to 1000; the median counts.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure speed on this machine, with any photo of one face (examples/astronaut.jpg, say)."""
    import tempfile

    from mimica.errors import ValueRangeError, nearest
    from mimica.evaluate.bench import BENCHMARKS, Figure, Setting, hardware
    from mimica.motion.expression import checked

    checked(repeats, "--repeats", 3, 1000)
    names = only or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            hint = nearest(name, BENCHMARKS) or ";"
            raise ValueRangeError(f"There is no benchmark '{name}'{hint} they are {', '.join(BENCHMARKS)}.")
    machine = hardware()
    if not as_json:
        typer.echo(", ".join(f"{key}: {value}" for key, value in machine.items()))
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(photo, Path(folder), repeats)
        for name in names:
            measured = BENCHMARKS[name](setting)
            figures += measured
            if not as_json:
                _print(measured)
    if as_json:
        rows = [asdict(f) | {"value": None if math.isnan(f.value) else f.value} for f in figures]
        typer.echo(json.dumps({"hardware": machine, "figures": rows}, indent=2))


def _print(figures: list) -> None:
    for f in figures:
        value = "-" if math.isnan(f.value) else f"{f.value:.3g}"
        typer.echo(f"{f.name:<20}{value:>8} {f.unit:<10}{f.note}")
