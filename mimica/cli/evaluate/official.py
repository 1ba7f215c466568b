"""`mimica evaluate official`: what networks of NVIDIA's size cost here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import filled, needs_extra


def official(
    photo: Annotated[Path, typer.Argument(help="A photo with a face, to be projected.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder for the network (122 MB) and what is made by it.")],
    size: Annotated[int, typer.Option("--size", help="Side of the pictures, a power of 2.")] = 1024,
    steps: Annotated[int, typer.Option("--steps", help="Of the search for the photo.", min=1)] = 10,
) -> None:
    """A random generator of config f through generate, project, directions, transition and videos: time and memory of each."""
    with needs_extra():
        from mimica.evaluate.official import measured
    with filled(output):
        typer.echo("| what | by | seconds | of a core | peak MiB |\n|---|---|---|---|---|")
        for cost in measured(output, photo, steps, size):
            typer.echo(f"| {cost.what} | {cost.command} | {cost.seconds:.1f} | {cost.worked:.1f} | {cost.peak:.0f} |")
