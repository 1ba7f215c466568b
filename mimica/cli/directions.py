"""`mimica directions`: directions of the engine stylegan, in the generator's latent space."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.evaluate.tables import show as show_table
from mimica.cli.latent_options import (
    PICTURES,
    CodecOption,
    DirectionsOption,
    GeneratorOption,
    PhotoOption,
    SeedsOption,
    directions_file,
    open_codec,
    open_model,
)
from mimica.cli.options import check_output, grouped, needs_extra

app = typer.Typer(help="Directions of the engine stylegan: fit them, list them, see what they do.", no_args_is_help=True)


@dataclass(frozen=True)
class Fitting:
    """How directions are learnt: the arguments of `mimica.engines.stylegan.directions_fit.fit_file`."""

    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            "-c",
            help="[NAME=]COLUMN: an emotion, an Action Unit (12), yaw, pitch, roll, label:happiness; may be given again. "
            "(Default: the emotions and a few Action Units.)",
        ),
    ] = None
    learner: Annotated[str, typer.Option("--learner", help="logistic or svm.")] = "logistic"
    compare: Annotated[bool, typer.Option("--compare", help="Fit with both learners and print both; write the --learner's.")] = (
        False
    )
    layers: Annotated[
        str | None, typer.Option("--layers", help="Layers that are changed: 0-7, or all. (Default: the paper's 8 of 18, scaled.)")
    ] = None
    keep: Annotated[
        str | None,
        typer.Option("--keep", help="Columns to be left alone, or identity: 'yaw,pitch'; the direction avoids theirs."),
    ] = None
    within: Annotated[
        bool,
        typer.Option("--within", help="Compare each person with him- or herself; for projected sets."),
    ] = False
    one_w: Annotated[
        bool, typer.Option("--one-w", help="One vector for all layers, learnt from the mean of each code's rows: much faster.")
    ] = False
    add: Annotated[bool, typer.Option("--add", help="Keep what --output holds; same names are replaced.")] = False
    share: Annotated[
        float, typer.Option("--share", help="Share of the faces at either end taken as examples.", min=0.01, max=0.5)
    ] = 0.2
    folds: Annotated[int, typer.Option("--folds", help="Of the cross-validation.", min=2, max=20)] = 5
    strength: Annotated[
        float, typer.Option("--strength", help="scikit-learn's C: larger trusts the examples more.", min=1e-6)
    ] = 0.1


@app.command("fit")
@grouped
def fit(
    data: Annotated[Path, typer.Argument(help="A folder of `mimica prepare latents`.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.", show_default=False)],
    fitting: Fitting = Fitting(),
) -> None:
    """Fit directions on latents and what their faces show, and print how well they tell held-out people apart.

    mimica directions fit data/latents -c smile=12 -c happiness --keep yaw -o directions.safetensors
    """
    from rich.table import Table

    check_output(output, (".safetensors",), data)
    from mimica.engines.stylegan.directions import ranges
    from mimica.engines.stylegan.directions_fit import fit_file

    with needs_extra():  # scikit-learn
        fits = fit_file(data, output, **asdict(fitting))
    columns = ("direction", "column", "learner", "accuracy", "seconds", "examples")
    table = Table(*columns, title=f"{fits.title}, layers {ranges(fits.layers)}")
    for direction, found in fits.rows:
        accuracy, counts = f"{found.accuracy:.3f} ± {found.deviation:.3f}", f"{found.positives} + {found.negatives}"
        table.add_row(direction.name, direction.column, direction.learner, accuracy, f"{found.seconds:.2f}", counts)
    show_table(table)
    typer.echo("Accuracy is balanced (0.5 is chance), on held-out people. On projected codes it is near chance without --within.")
    typer.echo(str(output))


@app.command("styleclip")
def styleclip(
    deltas: Annotated[Path, typer.Argument(help="StyleCLIP's fs3.npy, or a change of styles (.npy).", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.", show_default=False)],
    text: Annotated[
        Path | None,
        typer.Option("--text", help="For fs3.npy: the wish in CLIP's space (.npy), one vector, or from one to another."),
    ] = None,
    threshold: Annotated[
        float, typer.Option("--threshold", help="Channels that matter less are left alone.", min=0, max=1)
    ] = 0.1,
    name: Annotated[str, typer.Option("--name", help="What the direction is called. (Default: as the text's file.)")] = "",
    weights: GeneratorOption = None,
) -> None:
    """StyleCLIP's global directions, as directions of W+ for the generator that they were made for. Read as data only.

    mimica directions styleclip fs3.npy --text curly.npy --weights ffhq.safetensors -o curly.safetensors
    """
    check_output(output, (".safetensors",), deltas)
    model = open_model(weights)
    from mimica.engines.stylegan.directions import save_directions
    from mimica.engines.stylegan.styleclip import global_direction

    found = global_direction(model, deltas, text, threshold, name)
    save_directions(output, [found.direction], {"source": "StyleCLIP"})
    typer.echo(f"{found.direction.name}: {found.channels} channels, {found.reached:.0%} of their change is within W+.")
    typer.echo(str(output))


@app.command("list")
def list_(directions: DirectionsOption = None, weights: CodecOption = None) -> None:
    """The directions of a file: what each was learnt from, how well, and what a dose of it changes."""
    codec = open_codec(weights)
    from mimica.engines.stylegan.directions import load_directions, ranges

    known = load_directions(directions_file(weights, directions), codec.num_ws)
    typer.echo(f"{'direction':16}{'from':18}{'learner':11}{'accuracy':>9}{'a dose adds':>13}{'layers':>9}")
    for name, one in known.items():
        accuracy = f"{one.accuracy:.2f}" if one.accuracy else "-"
        dose = f"{one.per_dose:+.2f}" if one.per_dose else "-"
        typer.echo(f"{name:16}{one.column or '-':18}{one.learner:11}{accuracy:>9}{dose:>13}{ranges(one.layers):>9}")
    typer.echo(f"for the generator {codec.fingerprint}, {codec.num_ws} layers")


@app.command("show")
def show(
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write.")] = Path("directions.png"),
    only: Annotated[list[str] | None, typer.Option("--only", help="This direction; may be given again. (Default: all.)")] = None,
    seeds: SeedsOption = "1-2",
    photo: PhotoOption = None,
    reach: Annotated[float, typer.Option("--reach", help="Largest dose, either way.", min=0.1, max=20)] = 3.0,
    layers: Annotated[str | None, typer.Option("--layers", help="Other layers than the file's: 0-7, or all.")] = None,
    directions: DirectionsOption = None,
    weights: CodecOption = None,
) -> None:
    """A sheet of faces with doses of directions, from negative to positive: published signs cannot be trusted, so look.

    mimica directions show --directions smile.npy --weights ffhq.safetensors -o smile.png
    """
    from mimica import api

    check_output(output, PICTURES, photo)
    codec = open_codec(weights)
    from mimica.engines.stylegan.directions import load_directions, selected
    from mimica.engines.stylegan.sheets import dose_sheet
    from mimica.engines.stylegan.transition import codes_of
    from mimica.marks.marking import default_marks

    known = load_directions(directions_file(weights, directions), codec.num_ws)
    shown = selected(known, only, layers, codec.num_ws)
    doses = [share * reach for share in (-1, -0.5, 0, 0.5, 1)]
    default_marks(api.TAG, photo).save_image(output, dose_sheet(codec, codes_of(codec, seeds, photo), shown, doses))
    typer.echo(str(output))
