"""`mimica grid`: contact sheets of one face, every Action Unit at rising intensity or many plausible expressions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import Marking, PhotoArgument, Source, check_output, grouped, warn
from mimica.files import fitting


@grouped
def grid(
    photo: PhotoArgument,
    sample: Annotated[
        int | None, typer.Option("--sample", help="So many plausible random expressions, instead of every Action Unit.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="For the random numbers of --sample.", min=0)] = 0,
    cell: Annotated[int, typer.Option("--cell", help="Side of one picture on the sheet, 48 to 512 pixels.")] = 160,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write. (Default: beside the photo, as photo_grid.png.)")
    ] = None,
    source: Source = Source(),
    marking: Marking = Marking(),
) -> None:
    """Make a sheet of one face: every Action Unit at 0, 0.33, 0.66 and 1, or --sample 72 for many expressions."""
    from mimica.errors import ValueRangeError
    from mimica.motion.expression import checked
    from mimica.pictures.images import FORMAT_BY_SUFFIX

    checked(cell, "--cell", 48, 512)
    if sample is not None:
        checked(sample, "--sample", 1, 1000)
    if source.face == "all":
        raise ValueRangeError("A sheet shows one face; give --face a number or 'largest'.")
    if output is None:
        output = fitting(photo.with_name(f"{photo.stem}_grid.png"))
    check_output(output, FORMAT_BY_SUFFIX, photo)
    marks = marking.marks(photo, output)

    from mimica import api, sheets

    prepared, warnings = api.prepare_face(photo, eye_distance=0.5 * cell, **source.arguments())
    warn(warnings)
    picture = sheets.unit_sheet(prepared, cell) if sample is None else sheets.sample_sheet(prepared, sample, seed, cell)
    marks.save_image(output, picture)
    typer.echo(str(output))
