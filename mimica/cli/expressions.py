"""`mimica expressions`: the presets of a library, expressions kept in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import warn

_SHOWN = 5
_LEAST = 0.1


def expressions(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of expressions. (Default: `expressions` in Mimica's settings folder.)", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: name -> file and controls.")] = False,
) -> None:
    """List the expressions kept in files, which --expression takes as @NAME: by their strongest Action Units.

    `mimica read photo.jpg --save smirk.json` makes one; `mimica edit other.jpg --expression @smirk` shows it.

    mimica expressions faces/
    """
    from mimica.motion.expression_file import library_folder, presets

    found, others = presets(folder or library_folder())
    warn(others)
    if as_json:
        kept = {preset.name: {"file": str(path), "controls": preset.controls, "seen": preset.seen} for path, preset in found}
        typer.echo(json.dumps(kept, indent=1))
        return
    for path, preset in found:
        typer.echo(f"@{path.with_suffix('') if folder else preset.name}  {_strongest(dict(preset.controls))}")
    if not found:
        typer.echo("No expression is kept here: make one with `mimica read PHOTO --save`.", err=True)


def _strongest(controls: dict[str, float]) -> str:
    """`AU12L 0.80, AU12R 0.74, ...`"""
    units = sorted(((value, name) for name, value in controls.items() if name.startswith("AU") and value >= _LEAST), reverse=True)
    more = f" and {len(units) - _SHOWN} more" if len(units) > _SHOWN else ""
    return ", ".join(f"{name} {value:.2f}" for value, name in units[:_SHOWN]) + more if units else "neutral"
