"""`mimica edit`: a photo, or a film, with another expression."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from mimica.cli.edit_many import Many, are_many, edit_photos
from mimica.cli.options import (
    AbsoluteOption,
    DetailOption,
    DriverFaceOption,
    EnhanceOption,
    Marking,
    PartsOption,
    Source,
    Wanted,
    check_output,
    grouped,
    warn,
)
from mimica.cli.pipes import PIPE, SOME_LEFT_OUT, default_output, delivered, given, spooled, suffix_of
from mimica.cli.progress import bar
from mimica.cli.spread import Spread
from mimica.errors import UserError, ValueRangeError
from mimica.files import fitting

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Where to write; the suffix is the format, `-` is standard output. (Default: beside the photo or film, as "
        "photo_happiness.jpg.)",
    ),
]
MasksOption = Annotated[
    bool, typer.Option("--masks", help="Also write OUTPUT_masks.png: what the network made, its attention, colours and flow.")
]
EditedArgument = Annotated[
    Path,
    typer.Argument(
        help="A photo with a face (JPEG, PNG, WebP ...), a film (mp4, mov, webm, mkv ...), or many photos: a folder, a tar, "
        "@list.txt, a table of requests. `-` is standard input.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Example:
    """The expression of another photo: see `mimica.edit`."""

    like: Annotated[
        Path | None, typer.Option("--like", help="Take the expression of the face in this photo, in place of --expression.")
    ] = None
    ratio: Annotated[float, typer.Option("--ratio", help="How much of the expression of --like, 0 to 1.5.")] = 1.0
    driver_face: DriverFaceOption = None
    parts: PartsOption = None

    def arguments(self) -> dict[str, Any]:
        """For `mimica.edit` and `mimica.edit_video`. Raises `ValueRangeError`, `ImageError`."""
        if self.like is None and (self.ratio != 1.0 or self.driver_face is not None):
            raise ValueRangeError("--ratio and --driver-face go with --like, the photo whose expression is taken.")
        like = None if self.like is None else given(self.like)
        return {"like": like, "ratio": self.ratio, "driver_face": self.driver_face, "parts": self.parts}


@dataclass(frozen=True)
class OnFilm:
    """What only a film has."""

    script: Annotated[
        Path | None,
        typer.Option(
            "--script",
            help="For a film: motion from a file on the film's clock, in place of --expression: a text script, subtitles (.srt), "
            "a table (.csv).",
        ),
    ] = None
    absolute: AbsoluteOption = False
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="For a film: keep its sound (mp4 and webm).")] = True


@grouped
def edit(
    photo: EditedArgument,
    wanted: Wanted,
    example: Example = Example(),
    on_film: OnFilm = OnFilm(),
    output: OutputOption = None,
    masks: MasksOption = False,
    source: Source = Source(),
    detail: DetailOption = True,
    enhance: EnhanceOption = False,
    marking: Marking = Marking(),
    many: Many = Many(),
    spread: Spread = Spread(),
) -> None:
    """Give the face in a photo, or in a film, or those in many photos, another expression.

    In a film it is laid over what each frame shows: speech and blinks go on. Where the face is lost, turned too far or covered,
    the edit fades out and in over 0.2 s; the closing line counts these frames. Exit codes for films: 0 all of it was edited, 1
    frames of the file are damaged or missing, 2 nothing was made.

    Many photos are a folder, a tar, `@list.txt`, or a table (.csv, .parquet) with a request a row: photo, and expression, au,
    pose, gaze, look, attribute, intensity, face. --output is then a folder, filled in parts; --shard, --cluster, `mimica merge`
    and exit codes are as for annotate.

    mimica edit photo.jpg --expression happy -o happy.jpg

    mimica edit photo.jpg --au 12=0.8,6=0.5 --pose yaw=12,pitch=-5 --gaze x=10 --masks

    mimica edit photo.jpg --like other.jpg --parts mouth,eyes

    mimica edit photo.jpg --engine vae --attribute smile=1.5 --attribute age=-1

    mimica edit photo.jpg --expression happy --enhance

    mimica edit film.mp4 --expression happy:0.6 -o smiling.mp4

    mimica edit photos/ --expression happy -o happy

    mimica edit requests.csv -o edited --shard 3/20
    """
    from mimica.film.files import is_film

    film, chosen = not are_many(photo) and is_film(photo, output), partial(_source, source, detail)
    _check_kind(photo, film, masks or enhance, example, on_film, many, spread)
    if are_many(photo):
        edit_photos(photo, wanted, output, source, detail, marking, many, spread)
    elif film:
        _edit_film(photo, wanted, example, on_film, output, chosen, marking)
    else:
        _edit_photo(photo, wanted, example, output, masks, chosen, enhance, marking)


def _check_kind(photo: Path, film: bool, once: bool, example: Example, on_film: OnFilm, many: Many, spread: Spread) -> None:
    """Options that a photo, a film or many photos do not take are refused, not passed over. `once`: those of one photo only."""
    if are_many(photo):
        if once or example != Example() or on_film != OnFilm():
            raise UserError(f"'{photo}' is many photos: they take no --masks, --enhance, --like, --parts, nor options of films.")
        return
    if many != Many() or spread != Spread():
        raise UserError(f"'{photo}' is one file: --recursive, --jobs, --shard, --cluster, --format, --part are for many photos.")
    if film and once:
        raise UserError("--masks and --enhance are for photos; leave them out for a film.")
    if not film and on_film != OnFilm():
        raise ValueRangeError("--script, --absolute and --no-audio are for films; `mimica animate` moves a photo by a script.")


def _edit_photo(
    photo: Path,
    wanted: Wanted,
    example: Example,
    output: Path | None,
    masks: bool,
    chosen: Callable[[], dict[str, Any]],
    enhance: bool,
    marking: Marking,
) -> None:
    from mimica.pictures.images import FORMAT_BY_SUFFIX

    label, taken = _label(wanted, example, enhance), given(photo)
    suffix = suffix_of(taken, FORMAT_BY_SUFFIX)
    output = output or default_output(photo, f"{photo.stem}_{label}{suffix}")
    check_output(output, FORMAT_BY_SUFFIX, photo)
    masks_file = fitting(output.with_name(f"{output.stem}_masks.png"))
    if masks and output == PIPE:
        raise UserError("--masks writes a second file beside --output, which is standard output: name a file.")
    if masks:
        check_output(masks_file, (".png",), photo)
    marks = marking.marks(photo, output)

    from mimica import api

    asked = {**wanted.arguments(), **example.arguments(), **chosen()}
    result = api.edit(taken, **asked, masks=masks, enhance=enhance)
    warn(result.warnings)
    with delivered(output, suffix) as file:
        result.save(file, marks=marks)
    if result.masks is not None:
        marks.save_image(masks_file, result.masks)
        typer.echo(str(masks_file))


def _edit_film(
    film: Path,
    wanted: Wanted,
    example: Example,
    on_film: OnFilm,
    output: Path | None,
    chosen: Callable[[], dict[str, Any]],
    marking: Marking,
) -> None:
    from mimica.film.edit import edit_video
    from mimica.film.files import result_suffix
    from mimica.motion.files import read_motion
    from mimica.video.suffixes import SUFFIXES

    label = on_film.script.stem if on_film.script is not None else _label(wanted, example)
    output = output or default_output(film, f"{film.stem}_{label}{result_suffix(film)}")
    check_output(output, SUFFIXES, film, folder=True)
    marks = marking.marks(film, output)
    track = None if on_film.script is None else read_motion(on_film.script)
    with ExitStack() as stack:
        path = stack.enter_context(spooled(film))
        asked = {**wanted.arguments(), **example.arguments(), "track": track, "absolute": on_film.absolute}
        edited = edit_video(path, **asked, **chosen())
        warn(edited.warnings)
        save_film(edited, film, output, marks, on_film.audio)


def save_film(edited: Any, film: Path, output: Path, marks: Any, audio: bool | Path) -> None:
    """Writes a `mimica.film.edit.FilmEdit` with a bar, prints its closing line. Raises `typer.Exit` where frames were lost."""
    with delivered(output, ".mp4") as file, bar(output.name, len(edited) or None) as line:
        edited.save(file, marks=marks, progress=line.advance, audio_from=audio)
    warn([*edited.losses, *edited.report.refusals])
    typer.echo(edited.report.told(str(film)), err=True)
    if edited.losses:
        raise typer.Exit(SOME_LEFT_OUT)


def _label(wanted: Wanted, example: Example, enhance: bool = False) -> str:
    """A word for the result's name; what cannot be asked for is refused here, before any work. Raises `ValueRangeError`."""
    return "like" if example.like is not None else wanted.target(enhance).label


def _source(source: Source, detail: bool) -> dict[str, Any]:
    from mimica.engines.base import load_without_detail

    chosen = source.arguments()
    if not detail:
        chosen["engine"] = load_without_detail(chosen["engine"], source.weights)
    return chosen
