"""`mimica annotate`: folders, photos and videos to one table of Action Units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import DetectorOption, ModelOption, check_output
from mimica.cli.progress import bar


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
    from mimica.jobs.workers import cores

    for source in sources:
        check_output(output, (".csv",), source)
    with bar("files", None) as line:
        summary = run(
            list(sources),
            output,
            recursive=recursive,
            landmarks=landmarks,
            raw=raw,
            detector=detector,
            model=model,
            jobs=jobs or cores(),
            progress=line.files,
        )
    for failure in summary.failures:
        typer.echo(f"Not read: {failure.reason}", err=True)
    typer.echo(summary.told(output), err=True)
    typer.echo(str(output))
