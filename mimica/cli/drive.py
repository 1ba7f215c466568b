"""`mimica drive`: a photo does what a person in a video does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import PhotoArgument, SizeOption, Source, TagOption, VideoOption, check_output, grouped, warn
from mimica.cli.progress import bar
from mimica.files import fitting


@dataclass(frozen=True)
class Transfer:
    """How the driver's motion goes over: the fields of `mimica.drive.Drive`."""

    gain: Annotated[float, typer.Option("--gain", help="How strongly the driver's changes are shown, above 0, up to 3.")] = 1.0
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Show the driver's Action Units as they are, not their changes from neutral.")
    ] = False
    neutral: Annotated[
        float | None,
        typer.Option("--neutral", help="The second at which the driver's face is at rest. (Default: the calmest frames.)"),
    ] = None
    raw: Annotated[bool, typer.Option("--raw", help="Values as read in each frame, not steadied over time.")] = False
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Copy the video's sound (mp4 and webm).")] = True
    fps: Annotated[float | None, typer.Option("--fps", help="Frames a second, 1 to 120. (Default: the video's.)")] = None


@grouped
def drive(
    photo: PhotoArgument,
    video: Annotated[Path, typer.Argument(help="The video of the driver: mp4, mov, webm, mkv or gif.", show_default=False)],
    output: VideoOption = None,
    transfer: Transfer = Transfer(),
    size: SizeOption = 1080,
    curves: Annotated[
        Path | None, typer.Option("--curves", help="Also write the curves: .csv for a table of OpenFace's, .png for a picture.")
    ] = None,
    source: Source = Source(),
    tag: TagOption = True,
) -> None:
    """Make a photo do what the person in a video does: expressions, blinks, and the sound with them.

    The driver's changes from neutral go over to the photo. Frames without a face hold the expression before and are reported.

    mimica drive photo.jpg talking.mp4 -o driven.mp4
    """
    from mimica.drive import Drive
    from mimica.video.writer import SUFFIXES

    output = output or fitting(photo.with_name(f"{photo.stem}_driven.mp4"))
    check_output(output, SUFFIXES, photo, folder=True)
    check_output(output, SUFFIXES, video, folder=True)
    if curves is not None:
        check_output(curves, (".csv", ".png"), photo)
    with bar("reading the video", None) as line:
        result = Drive(**asdict(transfer)).run(photo, video, output, size=size, progress=line.to, **source.arguments())
    warn(result.warnings)
    if curves is not None:
        result.save_curves(curves)
    with bar(output.name, len(result.animation)) as line:
        result.save(output, tag=tag, progress=line.advance)
    typer.echo(str(output))
