"""`mimica edit`: a photo with another expression."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import DetailOption, EnhanceOption, Marking, PhotoArgument, Source, Wanted, check_output, grouped, warn
from mimica.cli.pipes import PIPE, default_output, delivered, given, suffix_of
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
MasksOption = Annotated[
    bool, typer.Option("--masks", help="Also write OUTPUT_masks.png: what the network made, its attention, colours and flow.")
]


@grouped
def edit(
    photo: PhotoArgument,
    wanted: Wanted,
    output: OutputOption = None,
    masks: MasksOption = False,
    source: Source = Source(),
    detail: DetailOption = True,
    enhance: EnhanceOption = False,
    marking: Marking = Marking(),
) -> None:
    """Give the face in a photo another expression.

    mimica edit photo.jpg --expression happy -o happy.jpg

    mimica edit photo.jpg --au 12=0.8,6=0.5 --masks

    mimica edit photo.jpg --expression happy --pose yaw=12,pitch=-5 --gaze x=10

    mimica edit photo.jpg --engine vae --attribute smile=1.5 --attribute age=-1

    mimica edit photo.jpg --engine stylegan --direction smile=1.5

    mimica edit photo.jpg --expression happy --enhance
    """
    from mimica.pictures.images import FORMAT_BY_SUFFIX

    label, taken = wanted.target(enhance).label, given(photo)
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
    result = api.edit(taken, **wanted.arguments(), **chosen, masks=masks, enhance=enhance)
    warn(result.warnings)
    with delivered(output, suffix) as file:
        result.save(file, marks=marks)
    if result.masks is not None:
        marks.save_image(masks_file, result.masks)
        typer.echo(str(masks_file))
