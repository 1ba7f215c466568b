"""Options that the commands about StyleGAN's latent space share, and what they open by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import needs_extra

if TYPE_CHECKING:
    from mimica.engines.stylegan.codec import Codec
    from mimica.engines.stylegan.model import Model

GeneratorOption = Annotated[
    Path | None,
    typer.Option("--weights", help="Another generator (.safetensors, by `mimica convert` or a training) than the shipped one."),
]
CodecOption = Annotated[
    Path | None,
    typer.Option("--weights", help="Another generator (.safetensors) than the shipped one, with its encoder beside it."),
]
DirectionsOption = Annotated[
    Path | None,
    typer.Option("--directions", help="A file of directions: .safetensors; .npy or .pt of others. (Default: the shipped.)"),
]
SeedsOption = Annotated[str, typer.Option("--seeds", help="Faces of these seeds: 1-3,7.")]
PhotoOption = Annotated[Path | None, typer.Option("--photo", help="A photo's face in place of --seeds.")]
VggOption = Annotated[Path | None, typer.Option("--vgg", help="torchvision's VGG16 weights (.pth), for the perceptual loss.")]
StepsOption = Annotated[int, typer.Option("--steps", help="Steps of the search; 0: the encoder alone.", min=0, max=100_000)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def open_model(weights: Path | None) -> Model:
    """The generator. Raises `MissingExtraError` without torch, `WeightsError`."""
    with needs_extra():
        from mimica.engines.stylegan.model import load_model
    return load_model(weights)


def open_codec(weights: Path | None) -> Codec:
    """The generator with its encoder. Raises `MissingExtraError` without torch, `WeightsError`."""
    with needs_extra():
        from mimica.engines.stylegan.codec import load_codec
    return load_codec(weights)


def directions_file(weights: Path | None, file: Path | None) -> Path:
    """The file of directions named, or the one beside the generator. Raises `WeightsError`."""
    from mimica.engines.stylegan.codec import companion
    from mimica.errors import WeightsError

    path = file or companion(weights, "directions")
    if path is None:
        raise WeightsError("There are no directions beside this generator; name a file with --directions, or fit some.")
    return path
