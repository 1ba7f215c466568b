"""`mimica edit`: a photo with another expression."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mimica.cli.options import DetailOption, Marking, PhotoArgument, Source, Wanted, check_output, grouped, warn
from mimica.cli.pipes import PIPE, default_output, delivered, given, suffix_of
from mimica.cli.progress import bar
from mimica.cli.spread import Spread, told
from mimica.errors import UserError
from mimica.files import fitting

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Where to write; the suffix is the format, `-` is standard output. (Default: beside the photo, as "
        "photo_happiness.jpg.)",
    ),
]


@grouped
def edit(
    photo: PhotoArgument,
    wanted: Wanted,
    output: OutputOption = None,
    masks: Annotated[
        bool,
        typer.Option("--masks", help="Also write OUTPUT_masks.png: what the network made, its attention, colours and flow."),
    ] = False,
    source: Source = Source(),
    detail: DetailOption = True,
    marking: Marking = Marking(),
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Folders within folders too.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Many photos: processes; one for each core if not said.", min=1)
    ] = None,
    spread: Spread = Spread(),
) -> None:
    """Give the face in a photo another expression, or those in many photos.

    Many photos are a folder, a tar, `@list.txt`, or a table (.csv, .parquet) with a request a row: photo, and expression, au,
    pose, gaze, look, attribute, intensity, face. --output is then a folder, filled in parts; --shard, --cluster, `mimica merge`
    and exit codes are as for annotate.

    mimica edit photo.jpg --expression happy -o happy.jpg

    mimica edit photo.jpg --au 12=0.8,6=0.5 --masks

    mimica edit photo.jpg --expression happy --pose yaw=12,pitch=-5 --gaze x=10

    mimica edit photo.jpg --engine vae --attribute smile=1.5 --attribute age=-1

    mimica edit photo.jpg --engine stylegan --direction smile=1.5

    mimica edit photos/ --expression happy -o happy

    mimica edit requests.csv -o edited --shard 3/20
    """
    if _is_many(photo):
        if masks or output is None:
            raise UserError("Many photos are edited into a folder: name it by --output, and leave out --masks.")
        _edit_many(photo, wanted, output, source, detail, marking, recursive, jobs, spread)
    elif spread.shard or spread.cluster:
        raise UserError("--shard and --cluster are for many photos: a folder, a tar, @list.txt or a table of requests.")
    else:
        _edit_one(photo, wanted, output, masks, source, detail, marking)


def _is_many(photo: Path) -> bool:
    return str(photo).startswith("@") or photo.is_dir() or photo.suffix.lower() in (".csv", ".parquet", ".tar", ".tgz")


def _edit_one(
    photo: Path, wanted: Wanted, output: Path | None, masks: bool, source: Source, detail: bool, marking: Marking
) -> None:
    from mimica.pictures.images import FORMAT_BY_SUFFIX

    label, taken = wanted.target().label, given(photo)
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
    from mimica.engines.base import load_without_detail

    chosen = source.arguments()
    if not detail:
        chosen["engine"] = load_without_detail(chosen["engine"], source.weights)
    result = api.edit(taken, **wanted.arguments(), **chosen, masks=masks)
    warn(result.warnings)
    with delivered(output, suffix) as file:
        result.save(file, marks=marks)
    if result.masks is not None:
        marks.save_image(masks_file, result.masks)
        typer.echo(str(masks_file))


def _edit_many(
    photos: Path,
    wanted: Wanted,
    output: Path,
    source: Source,
    detail: bool,
    marking: Marking,
    recursive: bool,
    jobs: int | None,
    spread: Spread,
) -> None:
    from mimica.jobs.workers import cores
    from mimica.synthesize.edits import edit_many

    if not spread.is_asked(output):
        raise UserError(f"--output is '{output}', and many photos fill a folder: name one, without a suffix.")
    is_table = photos.suffix.lower() in (".csv", ".parquet")
    label = "" if is_table else wanted.target().label
    given = {name: value for name, value in wanted.arguments().items() if value is not None}
    asked = {} if is_table and given == {"intensity": 1.0} else given
    marks = {"tag": marking.tag, "labelled_elsewhere": marking.labelled_elsewhere, "visible": marking.visible_mark}
    marking.marks()  # what cannot be is said before any work
    with bar("photos", None) as line:
        totals = edit_many(
            photos,
            output,
            asked,
            label=label,
            recursive=recursive,
            engine=_loader(source, detail),
            marks=marks | {"key": marking.sign_key, "chain": marking.sign_chain},
            options={"face": source.face, "detector": source.detector, "model": source.model},
            driver=spread.driver(jobs or cores()),
            progress=line.files,
            **spread.arguments(),
        )
    told(totals, output, as_json=False)


def _loader(source: Source, detail: bool) -> Any:
    """What loads the engine in each process."""
    from functools import partial

    from mimica.engines.base import load_engine, load_with_directions, load_without_detail

    if source.directions is not None:
        return partial(load_with_directions, source.engine, source.weights, source.directions)
    if not detail:
        return partial(load_without_detail, source.engine, source.weights)
    return partial(load_engine, source.engine, source.weights)
