"""`mimica transition`: from any expression to any other in StyleGAN's latent space."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.latent_options import PICTURES, CodecOption, PhotoOption, SeedsOption, open_codec
from mimica.cli.options import check_output


def transition(
    start: Annotated[
        str, typer.Option("--from", help="The expression at the start: happy, happy:0.6+surprised:0.4, or own.")
    ] = "own",
    end: Annotated[str, typer.Option("--to", help="The expression at the end.")] = "happy",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A picture with α = 0, .25, .5, .75, 1; or mp4, gif, webp: a video, α eased.")
    ] = Path("transition.png"),
    seeds: SeedsOption = "1-3",
    photo: PhotoOption = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Of a video.", min=0.1, max=60)] = 2.0,
    fps: Annotated[float, typer.Option("--fps", help="Of a video.", min=1, max=120)] = 25.0,
    autoencoder: Annotated[
        str, typer.Option("--autoencoder", help="residual or paper, the shipped ones; or a file of `mimica train autoencoder`.")
    ] = "residual",
    weights: CodecOption = None,
) -> None:
    """From any expression to any other in the latent space, without passing neutral: w_i = w_s + α (w_t - w_s).

    mimica transition --seeds 1-3 --from sad --to happy -o strip.png
    """
    from mimica import api
    from mimica.video.suffixes import SUFFIXES

    check_output(output, (*PICTURES, *SUFFIXES), photo)
    codec = open_codec(weights)
    from mimica.engines.stylegan.transition import codes_of, ends_of, named_editor, write_sheet, write_video

    editor = named_editor(codec, weights, autoencoder)
    starts, ends = ends_of(codec, editor, codes_of(codec, seeds, photo), start, end)
    if output.suffix.lower() in PICTURES:
        write_sheet(output, codec, starts, ends, f"{start} to {end}", api.TAG)
    else:
        write_video(output, codec, starts, ends, seconds, fps, api.TAG)
    typer.echo(str(output))
