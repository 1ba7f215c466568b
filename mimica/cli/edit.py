"""`mimica edit`: a photo with another expression."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import (
    AttributeOption,
    AuOption,
    DetailOption,
    DetectorOption,
    EngineOption,
    ExpressionOption,
    FaceOption,
    IntensityOption,
    ModelOption,
    PhotoArgument,
    TagOption,
    WeightsOption,
    check_output,
    joined,
    warn,
)

if TYPE_CHECKING:
    from mimica.engines.base import Engine


def edit(
    photo: PhotoArgument,
    expression: ExpressionOption = None,
    au: AuOption = None,
    attribute: AttributeOption = None,
    intensity: IntensityOption = 1.0,
    face: FaceOption = None,
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
    engine: EngineOption = "ganimation",
    detail: DetailOption = True,
    weights: WeightsOption = None,
    detector: DetectorOption = "dlib",
    model: ModelOption = None,
    tag: TagOption = True,
) -> None:
    """Give the face in a photo another expression.

    mimica edit photo.jpg --expression happy -o happy.jpg

    mimica edit photo.jpg --au 12=0.8,6=0.5 --masks

    mimica edit photo.jpg --engine vae --attribute smile=1.5 --attribute age=-1

    mimica edit photo.jpg --engine stylegan --direction smile=1.5
    """
    from mimica.expression import PHOTO, parse_attributes, wanted
    from mimica.images import FORMAT_BY_SUFFIX, write_image

    doses = parse_attributes(joined(attribute, ","))
    target = PHOTO if doses and not expression and not au else wanted(joined(expression, "+"), joined(au, ","), intensity)
    if output is None:
        suffix = photo.suffix if photo.suffix.lower() in FORMAT_BY_SUFFIX else ".png"
        output = photo.with_name(f"{photo.stem}_{target.label}{suffix}")
    check_output(output, FORMAT_BY_SUFFIX, photo)
    masks_file = output.with_name(f"{output.stem}_masks.png")
    if masks:
        check_output(masks_file, (".png",), photo)

    from mimica import api

    result = api.edit(
        photo,
        joined(expression, "+"),
        au=joined(au, ","),
        attributes=doses,
        intensity=intensity,
        face=face,
        engine=engine if detail else _without_detail(engine, weights),
        weights=weights,
        detector=detector,
        model=model,
        masks=masks,
    )
    warn(result.warnings)
    result.save(output, tag=tag)
    typer.echo(str(output))
    if result.masks is not None:
        write_image(masks_file, result.masks, comment=api.TAG if tag else None)
        typer.echo(str(masks_file))


def _without_detail(engine: str, weights: Path | None) -> Engine:
    from mimica.engines.base import load_engine
    from mimica.errors import ValueRangeError

    loaded = load_engine(engine, weights)
    if not hasattr(loaded, "detail"):
        raise ValueRangeError(f"The engine '{engine}' keeps the photo's own pixels; --no-detail is for vae and stylegan.")
    loaded.detail = False
    return loaded
