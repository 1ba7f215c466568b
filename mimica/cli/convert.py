"""`mimica convert`: StyleGAN2 networks of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mimica.cli.options import check_output, needs_extra


def convert(
    file: Annotated[Path, typer.Argument(help="A StyleGAN2 network: NVIDIA's .pkl, or a .pt.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .safetensors file to write.", show_default=False)],
    network: Annotated[
        str | None, typer.Option("--network", help="Which network of the file; without it the averaged generator.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store float16: half the size.")] = False,
) -> None:
    """Turn a StyleGAN2 network of others into a model file. Nothing in the file is run, whatever it holds.

    mimica convert ffhq.pkl -o ffhq.safetensors
    """
    check_output(output, (".safetensors",), file)
    with needs_extra():
        from mimica.engines.stylegan.convert import described, saved
        from mimica.engines.stylegan.pickles import load_networks
    found = load_networks(file)
    for line in described(found):
        typer.echo(line)
    chosen = saved(found, network, file, output, half=half)
    typer.echo(f"Wrote {chosen} to {output} ({output.stat().st_size / 1e6:.1f} MB).")
