"""`mimica evaluate acd`: does a face stay the same person while it moves?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimica.cli.evaluate.tables import AsJsonTables, VideoSize, show, table, tracking
from mimica.cli.options import EngineOption, IntensityOption, WeightsOption, warn
from mimica.cli.progress import bar

if TYPE_CHECKING:
    from mimica.evaluate.acd import Report


def videos_or_folder(text: str) -> int | Path:
    """A whole number, or anything else: a folder."""
    return int(text) if str(text).isdecimal() else Path(text)


VideosOption = Annotated[
    Any,
    typer.Option(
        "--videos",
        parser=videos_or_folder,
        metavar="COUNT|DIR",
        help="So many videos at most, six emotions for each face; or a folder: its clips, anybody's, are scored instead.",
    ),
]
PhotosArgument = Annotated[list[Path] | None, typer.Argument(help="Photos, or folders of them, one person each.")]


def acd(
    photos: PhotosArgument = None,
    engine: EngineOption = "ganimation",
    weights: WeightsOption = None,
    faces: Annotated[int, typer.Option("--faces", help="The first so many photos with a face.", min=1)] = 43,
    videos: VideosOption = 256,
    frames: Annotated[int, typer.Option("--frames", help="Frames of each video.", min=2)] = 16,
    size: VideoSize = 512,
    intensity: IntensityOption = 1.0,
    alive: Annotated[bool, typer.Option("--alive", help="Idle motion instead of emotions, one video of 8 s a face.")] = False,
    as_json: AsJsonTables = False,
) -> None:
    """Average content distance of MoCoGAN: does the face stay the same person while it moves? Also flicker and tracking error.

    mimica evaluate acd photos/ --videos 256

    mimica evaluate acd --videos clips/
    """
    if isinstance(videos, Path):
        _clips(videos, frames, as_json)
        return
    from mimica.engines.base import load_engine
    from mimica.errors import UserError
    from mimica.evaluate.acd import PUBLISHED, evaluate, video_count
    from mimica.pictures.images import list_photos

    if not photos or videos < 1:
        raise UserError("The figures need photos to animate and one video or more, or a folder of clips: --videos DIR.")
    paths = list_photos(photos)
    loaded = load_engine(engine, weights)
    with bar("videos", video_count(len(paths), faces, videos, alive)) as line:
        report = evaluate(
            paths,
            loaded,
            faces=faces,
            videos=videos,
            frames=frames,
            size=size,
            intensity=intensity,
            alive=alive,
            progress=line.advance,
        )
    warn(report.missing)
    if as_json:
        typer.echo(json.dumps({**asdict(report), "published": PUBLISHED}, indent=1))
        return
    title = f"Average content distance, {report.videos} videos, {report.faces} faces"
    show(table(title, ("", "ACD"), _rows(engine, report, PUBLISHED)), tracking(report.tracking))
    typer.echo(f"Flicker outside the face: {report.flicker:.3f} of 255")


def _clips(folder: Path, frames: int, as_json: bool) -> None:
    """The clips of a folder beside the published figures."""
    from mimica.evaluate.acd import PUBLISHED
    from mimica.evaluate.acd_clips import clip_count, evaluate_clips

    with bar("clips", clip_count(folder)) as line:
        report = evaluate_clips(folder, frames=frames, progress=line.advance)
    warn(report.missing)
    if as_json:
        typer.echo(json.dumps({**asdict(report), "published": PUBLISHED}, indent=1))
        return
    low, high = report.interval
    rows = [(str(folder), f"{report.acd:.3f} [{low:.3f}, {high:.3f}]"), ("first frame to last", f"{report.reach:.3f}")]
    rows += [(f"{name} (published: other faces, other descriptors)", f"{value:.3f}") for name, value in PUBLISHED.items()]
    show(table(f"Average content distance, {report.clips} clips", ("", "ACD"), rows))


def _rows(engine: str, report: Report, published: dict[str, float]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (f"Mimica, {engine}", f"{report.acd:.3f}"),
        *((f"  {e}", f"{v:.3f}") for e, v in report.by_emotion.items()),
    ]
    rows.append(("first frame to last", f"{report.reach:.3f}"))
    rows += [("a photo that stands still, with camera noise", f"{report.frozen:.3f}"), ("two people", f"{report.people:.3f}")]
    return [
        *rows,
        *((f"{name} (published: other faces, other descriptors)", f"{value:.3f}") for name, value in published.items()),
    ]
