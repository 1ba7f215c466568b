"""`mimica export`: trained weights -> the ONNX files that ship and run without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.latent_options import open_model
from mimica.cli.options import check_output, needs_extra

app = typer.Typer(help="Turn trained weights into the files that run without torch.", no_args_is_help=True)


@app.command("reader")
def reader(
    weights: Annotated[
        Path, typer.Argument(help="`weights/reader.safetensors` or `weights/refiner.safetensors` of a run folder.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .onnx file to write.")] = Path("reader.onnx"),
) -> None:
    """A network of the reader as ONNX, weights stored as float16."""
    check_output(output, (".onnx",), None)
    from mimica.reader.export import export

    export(weights, output)
    typer.echo(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB).")


@app.command("ganimation")
def ganimation(
    weights: Annotated[Path, typer.Argument(help="The `weights/ganimation_fast.safetensors` of a run of the preset fast.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The engine file to write.")] = Path("ganimation.safetensors"),
) -> None:
    """The fast generator in a smaller file (which runs as it is; this saves a quarter or more)."""
    check_output(output, (".safetensors",), None)
    from mimica.engines.ganimation.fast.file import compact, read_weights, weights_file
    from mimica.files import atomic_path

    content = weights_file(compact(read_weights(weights)), {})
    with atomic_path(output) as temporary:
        temporary.write_bytes(content)
    typer.echo(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB).")


@app.command("vae")
def vae(
    weights: Annotated[Path, typer.Argument(help="The `weights/vae.safetensors` of a training's run folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The engine file to write.")] = Path("vae.safetensors"),
) -> None:
    """The two-decoder VAE as an engine file, without attributes: `mimica attributes fit` adds them."""
    check_output(output, (".safetensors",), None)
    from mimica.engines.vae.export import export

    export(weights, output)
    typer.echo(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB).")


@app.command("stylegan")
def stylegan(
    output: Annotated[Path, typer.Option("-o", "--output", help="The .onnx file to write.")] = Path("stylegan.onnx"),
    weights: Annotated[Path | None, typer.Option("--weights", help="Another generator than the shipped one.")] = None,
) -> None:
    """A StyleGAN2 generator's synthesis network as ONNX: w_plus to pictures without torch."""
    check_output(output, (".onnx",), None)
    from mimica.engines.stylegan.export import export

    export(open_model(weights), output)
    typer.echo(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB).")


@app.command("embedded")
def embedded(
    weights: Annotated[Path, typer.Argument(help="The `weights` folder of a run of `mimica train stylegan --preset embedded`.")],
    top: Annotated[Path | None, typer.Option("--top", help="The same of a run with stages=top: its top is taken.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for the files that ship.")] = Path(),
    start: Annotated[
        Path | None,
        typer.Option("--start", help="The folder that training started from: take what lies --share of the way from there."),
    ] = None,
    share: Annotated[
        float,
        typer.Option("--share", help="How far to go from --start or, without it, from the former top to that of --top, 0 to 1."),
    ] = 1.0,
    codes: Annotated[
        Path | None, typer.Option("--codes", help="A prepared set of FFHQ crops: let seeds blend the codes of its photos.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option("--features", help="For --codes: MobileNetV2, as in training; none: Mimica's reader.")
    ] = None,
) -> None:
    """The embedded generator and its encoder as they ship: stylegan.safetensors and stylegan_encoder.safetensors, float16."""
    with needs_extra():
        from mimica.engines.stylegan.convert import export_embedded
    for target in export_embedded(weights, output, start=start, top=top, share=share, codes=codes, features=features):
        typer.echo(f"Wrote {target} ({target.stat().st_size / 1e6:.1f} MB).")


@app.command("restorer")
def restorer(
    weights: Annotated[
        Path,
        typer.Argument(help="An embedded generator: `weights/generator.safetensors` of a run, or what `export embedded` wrote."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .onnx file to write.")] = Path("restorer.onnx"),
    start: Annotated[
        Path | None, typer.Option("--start", help="What that training started from: take the numbers on the way from there.")
    ] = None,
    share: Annotated[float, typer.Option("--share", help="How far on the way from --start, 0 to 1.")] = 1.0,
) -> None:
    """The top of an embedded generator, 64 to 256 pixels, as the network that `--enhance` uses."""
    with needs_extra():
        from mimica.engines.stylegan.cascade.restorer import export
    export(weights, output, start, share)
    typer.echo(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB).")
