"""`mimica evaluate directions` and `mimica evaluate bias`: figures of editing in StyleGAN's latent space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.latent import AsJson, DirectionsOption, GeneratorOption, load_editor_named, loaded, open_codec, ticking


def directions(
    file: DirectionsOption = None,
    count: Annotated[int, typer.Option("--count", help="Held-out samples.", min=2)] = 50,
    dose: Annotated[float, typer.Option("--dose", help="Of each direction.", min=0.1, max=10)] = 2.0,
    weights: GeneratorOption = None,
    as_json: AsJson = False,
) -> None:
    """Does the reader see what directions are named for, on samples that they were not fitted on? Dose curves."""
    from rich.console import Console
    from rich.table import Table

    codec, known = loaded(weights, file)
    from mimica.evaluate.directions import evaluate_directions

    with ticking("editing", len(known)) as tick:
        report = evaluate_directions(codec, known, count=count, dose=dose, progress=tick)
    if as_json:
        typer.echo(
            json.dumps({"faces": report.faces, "dose": report.dose, "rows": report.rows, "curves": report.curves}, indent=1)
        )
        return
    title = f"{report.faces} held-out samples, dose {report.dose:g}; then the mean of the column by dose"
    table = Table("direction", "rises", "change", "rises most", "identity", *(f"{d:+g}" for d in report.doses), title=title)
    for name, row in report.rows.items():
        cells = [f"{row[figure]:.2f}" if figure in row else "-" for figure in ("rises", "change", "wins", "identity")]
        table.add_row(name, *cells, *(f"{value:.2f}" for value in report.curves[name]))
    Console(width=150).print(table)
    for sentence in report.missing:
        typer.echo(f"Left out: {sentence}", err=True)


def bias(
    data: Annotated[Path, typer.Argument(help="A latent data set that shows people several times.", show_default=False)],
    autoencoder: Annotated[
        list[str] | None,
        typer.Option(
            "--autoencoder", help="paper or residual, the shipped ones, or a file; may be given again. (Default: both.)"
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", help="Pairs of each kind of people.", min=2)] = 100,
    weights: GeneratorOption = None,
    as_json: AsJson = False,
) -> None:
    """The pseudo-autoencoder's known fault: people that it was not trained on do not stay themselves. How much, for which?

    mimica evaluate bias data/latents
    """
    from rich.console import Console
    from rich.table import Table

    codec = open_codec(weights)
    from mimica.engines.stylegan.latents import open_latents
    from mimica.evaluate.bias import evaluate_bias

    latents = open_latents(data, codec.fingerprint)
    editors = {name: load_editor_named(codec, weights, name) for name in autoencoder or ("paper", "residual")}
    with ticking("measuring", 2 * len(editors)) as tick:
        report = evaluate_bias(codec, latents, editors, count=count, progress=tick)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=1))
        return
    figures = ("still", "psnr", "identity", "pairs", "au_error", "rises")
    title = ", ".join(f"{report.pairs[part]} pairs of {n} {part} people" for part, n in report.people.items())
    table = Table("autoencoder", "people", *figures, title=title)
    for (name, part), row in report.rows.items():
        table.add_row(Path(name).stem, part, *(f"{row[figure]:.3f}" if figure in row else "-" for figure in figures))
    Console(width=110).print(table)
    for sentence in report.missing:
        typer.echo(f"Left out: {sentence}", err=True)
