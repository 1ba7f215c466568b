"""`mimica evaluate generator`: samples beside photographs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mimica.cli.latent_options import AsJson, GeneratorOption, open_model
from mimica.cli.options import filled
from mimica.cli.progress import bar

if TYPE_CHECKING:
    from mimica.evaluate.generator import Report

FeaturesOption = Annotated[
    Path,
    typer.Option(
        "--features",
        help="Inception v3: nsfwjs-4.3.0.tgz of `npm pack nsfwjs@4.3.0`, or a folder with model.json.",
        show_default=False,
    ),
]


def generator(
    data: Annotated[Path, typer.Option("--data", help="Photos: a prepared data set of FFHQ crops.", show_default=False)],
    features: FeaturesOption,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="A folder for the sheets: seeds 1 to 40, samples beside training photos.")
    ],
    weights: GeneratorOption = None,
    against: Annotated[
        list[Path] | None, typer.Option("--against", help="Another generator to compare, enlarged where it is smaller.")
    ] = None,
    count: Annotated[int, typer.Option("--count", help="Samples.", min=16, max=100_000)] = 2000,
    photos: Annotated[int, typer.Option("--photos", help="Training photos, spread evenly over the set; 0: all.", min=0)] = 0,
    truncation: Annotated[float, typer.Option("--truncation", help="Of the samples, 0 to 1.", min=0, max=1)] = 0.7,
    seed: Annotated[int, typer.Option("--seed", help="Samples are those of the seeds after this one.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Robust Frechet and kernel distances, sharpness, found faces, nearest photos and walks, for samples and for photos.

    The second sheet shows training photos: it stays where photos may be.
    """
    model = open_model(weights)
    from mimica.evaluate.drawing import photos_of
    from mimica.evaluate.generator import evaluate
    from mimica.evaluate.generator_sheets import write_sheets
    from mimica.reader.frozen import load_inception

    network = load_inception(features)
    training, held_out = (photos_of(data, model.size, validation, photos) for validation in (False, True))
    others = {f"{path.name}, enlarged": open_model(path) for path in against or []}
    with filled(output):
        with bar("looking at pictures", None) as line:
            report = evaluate(
                model, training, held_out, network, count=count, truncation=truncation, seed=seed, others=others,
                progress=line.advance,
            )  # fmt: skip
        written = write_sheets(output, model, training, report, truncation=truncation, seed=seed)
    for path in written:
        typer.echo(str(path), err=True)
    _print(report, as_json)


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"sets": report.rows, "walks": report.walks, "counts": report.counts}, indent=1))
        return
    names = ("frechet", "kid", "sharpness", "faces", "nearest")
    typer.echo(f"| set | pictures | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}")
    for name, row in report.rows.items():
        cells = [f"{row[figure]:.{0 if figure == 'frechet' else 2}f}" if figure in row else "-" for figure in names]
        typer.echo(f"| {name} | {report.counts[name]} | {' | '.join(cells)} |")
    typer.echo("Walks: " + ", ".join(f"{name} {value:.2f}" for name, value in report.walks.items()))
