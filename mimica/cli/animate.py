"""`mimica animate`: a video of a photo changing its expression."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimica.cli.options import (
    EnhanceOption,
    Marking,
    PartsOption,
    PhotoArgument,
    SizeOption,
    Source,
    VideoOption,
    Wanted,
    check_output,
    grouped,
    warn,
)
from mimica.cli.pipes import default_output, delivered, given
from mimica.cli.progress import bar
from mimica.errors import ValueRangeError

if TYPE_CHECKING:
    from mimica.motion.files import Motion


@dataclass(frozen=True)
class Course:
    """What the face does in time, other than going to one expression and back."""

    start: Annotated[str | None, typer.Option("--from", help="Begin with this expression (with --to).")] = None
    end: Annotated[str | None, typer.Option("--to", help="Go to this expression, straight from that of --from.")] = None
    expressions: Annotated[
        str | None,
        typer.Option(
            "--expressions",
            help="Several, with the seconds at which each is reached and, after a dash, until when it is held: "
            "'happy@0, surprised:0.8@1.5-2, photo@3'; 'photo' is the photo's own. Without times they are spread evenly.",
        ),
    ] = None
    script: Annotated[
        Path | None,
        typer.Option(
            "--script",
            "--track",
            help="Motion from a file: a text script, subtitles (.srt), a table (.csv) of OpenFace's or of blendshapes.",
        ),
    ] = None
    predict: Annotated[
        bool,
        typer.Option("--predict", help="What the face may do next, for --seconds (default 8), as a network guesses by --seed."),
    ] = False
    seconds: Annotated[float | None, typer.Option("--seconds", help="Length. (Default: 2.5, or what --expressions says.)")] = None
    loop: Annotated[bool, typer.Option("--loop", help="End as it begins, and have gif and webp repeat for ever.")] = False
    blinks: Annotated[bool, typer.Option("--blinks", help="Let the eyes blink now and then; alone, nothing else moves.")] = False
    alive: Annotated[
        bool,
        typer.Option("--alive", help="Let the head sway, the eyes wander and blink, beside the rest or alone (then 8 s long)."),
    ] = False
    seed: Annotated[int, typer.Option("--seed", help="For what is random: --predict, --alive, the times of --blinks.", min=0)] = 0
    parts: PartsOption = None

    def sequence(self) -> str | None:
        """The list of expressions; --from and --to are a list of two. Raises `ValueRangeError`."""
        if (self.start is None) != (self.end is None):
            raise ValueRangeError("--from and --to go together; give both, or --expression for one that comes and goes.")
        if self.start is None or self.end is None:
            return self.expressions
        if self.expressions is not None:
            raise ValueRangeError("--from and --to cannot be combined with --expressions; put all of them into the list.")
        if "@" in self.start + self.end or "," in self.start + self.end:
            raise ValueRangeError("--from and --to take one expression each, without times; use --expressions for a list.")
        return f"{self.start}, {self.end}"

    def arguments(self) -> dict[str, Any]:
        """For `mimica.animate`; reads the script, loads the predictor. Raises `UserError`."""
        from mimica.motion.files import left_out, read_motion

        track, seconds = read_motion(self.script) if self.script is not None else None, self.seconds
        warn(left_out(self.script) if self.script is not None else [])
        if self.predict:
            if track is not None:
                raise ValueRangeError("--predict and --script exclude each other; leave one out.")
            track, seconds = _predicted(8.0 if seconds is None else seconds, self.seed), None
        given = {"loop": self.loop, "blinks": self.blinks, "alive": self.alive, "seed": self.seed}
        return {"sequence": self.sequence(), "track": track, "seconds": seconds, "parts": self.parts, **given}


@grouped
def animate(
    photo: PhotoArgument,
    wanted: Wanted,
    output: VideoOption = None,
    course: Course = Course(),
    check: Annotated[
        bool, typer.Option("--check", help="Only read the --script, and draw its curves into the PNG that --output names.")
    ] = False,
    fps: Annotated[float, typer.Option("--fps", help="Frames a second, up to 120.")] = 25.0,
    size: SizeOption = 1080,
    source: Source = Source(),
    enhance: EnhanceOption = False,
    marking: Marking = Marking(),
) -> None:
    """Make a video of a photo changing its expression, there and back or through several.

    mimica animate photo.jpg --expression surprised --blinks -o surprised.mp4

    mimica animate photo.jpg --expressions "happy@0, sad@1.5, angry@3" --loop -o moods.gif

    mimica animate photo.jpg --alive --seconds 10 -o alive.mp4

    mimica animate photo.jpg --engine stylegan --direction smile=1.5 -o smile.mp4
    """
    course.sequence()
    if output is None:
        output = default_output(photo, f"{photo.stem}_{'curves.png' if check else 'animated.mp4'}")
    if check:
        _check(course.script, output, photo)
        return

    taken = given(photo)
    from mimica import api
    from mimica.motion.expression import checked
    from mimica.video.writer import SUFFIXES, VideoWriter

    marks = marking.marks(photo, output)
    checked(fps, "--fps", api.MIN_FPS, api.MAX_FPS)
    check_output(output, SUFFIXES, photo, folder=True)
    VideoWriter(output.with_suffix(output.suffix or ".mp4"), fps, (2, 2))  # refuses, before any work, a rate too high for GIF
    animation = api.animate(
        taken, **wanted.arguments(), **course.arguments(), fps=fps, size=size, enhance=enhance, **source.arguments()
    )
    warn(animation.warnings)
    with delivered(output, ".mp4") as file, bar(output.name, len(animation)) as line:
        warn(animation.warnings_for(file))
        animation.save(file, marks=marks, progress=line.advance)


def _check(script: Path | None, output: Path, photo: Path) -> None:
    """Reads the script and draws what it makes of a face that shows nothing."""
    if script is None:
        raise ValueRangeError("--check reads a script; name it with --script.")
    from mimica.motion.curves import draw_curves
    from mimica.motion.files import read_motion
    from mimica.motion.script.script import NEUTRAL
    from mimica.pictures.images import write_image

    motion = read_motion(script)
    check_output(output, (".png",), photo if photo.exists() else None)
    check_output(output, (".png",), script)
    with delivered(output, ".png") as file:
        write_image(file, draw_curves(motion(NEUTRAL)))


def _predicted(seconds: float, seed: int) -> Motion:
    from mimica.motion.predictor.predict import Predictor

    predictor = Predictor()
    return lambda own: predictor.predict(own, seconds, seed).track
