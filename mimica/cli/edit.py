"""`mimica edit`: a photo with another expression."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import DetailOption, PhotoArgument, Source, TagOption, Wanted, check_output, grouped, warn
from mimica.files import fitting


@grouped
def edit(
    photo: PhotoArgument,
    wanted: Wanted,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to write; the suffix is the format. (Default: beside the photo, as photo_happiness.jpg.)",
        ),
    ] = None,
    masks: Annotated[
        bool,
        typer.Option("--masks", help="Also write OUTPUT_masks.png: what the network made, its attention, colours and flow."),
    ] = False,
    source: Source = Source(),
    detail: DetailOption = True,
    tag: TagOption = True,
) -> None:
    """Give the face in a photo another expression.

    mimica edit photo.jpg --expression happy -o happy.jpg

    mimica edit photo.jpg --au 12=0.8,6=0.5 --masks

    mimica edit photo.jpg --engine vae --attribute smile=1.5 --attribute age=-1

    mimica edit photo.jpg --engine stylegan --direction smile=1.5
    """
    from mimica.images import FORMAT_BY_SUFFIX, write_image

    suffix = photo.suffix if photo.suffix.lower() in FORMAT_BY_SUFFIX else ".png"
    output = output or fitting(photo.with_name(f"{photo.stem}_{wanted.target().label}{suffix}"))
    check_output(output, FORMAT_BY_SUFFIX, photo)
    masks_file = fitting(output.with_name(f"{output.stem}_masks.png"))
    if masks:
        check_output(masks_file, (".png",), photo)

    from mimica import api
    from mimica.engines.base import load_without_detail

    chosen = source.arguments() | ({} if detail else {"engine": load_without_detail(source.engine, source.weights)})
    result = api.edit(photo, **wanted.arguments(), **chosen, masks=masks)
    warn(result.warnings)
    result.save(output, tag=tag)
    typer.echo(str(output))
    if result.masks is not None:
        write_image(masks_file, result.masks, comment=api.TAG if tag else None)
        typer.echo(str(masks_file))
