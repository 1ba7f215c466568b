"""`mimica drive`: a photo, or the person of a film, does what a person in a video or another photo does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from mimica.cli.edit import save_film
from mimica.cli.options import (
    AttributeOption,
    DriverFaceOption,
    EnhanceOption,
    Marking,
    PartsOption,
    SizeOption,
    Source,
    VideoOption,
    check_output,
    grouped,
    joined,
    warn,
)
from mimica.cli.pipes import PIPE, SOME_LEFT_OUT, default_output, delivered, given, spooled, suffix_of
from mimica.cli.progress import bar
from mimica.errors import UserError, ValueRangeError


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
    parts: PartsOption = None
    driver_face: DriverFaceOption = None


@dataclass(frozen=True)
class Dressed(Source):
    """The face that is driven, and what is put on it."""

    attribute: AttributeOption = None

    def arguments(self) -> dict[str, Any]:
        """For `mimica.drive.Drive`."""
        given = super().arguments()
        attribute = given.pop("attribute")
        return {**given, "attributes": joined(attribute, ",")} if attribute else given


@grouped
def drive(
    photo: Annotated[
        Path, typer.Argument(help="A photo with a face, or a film: what is driven. `-` is standard input.", show_default=False)
    ],
    video: Annotated[
        Path,
        typer.Argument(
            help="The driver: a video (mp4, mov, webm, mkv, gif ...) or a photo. `-` is a video from standard input.",
            show_default=False,
        ),
    ],
    output: VideoOption = None,
    transfer: Transfer = Transfer(),
    size: SizeOption = 1080,
    curves: Annotated[
        Path | None, typer.Option("--curves", help="Also write the curves: .csv for a table of OpenFace's, .png for a picture.")
    ] = None,
    source: Dressed = Dressed(),
    enhance: EnhanceOption = False,
    marking: Marking = Marking(),
) -> None:
    """Make a photo do what the person in a video does: expressions, head, gaze, blinks, and the sound with them.

    The driver's changes from neutral go over to the photo. Frames without a face hold the expression before and are reported. A
    photo as driver gives its expression; the result is a photo, or, by the suffix of --output, a video. A film in place of the
    photo keeps its pictures, length and head; its person shows what the driver shows. Exit codes: 0 all of the video was read, 1
    frames of it are damaged or missing, 2 nothing was made.

    mimica drive photo.jpg talking.mp4 -o driven.mp4

    mimica drive photo.jpg other.jpg --parts brows,eyes

    mimica drive film.mp4 driver.mp4 -o dubbed.mp4
    """
    from mimica.film.files import is_film

    still = _is_still(photo, video)
    if is_film(photo, output):
        if curves is not None or transfer.fps is not None or enhance:
            raise ValueRangeError("--curves, --fps and --enhance are for photos; a film keeps its rate and pixels.")
        _drive_film(photo, video, still, output, transfer, source, marking)
    elif still:
        if curves is not None:
            raise ValueRangeError("--curves draws what a video does; a photo as driver has one expression only.")
        _drive_still(photo, video, output, transfer, size, source, enhance, marking)
    else:
        _drive(photo, video, output, transfer, size, curves, source, enhance, marking)


def _is_still(photo: Path, video: Path) -> bool:
    """Whether the driver is a photo. Raises `UserError` for one that is neither photo nor video, and for two pipes."""
    from mimica.data.inputs import BESIDE, is_video

    if photo == video == PIPE:
        raise UserError("Photo and video are both '-'; only one of them can come from standard input.")
    still = video != PIPE and not is_video(video)
    if still and video.suffix.lower() in BESIDE:
        raise UserError(f"The driver '{video}' is no video and no photo; tables and scripts are for `mimica animate --script`.")
    return still


def _drive(
    photo: Path,
    video: Path,
    output: Path | None,
    transfer: Transfer,
    size: int,
    curves: Path | None,
    source: Source,
    enhance: bool,
    marking: Marking,
) -> None:
    from mimica.drive import Drive
    from mimica.video.suffixes import SUFFIXES

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


def _drive_still(
    photo: Path, still: Path, output: Path | None, transfer: Transfer, size: int, source: Source, enhance: bool, marking: Marking
) -> None:
    from mimica.api import Animation
    from mimica.drive import Drive
    from mimica.pictures.images import FORMAT_BY_SUFFIX
    from mimica.video.suffixes import SUFFIXES

    taken, driver = given(photo), given(still)
    suffix = suffix_of(taken, FORMAT_BY_SUFFIX)
    output = output or default_output(photo, f"{photo.stem}_driven{suffix}")
    moving = output.suffix.lower() in (".mp4", ".webm", ".gif") or (output != PIPE and not output.suffix)
    check_output(output, SUFFIXES if moving else FORMAT_BY_SUFFIX, photo, folder=moving)
    check_output(output, SUFFIXES if moving else FORMAT_BY_SUFFIX, still, folder=moving)
    marks = marking.marks(photo, output)
    asked = {"moving": moving, "size": size, "enhance": enhance, **source.arguments()}
    result = Drive(**asdict(transfer)).run_still(taken, driver, **asked)
    warn(result.warnings)
    with delivered(output, ".mp4" if moving else suffix) as file:
        if isinstance(result, Animation):
            with bar(output.name, len(result)) as line:
                result.save(file, marks=marks, progress=line.advance)
        else:
            result.save(file, marks=marks)


def _drive_film(
    film: Path, video: Path, still: bool, output: Path | None, transfer: Transfer, source: Source, marking: Marking
) -> None:
    from mimica.drive import Drive
    from mimica.film.files import result_suffix
    from mimica.video.suffixes import SUFFIXES

    output = output or default_output(film, f"{film.stem}_driven{result_suffix(film)}")
    check_output(output, SUFFIXES, film, folder=True)
    check_output(output, SUFFIXES, video, folder=True)
    marks = marking.marks(film, output)
    with ExitStack() as stack:
        path, driver = stack.enter_context(spooled(film)), stack.enter_context(spooled(video))
        with bar("reading", None) as line:
            edited, sound = Drive(**asdict(transfer)).run_film(path, driver, still=still, progress=line.to, **source.arguments())
        warn(edited.warnings)
        save_film(edited, film, output, marks, sound)
