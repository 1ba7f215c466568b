"""`mimica live`: the face before a camera moves a photo, for a virtual camera, the page or a file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import PhotoArgument, Source, TagOption, check_output, grouped, warn
from mimica.errors import ValueRangeError


@grouped
def live(
    photo: PhotoArgument,
    film: Annotated[Path | None, typer.Option("--input", help="A film in place of the camera.")] = None,
    camera: Annotated[int, typer.Option("--camera", help="The camera's number.", min=0, max=99)] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a video (mp4, webm, gif, webp) in place of the virtual camera.")
    ] = None,
    page: Annotated[bool, typer.Option("--page", help="Open `mimica web` with this photo and the browser's camera.")] = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Take your face at rest after three seconds, not from the first second.")
    ] = False,
    gain: Annotated[float, typer.Option("--gain", help="How strongly changes are shown, above 0, up to 3.")] = 1.0,
    parts: Annotated[
        str | None, typer.Option("--parts", help="Move only these: brows, eyes, nose, cheeks, mouth, jaw, head, gaze.")
    ] = None,
    size: Annotated[int, typer.Option("--size", help="Longer side in pixels.", min=64, max=2160)] = 512,
    fps: Annotated[float, typer.Option("--fps", help="Of the virtual camera or the file.", min=1, max=60)] = 25.0,
    mark: Annotated[
        bool,
        typer.Option(
            "--mark/--no-mark",
            help="Show 'AI MODIFIED' in the corner. Without it you must tell viewers in another clear way, as the law asks (EU: "
            "AI Act, article 50).",
        ),
    ] = True,
    source: Source = Source(),
    tag: TagOption = True,
) -> None:
    """Move a photo with your face, live: other programs see it as a camera.

    mimica live photo.jpg --calibrate

    mimica live photo.jpg --input talking.mp4 -o moved.mp4
    """
    from mimica.engines.controls import parse_parts
    from mimica.interactive.mark import LAW
    from mimica.motion.expression import checked
    from mimica.video.writer import SUFFIXES, VideoWriter

    checked(gain, "--gain", 0.05, 3.0)
    chosen = None if parts is None else parse_parts(parts)
    if output is not None:
        check_output(output, SUFFIXES, photo)
        VideoWriter(output, fps, (2, 2))  # refuses, before any work, a rate too high for GIF
    if not mark:
        warn([LAW])
    if page:
        if film is not None or output is not None:
            raise ValueRangeError("--page takes the browser's camera; leave --input and --output out, or --page.")
        _page(photo, gain, parts, mark)
        return

    from mimica import api
    from mimica.interactive.live import Puppet
    from mimica.interactive.show import show, virtual_camera
    from mimica.reader.follow import Finder
    from mimica.video.camera import camera_frames, film_frames

    prepared, warnings = api.prepare_face(photo, size=size, **source.arguments())
    warn(warnings)
    frames = camera_frames(camera) if film is None else film_frames(film, paced=output is None)
    puppet = Puppet(prepared, Finder(source.detector, str(source.model) if source.model else None), gain=gain, parts=chosen)
    height, width = prepared.photo.shape[:2]
    comment = api.TAG if tag else None
    with contextlib.ExitStack() as stack:
        if output is None:
            send = stack.enter_context(virtual_camera((width, height), fps)).send
        else:
            send = stack.enter_context(VideoWriter(output, fps, (width, height), comment=comment, loop=False)).write
        timing = show(frames, puppet, send, mark=mark, calibrate=calibrate, tell=lambda words: typer.echo(words, err=True))
    typer.echo(timing.sentence())
    if output is not None:
        typer.echo(str(output))


def _page(photo: Path, gain: float, parts: str | None, mark: bool) -> None:
    from mimica.web.address import settings_for
    from mimica.web.server import run

    settings, address = settings_for("127.0.0.1", 0, photo=photo)
    words = {"gain": f"{gain:g}", "parts": parts or "", "mark": str(int(mark)), "open": "photo"}
    from urllib.parse import urlencode

    address += f"?{urlencode(words)}#drive"
    typer.echo(f"Mimica is at {address}  (Ctrl-C ends it)")
    run(settings, address)
