"""`mimica evaluate bias`: which people does the pseudo-autoencoder leave themselves?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.evaluate.tables import left_out, show
from mimica.cli.latent_options import AsJson, CodecOption, open_codec
from mimica.cli.progress import bar


def bias(
    data: Annotated[Path, typer.Argument(help="A latent data set that shows people several times.", show_default=False)],
    autoencoder: Annotated[
        list[str] | None,
        typer.Option(
            "--autoencoder", help="paper or residual, the shipped ones, or a file; may be given again. (Default: both.)"
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", help="Pairs of each kind of people.", min=2)] = 100,
    weights: CodecOption = None,
    as_json: AsJson = False,
) -> None:
    """The pseudo-autoencoder's known fault: people that it was not trained on do not stay themselves. How much, for which?

    mimica evaluate bias data/latents
    """
    from rich.table import Table

    codec = open_codec(weights)
    from mimica.engines.stylegan.latents import open_latents
    from mimica.engines.stylegan.transition import named_editor
    from mimica.evaluate.bias import evaluate_bias

    latents = open_latents(data, codec.fingerprint)
    editors = {name: named_editor(codec, weights, name) for name in autoencoder or ("paper", "residual")}
    with bar("measuring", 2 * len(editors)) as line:
        report = evaluate_bias(codec, latents, editors, count=count, progress=line.advance)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=1))
        return
    figures = ("still", "psnr", "identity", "pairs", "au_error", "rises")
    title = ", ".join(f"{report.pairs[part]} pairs of {n} {part} people" for part, n in report.people.items())
    table = Table("autoencoder", "people", *figures, title=title)
    for (name, part), row in report.rows.items():
        table.add_row(Path(name).stem, part, *(f"{row[figure]:.3f}" if figure in row else "-" for figure in figures))
    show(table, width=110)
    left_out(report.missing)
