"""`mimica attributes`: the attributes of the engine vae: fitting and listing them, and sheets of what the VAE makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.options import DetectorOption, FaceOption, ModelOption, PhotoArgument, check_output, warn
from mimica.cli.progress import bar

if TYPE_CHECKING:
    import numpy as np

    from mimica.animation import Prepared
    from mimica.engines.vae.edit import VaeEngine

app = typer.Typer(help="The attributes of the engine vae, and sheets of what it makes.", no_args_is_help=True)

FileOption = Annotated[
    Path | None, typer.Option("--weights", help="An engine file of `mimica export vae`. (Default: the shipped one.)")
]
PlainOption = Annotated[bool, typer.Option("--plain", help="Vectors as mean differences, not de-correlated.")]
SheetOption = Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")]


@app.command("list")
def list_(weights: FileOption = None) -> None:
    """The attributes of the engine vae, how many faces each was fitted on, and how long its vector is (in standard deviations
    of the latent); then those that are drawn on a photo, their doses and options."""
    from mimica.face.attributes import KINDS

    vectors = _engine(weights).vectors
    typer.echo(f"{'attribute':16}{'positives':>10}{'negatives':>10}{'length':>8}{'de-correlated':>15}")
    for name, (positives, negatives) in zip(vectors.attributes, vectors.counts, strict=True):
        plain, alone = (vectors.length(name, p) for p in (True, False))
        typer.echo(f"{name:16}{positives:>10}{negatives:>10}{plain:>8.2f}{alone:>15.2f}")
    typer.echo(f"\n{'drawn':16}{'doses':>12}  options")
    for name, kind in KINDS.items():
        words = "; ".join(f"{what}: {', '.join(choice)}" for what, choice in kind.choices.items())
        typer.echo(f"{name:16}{f'{kind.low:g} to {kind.high:g}':>12}  {words}".rstrip())


@app.command("fit")
def fit(
    data: Annotated[list[Path], typer.Argument(help="Folders of `mimica prepare vae`.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The engine file to write.", show_default=False)],
    weights: FileOption = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Fit this attribute; may be given again. (Default: all.)")
    ] = None,
    heat_map: Annotated[Path | None, typer.Option("--heat-map", help="Write a picture of the vectors' cosines.")] = None,
) -> None:
    """Fit attribute vectors and Action Unit steps on the training people of a data set, and write them with the networks.

    mimica attributes fit data/faces -o vae.safetensors --heat-map cosines.png
    """
    from mimica.engines.vae.attributes import fit_file
    from mimica.engines.vae.codec import WEIGHTS
    from mimica.engines.vae.sheets import heat_map as draw_heat_map
    from mimica.pictures.images import write_image

    check_output(output, (".safetensors",), data[0])
    if heat_map is not None:
        check_output(heat_map, (".png", ".jpg"), data[0])
    with bar("encoding", None) as line:
        vectors = fit_file(data, output, weights or WEIGHTS, only, progress=line.to)
    if heat_map is not None:
        write_image(heat_map, draw_heat_map(vectors))
        typer.echo(str(heat_map))
    typer.echo(str(output))


@app.command("strip")
def strip(
    photo: PhotoArgument,
    attribute: Annotated[list[str], typer.Option("--attribute", help="An attribute; may be given again.", show_default=False)],
    output: SheetOption = Path("strip.png"),
    reach: Annotated[float, typer.Option("--reach", help="Largest dose, either way.", min=0.1, max=4.0)] = 2.0,
    detail: Annotated[bool, typer.Option("--detail/--no-detail", help="Add the photo's fine lines, or not.")] = True,
    plain: PlainOption = False,
    face: FaceOption = None,
    weights: FileOption = None,
    detector: DetectorOption = "dlib",
    model: ModelOption = None,
) -> None:
    """The spectrum of attributes on a face, from negative to positive.

    mimica attributes strip photo.jpg --attribute smile --attribute age -o strip.png
    """
    from mimica.engines.base import MAX_DOSE
    from mimica.engines.vae.sheets import spectrum
    from mimica.motion.expression import checked_attributes

    check_output(output, _PICTURES, photo)
    engine = _engine(weights)
    engine.detail, engine.plain = detail, plain
    checked_attributes(dict.fromkeys(attribute, reach), engine.name, engine.attributes, MAX_DOSE)
    prepared = _prepared(photo, engine, face, detector, model)
    _write(output, spectrum(engine, prepared.faces[0].state, attribute, [share * reach for share in (-1, -0.5, 0, 0.5, 1)]))


@app.command("reconstruct")
def reconstruct(
    source: Annotated[Path, typer.Argument(help="A photo, or a folder of `mimica prepare vae`.", show_default=False)],
    output: SheetOption = Path("reconstruction.png"),
    count: Annotated[int, typer.Option("--count", help="Of a folder, so many held-out faces.", min=1, max=200)] = 12,
    weights: FileOption = None,
    detector: DetectorOption = "dlib",
    model: ModelOption = None,
) -> None:
    """Input, output, mask and predicted mask."""
    from mimica.engines.vae.sheets import held_out, reconstructions

    check_output(output, _PICTURES, source)
    engine = _engine(weights)
    if source.is_dir():
        _write(output, reconstructions(engine.codec, *held_out(source, count)))
    else:
        _write(output, reconstructions(engine.codec, _small(source, engine, detector, model)[None]))


@app.command("samples")
def samples(
    output: SheetOption = Path("samples.png"),
    count: Annotated[int, typer.Option("--count", help="How many.", min=1, max=1000)] = 24,
    seed: Annotated[int, typer.Option("--seed", help="For the random numbers.", min=0)] = 0,
    enhance: Annotated[bool, typer.Option("--enhance", help="Draw them sharp, with the restoring network.")] = False,
    weights: FileOption = None,
) -> None:
    """Random faces that are nobody: decoded from z drawn at random."""
    from mimica.engines.vae import sheets as vae_sheets

    check_output(output, _PICTURES, None)
    _write(output, vae_sheets.samples(_engine(weights), count, seed, enhance=enhance))


@app.command("interpolate")
def interpolate(
    first: PhotoArgument,
    last: PhotoArgument,
    output: SheetOption = Path("interpolation.png"),
    steps: Annotated[int, typer.Option("--steps", help="Pictures in between, ends included.", min=2, max=50)] = 7,
    weights: FileOption = None,
    detector: DetectorOption = "dlib",
    model: ModelOption = None,
) -> None:
    """The way from one face to another through the latent space, as the decoder sees it."""
    from mimica.engines.vae.sheets import interpolation

    check_output(output, _PICTURES, first)
    engine = _engine(weights)
    ends = [_small(photo, engine, detector, model) for photo in (first, last)]
    _write(output, interpolation(engine.codec, ends[0], ends[1], steps))


_PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def _engine(weights: Path | None) -> VaeEngine:
    from mimica.engines.vae.edit import load_vae

    return load_vae(weights)


def _prepared(photo: Path, engine: VaeEngine, face: str | None, detector: str, model: Path | None) -> Prepared:
    from mimica import api

    prepared, warnings = api.prepare_face(photo, eye_distance=1e9, face=face, engine=engine, detector=detector, model=model)
    warn(warnings)
    return prepared


def _small(photo: Path, engine: VaeEngine, detector: str, model: Path | None) -> np.ndarray:
    """The ffhq crop at the network's size."""
    from mimica.data.dataset import resized

    return resized(_prepared(photo, engine, None, detector, model).faces[0].face.image, engine.codec.image_size)


def _write(output: Path, picture: np.ndarray) -> None:
    from mimica import api
    from mimica.marks.marking import default_marks

    default_marks(api.TAG).save_image(output, picture)
    typer.echo(str(output))
