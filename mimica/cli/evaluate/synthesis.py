"""`mimica evaluate synthesis`: how fast a StyleGAN2 generator is."""

from __future__ import annotations

from typing import Annotated

import typer

from mimica.cli.options import needs_extra


def synthesis(
    size: Annotated[int, typer.Option("--size", help="Side of the pictures, a power of 2.")] = 1024,
    rounds: Annotated[int, typer.Option("--rounds", help="Pictures by each of the two.", min=1)] = 5,
    threads: Annotated[int, typer.Option("--threads", help="Processor cores.", min=1)] = 2,
) -> None:
    """How fast a config-f generator is, against grouped convolutions with a kernel for each sample."""
    with needs_extra():
        from mimica.evaluate.synthesis import compare
    speed = compare(size, rounds, threads=threads)
    typer.echo(
        f"{size} px, float32, batch 1, {threads} threads, median of {rounds}: {speed.seconds:.2f} s; grouped convolutions "
        f"{speed.plain_seconds:.2f} s; ratio {speed.ratio:.2f}; largest difference {speed.difference:.1e}"
    )
