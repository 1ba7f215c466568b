"""`mimica evaluate driving`: do photos do what drivers do?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.evaluate.tables import AsJson, PeopleArgument, VideoSize, show, table, tracking
from mimica.cli.options import EngineOption, WeightsOption, warn
from mimica.cli.progress import bar


def driving(
    photos: PeopleArgument,
    drivers: Annotated[list[Path], typer.Option("--driver", help="A video of a driver; may be given again.")],
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    size: VideoSize = 512,
    raw: Annotated[
        bool, typer.Option("--raw", help="The driver's frames do not follow one another: do not steady them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do photos do what drivers do? Action Units, pose and gaze asked of each frame against those read of it.

    mimica evaluate driving photos/ --driver talking.mp4
    """
    from mimica.engines.base import load_engine
    from mimica.evaluate.driving import evaluate
    from mimica.pictures.images import list_photos

    paths = list_photos(photos)
    with bar("pairs", len(paths) * len(drivers)) as line:
        loaded = load_engine(engine, weights)
        report = evaluate(paths, drivers, loaded, size=size, raw=raw, progress=line.advance)
    warn(report.missing)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1))
        return
    head = [(name, f"{row['r']:.2f}", f"{row['mae']:.1f}") for name, row in report.head.items()]
    show(
        tracking(report.tracking), table("Head and eyes asked against read", ("", "Pearson r", "mean abs. error, degrees"), head)
    )
    typer.echo(
        f"{report.drivers} drivers, {report.photos} photos, {report.frames} frames: mean correlation {report.mean_r:.3f} "
        f"over {len(report.tracking)} Action Units"
    )
