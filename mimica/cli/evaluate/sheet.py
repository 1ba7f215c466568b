"""`mimica evaluate sheet`: random held-out faces by the default engine, to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import check_output


def sheet(
    pairs: Annotated[Path, typer.Argument(help="Folder of pairs: labels.jsonl and its frames.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write.")] = Path("sheet.jpg"),
    faces: Annotated[int, typer.Option(help="How many faces, drawn at random.", min=1, max=100)] = 6,
    seed: Annotated[int, typer.Option(help="For the draw.", min=0)] = 0,
    weights: Annotated[Path | None, typer.Option(help="Other weights of the fast generator than the shipped ones.")] = None,
    zoom: Annotated[str | None, typer.Option(help="Enlarge `eyes` or `mouth`, with the edits that show faults there.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Another labels.jsonl than the folder's own.")] = None,
) -> None:
    """Random held-out faces x expressions by the default engine, beside the frames that the pairs hold."""
    from mimica.engines.base import load_engine
    from mimica.evaluate.sheet import sheet as draw
    from mimica.pictures.images import FORMAT_BY_SUFFIX, write_image

    check_output(output, FORMAT_BY_SUFFIX, None)
    write_image(output, draw(pairs, load_engine(weights=weights), faces=faces, seed=seed, labels=labels, zoom=zoom))
    typer.echo(str(output))
