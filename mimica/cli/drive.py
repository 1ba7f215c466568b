"""`mimica drive`: a photo does what a person in a video does."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import PhotoArgument, SizeOption, Source, TagOption, VideoOption, check_output, grouped, warn

if TYPE_CHECKING:
    from mimica.motion.track import Track


@grouped
def drive(
    photo: PhotoArgument,
    video: Annotated[Path, typer.Argument(help="The video of the driver: mp4, mov, webm, mkv or gif.", show_default=False)],
    output: VideoOption = None,
    gain: Annotated[float, typer.Option("--gain", help="How strongly the driver's changes are shown, above 0, up to 3.")] = 1.0,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Show the driver's Action Units as they are, not their changes from neutral.")
    ] = False,
    neutral: Annotated[
        float | None,
        typer.Option("--neutral", help="The second at which the driver's face is at rest. (Default: the calmest frames.)"),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Values as read in each frame, not steadied over time.")] = False,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Copy the video's sound (mp4 and webm).")] = True,
    fps: Annotated[float | None, typer.Option("--fps", help="Frames a second, 1 to 120. (Default: the video's.)")] = None,
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
    if output is None:
        output = photo.with_name(f"{photo.stem}_driven.mp4")

    from rich.console import Console
    from rich.progress import Progress

    from mimica import api
    from mimica.motion.driving import describe_gaps, read_driver
    from mimica.motion.expression import checked
    from mimica.reader.follow import Finder
    from mimica.video.reader import open_video
    from mimica.video.writer import SUFFIXES, VideoWriter

    check_output(output, SUFFIXES, photo, folder=True)
    check_output(output, SUFFIXES, video, folder=True)
    if curves is not None:
        check_output(curves, (".csv", ".png"), photo)
    checked(gain, "--gain", 0.05, 3.0)
    driving = open_video(video)
    most = 50.0 if output.suffix.lower() == ".gif" else api.MAX_FPS
    rate = checked(min(driving.fps, most) if fps is None else fps, "--fps", 1.0, api.MAX_FPS)
    sound = video if audio and driving.has_audio and output.suffix.lower() in (".mp4", ".webm") else None
    VideoWriter(output, rate, (2, 2), audio_from=sound)  # refuses, before any work, what cannot be written

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        reading = bar.add_task("reading the video", total=driving.frame_count)
        finder = Finder(source.detector, str(source.model) if source.model else None)
        driver = read_driver(
            video, finder, neutral=neutral, raw=raw, progress=lambda done, total: bar.update(reading, completed=done, total=total)
        )
        motion = partial(driver.track, transfer="absolute" if absolute else "relative", gain=gain)
        animation = api.animate(photo, track=motion, fps=rate, size=size, **source.arguments())
        warn([*describe_gaps(driver), *animation.warnings])
        if curves is not None:
            _write_curves(animation.tracks[0], curves)
        rendering = bar.add_task(output.name, total=len(animation))
        comment = api.TAG if tag else None
        with VideoWriter(output, rate, animation.size, comment=comment, loop=False, audio_from=sound) as writer:
            for frame in animation:
                writer.write(frame)
                bar.advance(rendering)
    typer.echo(str(output))


def _write_curves(track: Track, path: Path) -> None:
    """A table or a picture, by the suffix."""
    from mimica.images import write_image
    from mimica.motion.curves import draw_curves
    from mimica.motion.openface import write_track

    if path.suffix.lower() == ".csv":
        write_track(track, path)
    else:
        write_image(path, draw_curves(track))
