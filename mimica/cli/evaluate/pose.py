"""`mimica evaluate pose`: heads and eyes asked to turn, and what is seen of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.evaluate.tables import AsJsonTables, LimitOption, PeopleArgument, VideoSize, left_out, show, table
from mimica.cli.options import EngineOption, WeightsOption, check_output
from mimica.cli.progress import bar

if TYPE_CHECKING:
    from mimica.evaluate.pose import Report


def pose(
    photos: PeopleArgument,
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="MediaPipe's face_landmarker.task: its eyes count too, beside the reader's.")
    ] = None,
    limit: LimitOption = 0,
    size: VideoSize = 640,
    picture: Annotated[
        Path | None, typer.Option("--sheet", help="Only draw a sheet of random faces at the limits, to judge by eye.")
    ] = None,
    faces: Annotated[int, typer.Option("--faces", help="For --sheet: how many.", min=1, max=100)] = 20,
    seed: Annotated[int, typer.Option("--seed", help="For --sheet: the draw.")] = 0,
    as_json: AsJsonTables = False,
) -> None:
    """Degrees of pose and gaze asked for against those seen, by the reader and by MediaPipe; identity.

    mimica evaluate pose photos/ --model face_landmarker.task
    """
    from mimica.engines.base import load_engine
    from mimica.evaluate.outside import OutsideReader
    from mimica.evaluate.pose import evaluate, renderings, sheet
    from mimica.pictures.images import FORMAT_BY_SUFFIX, list_photos, write_image

    paths = list_photos(photos, limit)
    loaded = load_engine(engine, weights)
    if picture is not None:
        check_output(picture, FORMAT_BY_SUFFIX, None)
        write_image(picture, sheet(paths, loaded, faces=faces, seed=seed, size=size))
        typer.echo(str(picture))
        return
    outside = None if model is None else OutsideReader(model)
    with bar("turning", renderings(len(paths))) as line:
        report = evaluate(paths, loaded, size=size, outside=outside, progress=line.advance)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1))
        return
    _print(report)
    left_out(report.missing)


def _print(report: Report) -> None:
    for reader, controls in report.seen.items():
        rows = [
            (name, f"{row['gain']:.2f}", f"{row['error']:.1f}", f"{row['r']:.2f}", f"{row['lost']:.0f}")
            for name, row in controls.items()
        ]
        show(table(f"{report.faces} faces, as {reader} sees them", ("", "gain", "error, degrees", "r", "lost"), rows))
    camera = [(who, f"{seen['gaze_x']:.2f}", f"{seen['gaze_y']:.2f}") for who, seen in report.camera.items()]
    show(table("Gain of the photos' own gaze, if they look into the camera", ("as seen by", "across", "up and down"), camera))
    if report.identity:
        show(table("Distance of face descriptors", ("", "identity"), [(n, f"{v:.3f}") for n, v in report.identity.items()]))
