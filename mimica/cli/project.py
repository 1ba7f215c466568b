"""`mimica project`: photos into the latent space of a StyleGAN2 generator."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.latent_options import GeneratorOption, StepsOption, VggOption, open_model
from mimica.cli.options import check_output, grouped, needs_extra
from mimica.cli.progress import bar


@dataclass(frozen=True)
class Asked:
    """How to search."""

    steps: StepsOption = 300
    space: Annotated[str, typer.Option("--space", help="w_plus, or w: farther from the photo, easier to edit.")] = "w_plus"
    noise: Annotated[bool, typer.Option("--noise", help="Search for the noise pictures too.")] = False
    start: Annotated[str, typer.Option("--start", help="encoder, where the generator has one, or mean.")] = "encoder"
    learning_rate: Annotated[float, typer.Option("--rate", help="Largest learning rate.", min=1e-5, max=10)] = 0.05


@grouped
def project(
    photos: Annotated[
        list[Path], typer.Argument(help="Photos with a face each; they are searched for together.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The latent file (.npz) to write.", show_default=False)],
    weights: GeneratorOption = None,
    asked: Asked = Asked(),
    vgg: VggOption = None,
) -> None:
    """Find the latent of each face: its picture by the generator comes as near to the photo as it can.

    Writes OUTPUT, and beside it OUTPUT_NAME.png for each photo and OUTPUT_beside.png. Interrupted, the same command goes on
    where it was (OUTPUT.part.npz).

    mimica project photo.jpg -o latent.npz
    """
    for photo in photos:
        check_output(output, (".npz",), photo)
    with needs_extra():
        from mimica.engines.stylegan.perceptual import load_features
        from mimica.engines.stylegan.project import find, search_of
        from mimica.evaluate.projection import beside, judged
    search = search_of(**asdict(asked))
    model = open_model(weights)
    features, sentence = load_features(vgg)
    typer.echo(sentence, err=True)
    with bar("searching", asked.steps) as line:
        found = find(model, photos, features, search, output, say=_note, progress=line.at)
    found.save(output, beside(found.crops, found.pictures, found.names))
    for name, figures in judged(found.crops, found.pictures, found.names):
        typer.echo(f"{name}: " + ", ".join(f"{figure} {value:.3f}" for figure, value in figures.items()))
    typer.echo(str(output))


def _note(sentence: str) -> None:
    typer.echo(sentence, err=True)
