"""`mimica drive`: a photo does what a person in a video does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import EnhanceOption, Marking, PhotoArgument, SizeOption, Source, VideoOption, check_output, grouped, warn
from mimica.cli.pipes import PIPE, SOME_LEFT_OUT, default_output, delivered, given, spooled
from mimica.cli.progress import bar
from mimica.errors import UserError


@dataclass(frozen=True)
class Transfer:
    """How the driver's motion goes over: the fields of `mimica.drive.Drive`."""

    gain: Annotated[float, typer.Option("--gain", help="How strongly the driver's changes are shown, above 0, up to 3.")] = 1.0
    pose_gain: Annotated[
        float, typer.Option("--pose-gain", help="How strongly the driver's head and eyes move the photo's, 0 (not at all) to 3.")
    ] = 1.0
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Show the driver's Action Units as they are, not their changes from neutral.")
    ] = False
    neutral: Annotated[
        float | None,
        typer.Option("--neutral", help="The second at which the driver's face is at rest. (Default: the calmest frames.)"),
    ] = None
    raw: Annotated[bool, typer.Option("--raw", help="Values as read in each frame, not steadied over time.")] = False
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Copy the video's sound (mp4 and webm).")] = True
    fps: Annotated[float | None, typer.Option("--fps", help="Frames a second, up to 120. (Default: the video's.)")] = None


@grouped
def drive(
    photo: PhotoArgument,
    video: Annotated[
        Path,
        typer.Argument(help="The video of the driver: mp4, mov, webm, mkv, gif ... `-` is standard input.", show_default=False),
    ],
    output: VideoOption = None,
    transfer: Transfer = Transfer(),
    size: SizeOption = 1080,
    curves: Annotated[
        Path | None, typer.Option("--curves", help="Also write the curves: .csv for a table of OpenFace's, .png for a picture.")
    ] = None,
    source: Source = Source(),
    enhance: EnhanceOption = False,
    marking: Marking = Marking(),
) -> None:
    """Make a photo do what the person in a video does: expressions, head, gaze, blinks, and the sound with them.

    The driver's changes from neutral go over to the photo. Frames without a face hold the expression before and are reported.
    Exit codes: 0 all of the video was read, 1 frames of it are damaged or missing, 2 nothing was made.

    mimica drive photo.jpg talking.mp4 -o driven.mp4
    """
    from mimica.drive import Drive
    from mimica.video.writer import SUFFIXES

    if photo == video == PIPE:
        raise UserError("Photo and video are both '-'; only one of them can come from standard input.")
    output, taken = output or default_output(photo, f"{photo.stem}_driven.mp4"), given(photo)
    check_output(output, SUFFIXES, photo, folder=True)
    check_output(output, SUFFIXES, video, folder=True)
    if curves is not None:
        check_output(curves, (".csv", ".png"), photo)
    marks = marking.marks(photo, output)
    with ExitStack() as stack:
        film = stack.enter_context(spooled(video))
        with bar("reading the video", None) as line:
            result = Drive(**asdict(transfer)).run(
                taken, film, output, size=size, enhance=enhance, progress=line.to, **source.arguments()
            )
        warn(result.warnings)
        if curves is not None:
            result.save_curves(curves)
        file = stack.enter_context(delivered(output, ".mp4"))
        warn(result.animation.warnings_for(file))
        line = stack.enter_context(bar(output.name, len(result.animation)))
        result.save(file, marks=marks, progress=line.advance)
    if result.losses:
        raise typer.Exit(SOME_LEFT_OUT)
