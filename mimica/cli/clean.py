"""`mimica clean`: what killed runs left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def clean(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders to look in. (Default: this one.)", show_default=False)
    ] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders within them too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Name them only.")] = False,
) -> None:
    """Remove the hidden temporary files that runs left which were killed (from outside, or by a power cut).

    Files of runs that go on, and `.part` files, from which the same command goes on, are left alone. The next run into the same
    folder removes them too.

    mimica clean results --recursive
    """
    from mimica.files import left_in, remove

    found = left_in(folders or [Path()], recursive)
    for path in found:
        typer.echo(f"{'Would remove' if dry_run else 'Removed'} {path}")
        if not dry_run:
            remove(path)
    if not found:
        typer.echo("Nothing was left behind.")
