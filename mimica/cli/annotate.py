"""`mimica annotate`: folders, photos and videos to one table of Action Units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import DetectorOption, ModelOption, check_output

if TYPE_CHECKING:
    from rich.progress import Progress


def annotate(
    sources: Annotated[list[Path], typer.Argument(help="Photos, videos, folders of them.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write, .csv.", show_default=False)],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders within folders too.")] = False,
    landmarks: Annotated[bool, typer.Option("--landmarks", help="Also the columns x_0 ... x_67, y_0 ... y_67.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Videos: values as read, not steadied over time.")] = False,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Processes; one for each core if not said.", min=1)] = None,
    detector: DetectorOption = "dlib",
    model: ModelOption = None,
) -> None:
    """Write the Action Units of all faces in photos and videos as a table with OpenFace 2's columns.

    One row a face: frame, face_id, timestamp, confidence, success, head pose (radians), AU01_r ... AU45_r (0 to 5) and
    AU01_c ... AU45_c (1 from an intensity of 1.0 on). A photo or frame without a face gives a row of zeros. Of OpenFace's
    columns gaze, pose_T*, 3D landmarks and AU28_c are left out. Unless there is only one file, a last column, input, names it.

    Stopped in the middle? Run the same command again: it goes on where it was. Files that cannot be read are listed at the
    end; the exit code is 2 if there was no other.

    mimica annotate photos/ interview.mp4 -o aus.csv
    """
    from mimica.annotate import annotate as run
    from mimica.errors import UserError

    for source in sources:
        check_output(output, (".csv",), source)
    with _bar() as bar:
        task = bar.add_task("", total=None, rate="")
        seen = 0

        def progress(done: float, total: int, pictures: int) -> None:
            nonlocal seen
            seen += pictures
            elapsed = bar.tasks[task].elapsed
            bar.update(task, completed=done, total=total, rate=f"{seen / elapsed:.0f} pictures/s" if elapsed else "")

        summary = run(
            list(sources),
            output,
            recursive=recursive,
            landmarks=landmarks,
            raw=raw,
            detector=detector,
            model=model,
            jobs=jobs or _cores(),
            progress=progress,
        )
    for failure in summary.failures:
        typer.echo(f"Not read: {failure.reason}", err=True)
    unread = f"{len(summary.failures)} could not be read" if summary.failures else "all could be read"
    if not summary.annotated:
        raise UserError(f"There is nothing to write to '{output}': of {_files(len(summary.failures))} none could be read.")
    kept = f" ({summary.kept} of them in an earlier run)" if summary.kept else ""
    typer.echo(f"{_files(summary.annotated)} annotated{kept}, {unread}.", err=True)
    typer.echo(str(output))


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _cores() -> int:
    """How many this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files  {task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
