"""`mimica evaluate projection`: how near StyleGAN2's projection comes to faces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.latent_options import AsJson, GeneratorOption, StepsOption, VggOption, open_model
from mimica.cli.options import check_output
from mimica.cli.progress import bar


def projection(
    data: Annotated[Path, typer.Option("--data", help="A prepared data set of FFHQ crops.", show_default=False)],
    weights: GeneratorOption = None,
    count: Annotated[int, typer.Option("--count", help="Held-out faces, drawn at random, one a person.", min=1)] = 20,
    sampled: Annotated[int, typer.Option("--sampled", help="Pictures of the generator's own, to be found again.", min=0)] = 8,
    steps: StepsOption = 500,
    seed: Annotated[int, typer.Option("--seed", help="For the draw.", min=0)] = 0,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="Also write the pairs as a picture.")] = None,
    vgg: VggOption = None,
    as_json: AsJson = False,
) -> None:
    """How near projection comes to held-out faces, and to pictures of the generator itself."""
    from mimica.pictures.images import FORMAT_BY_SUFFIX, write_image

    if sheet is not None:
        check_output(sheet, FORMAT_BY_SUFFIX, None)
    model = open_model(weights)
    from mimica.engines.stylegan.invert import Search
    from mimica.engines.stylegan.perceptual import load_features
    from mimica.evaluate.drawing import held_out
    from mimica.evaluate.projection import beside, evaluate

    crops, names = held_out(data, model.size, count, seed)
    features, sentence = load_features(vgg)
    typer.echo(sentence, err=True)
    with bar("searching", steps) as line:
        report = evaluate(model, crops, features, Search(steps=steps), sampled=sampled, progress=line.at)
    if sheet:
        write_image(sheet, beside(report.crops, report.pictures, names))
    for sentence in report.missing:
        typer.echo(sentence, err=True)
    if as_json:
        typer.echo(json.dumps(report.rows, indent=1))
        return
    for name, value in report.rows.items():
        typer.echo(f"{name:45s} {value:.3f}")
