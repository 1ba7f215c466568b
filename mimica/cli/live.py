"""`mimica live`: the face before a camera moves a photo, for a virtual camera, the page or a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import PhotoArgument, Source, check_output, grouped, warn
from mimica.errors import ValueRangeError


@dataclass(frozen=True)
class Showing:
    """How the photo is moved and shown: the fields of `mimica.interactive.show.Live`."""

    gain: Annotated[float, typer.Option("--gain", help="How strongly changes are shown, above 0, up to 3.")] = 1.0
    parts: Annotated[
        str | None, typer.Option("--parts", help="Move only these: brows, eyes, nose, cheeks, mouth, jaw, head, gaze.")
    ] = None
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Take your face at rest after three seconds, not from the first second.")
    ] = False
    mark: Annotated[
        bool,
        typer.Option(
            "--mark/--no-mark",
            help="Show 'AI MODIFIED' in the corner. Without it you must tell viewers in another clear way, as the law asks (EU: "
            "AI Act, article 50).",
        ),
    ] = True
    fps: Annotated[float, typer.Option("--fps", help="Of the virtual camera or the file, 1 to 60.")] = 25.0
    size: Annotated[int, typer.Option("--size", help="Longer side in pixels, 64 to 2160.")] = 512


@grouped
def live(
    photo: PhotoArgument,
    film: Annotated[Path | None, typer.Option("--input", help="A film in place of the camera.")] = None,
    camera: Annotated[int, typer.Option("--camera", help="The camera's number.", min=0, max=99)] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a video (mp4, webm, gif, webp) in place of the virtual camera.")
    ] = None,
    page: Annotated[bool, typer.Option("--page", help="Open `mimica web` with this photo and the browser's camera.")] = False,
    showing: Showing = Showing(),
    source: Source = Source(),
) -> None:
    """Move a photo with your face, live: other programs see it as a camera. Needs `pip install 'mimica\\[live]'` for that.

    mimica live photo.jpg --calibrate

    mimica live photo.jpg --input talking.mp4 -o moved.mp4
    """
    from mimica.interactive.show import LAW, Live
    from mimica.video.suffixes import SUFFIXES

    if output is not None:
        check_output(output, SUFFIXES, photo)
    if page and (film is not None or output is not None):
        raise ValueRangeError("--page takes the browser's camera; leave --input and --output out, or --page.")
    wanted = Live(**asdict(showing))
    wanted.check(output)
    if not showing.mark:
        warn([LAW])
    if page:
        from mimica.cli.web import serve_page

        serve_page(photo, gain=showing.gain, parts=showing.parts, mark=showing.mark)
        return
    say = lambda words: typer.echo(words, err=True)  # noqa: E731
    timing = wanted.run(photo, film=film, camera=camera, output=output, tell=say, **source.arguments())
    typer.echo(timing.sentence())
    if output is not None:
        typer.echo(str(output))
