"""`mimica generate`: faces from random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.latent_options import GeneratorOption, open_model
from mimica.cli.options import filled, grouped, needs_extra


@dataclass(frozen=True)
class Extras:
    """What is written beside the pictures."""

    mix: Annotated[
        str | None, typer.Option("--mix", help="Seeds for fine detail: also write mix.png, every seed with each of these.")
    ] = None
    crossover: Annotated[int | None, typer.Option("--crossover", help="Places that --mix takes from --seeds; a third.")] = None
    grid: Annotated[bool, typer.Option("--grid", help="Also write grid.png, all pictures on a sheet.")] = False
    video: Annotated[bool, typer.Option("--video", help="Also write walk.mp4, from each seed to the next.")] = False
    seconds: Annotated[float, typer.Option("--seconds", help="From one seed to the next.", min=0.1, max=60)] = 1.5
    fps: Annotated[int, typer.Option("--fps", help="Frames a second of --video.", min=1, max=120)] = 25
    save_latents: Annotated[bool, typer.Option("--save-latents", help="Also write latents.npz.")] = False


@grouped
def generate(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for the pictures.", show_default=False)],
    seeds: Annotated[str, typer.Option("--seeds", help="Which pictures: 1-8,12.")] = "1-8",
    truncation: Annotated[
        float, typer.Option("--truncation", help="1: all the variety; 0: the mean face. Of seeds alone.", min=-2, max=2)
    ] = 0.7,
    latents: Annotated[
        Path | None, typer.Option("--latents", help="Faces of a latent file, of `mimica project` say, in place of --seeds.")
    ] = None,
    weights: GeneratorOption = None,
    noise: Annotated[str, typer.Option("--noise", help="fixed, random or none.")] = "fixed",
    extras: Extras = Extras(),
) -> None:
    """Make faces of people who do not exist, from random numbers, or the faces of a latent file.

    mimica generate --seeds 1-8 --truncation 0.7 -o faces/ --grid --video
    """
    from mimica.engines.stylegan.seeds import parse_seeds

    numbers, fine = parse_seeds(seeds), parse_seeds(extras.mix) if extras.mix else []
    with needs_extra():
        from mimica.engines.stylegan.generate import Faces, checked_noise
    drawn = checked_noise(noise)
    model = open_model(weights)
    faces = Faces(model, numbers, truncation, latents)
    with filled(output):
        faces.write_pictures(output, drawn)
        if extras.grid:
            faces.write_grid(output / "grid.png")
        if fine:
            faces.write_mix(output / "mix.png", fine, extras.crossover)
        if extras.video:
            faces.write_walk(output / "walk.mp4", extras.seconds, extras.fps)
        if extras.save_latents:
            faces.write_latents(output / "latents.npz")
    typer.echo(str(output))
