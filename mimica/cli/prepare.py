"""`mimica prepare`: raw face sets to the format that trainings read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer


def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="The folder: folder, openface, authors, emotionet, rafd, celeba, cfee, faces, reanimated, sequences or ffhq.",
            show_default=False,
        ),
    ],
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="The raw set; for sequences videos, or folders of them; for ffhq FFHQ crops, then pairs made of them.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder to write.", show_default=False)],
    size: Annotated[int, typer.Option("--size", help="Side of the crops in pixels.", min=32, max=1024)] = 128,
    as_is: Annotated[bool, typer.Option("--as-is", help="The pictures are face crops already: only resize them.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes; one for each core if not said.", min=1)] = None,
    limit: Annotated[int, typer.Option("--limit", help="Take the first so many pictures only; 0: all.", min=0)] = 0,
) -> None:
    """Find, measure, align and cut out the faces of a raw set, and write them in the format that `mimica train` reads.

    Where the set has no intensities of Action Units, Mimica's reader measures them. Pictures that cannot be used are counted
    by reason and listed in dropped.csv.

    mimica prepare openface photos/ -o data/mine

    mimica prepare sequences clips/ -o data/sequences

    mimica prepare ffhq FACES PAIRS -o data/ffhq
    """
    from mimica.errors import UserError

    if source == "sequences":
        _sequences(folders, output)
        return
    if source == "ffhq":
        _ffhq(folders, output, size, limit)
        return
    if len(folders) != 1:
        raise UserError(f"'{source}' is prepared from one folder; {len(folders)} are named.")
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from mimica.prepare import prepare as run

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def progress(kept: int, dropped: int) -> None:
            elapsed = bar.tasks[task].elapsed or 0.0
            rate = f", {(kept + dropped) / elapsed:.0f} pictures/s" if elapsed else ""
            bar.update(task, description=f"{kept} faces, {dropped} dropped{rate}")

        workers = jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else jobs or os.cpu_count() or 1
        report = run(source, folders[0], output, size=size, as_is=as_is, jobs=workers, limit=limit, progress=progress)
    typer.echo(str(report), err=True)
    typer.echo(str(output))


def _sequences(sources: list[Path], output: Path) -> None:
    """Videos -> how faces move, for `mimica train predictor`."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from mimica.motion.sequences import prepare_sequences

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        report = prepare_sequences(
            list(sources), output, progress=lambda name, frames: bar.update(task, description=f"{name}: {frames} frames")
        )
    typer.echo(str(report), err=True)
    typer.echo(str(output))


def _ffhq(folders: list[Path], output: Path, size: int, limit: int) -> None:
    """FFHQ crops and their re-animated copies, for `mimica train stylegan`."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from mimica.errors import DataError, UserError
    from mimica.prepare_ffhq import prepare_ffhq

    if len(folders) > 2:
        raise UserError(f"'ffhq' is prepared from the crops and one folder of pairs; {len(folders)} folders are named.")
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"There is no folder '{folder}': check the path.")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        kept, dropped = prepare_ffhq(
            folders[0],
            folders[1] if len(folders) > 1 else None,
            output,
            size=size,
            limit=limit,
            progress=lambda done, lost: bar.update(task, description=f"{done} pictures, {lost} photos dropped"),
        )
    typer.echo(f"{kept} pictures kept, {dropped} photos dropped", err=True)
    typer.echo(str(output))
