"""Options of `mimica prepare` that go with one kind of data or another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class Vae:
    """For `mimica.prepare.vae`."""

    frames: Annotated[
        Path | None, typer.Option("--frames", help="For vae: re-animated frames of the same photos (labels.jsonl and crops).")
    ] = None
    labels: Annotated[Path | None, typer.Option("--labels", help="A table (.csv) with more attributes of the files, 0 to 1.")] = (
        None
    )
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            help="Make masks of heads by GrabCut, and keep them in this folder. (Default for vae: the network of masks.)",
        ),
    ] = None
    sheet: Annotated[Path | None, typer.Option("--sheet", help="For vae: a picture to check the masks by.")] = None


@dataclass(frozen=True)
class Codes:
    """For `mimica.prepare.latents`, `expressions`, `mixtures` and `redrawn`."""

    sample: Annotated[
        int,
        typer.Option(
            "--sample",
            help="For latents: so many samples of the generator, no folder; for expressions: so many of each face; for mixtures: "
            "so many in all; for attributes: so many of each face.",
            min=0,
        ),
    ] = 0
    seed: Annotated[
        int, typer.Option("--seed", help="For latents: the first sample's; for expressions and mixtures: of the draws.", min=0)
    ] = 0
    turned: Annotated[
        float,
        typer.Option("--turned", help="For expressions: this share of them has head and eyes turned, too.", min=0.0, max=1.0),
    ] = 0.0
    layout: Annotated[
        str | None, typer.Option("--layout", help="For latents: the folder is a raw set (cfee, impa, mug, folder ...).")
    ] = None
    posed: Annotated[
        bool,
        typer.Option("--posed", help="For latents: turn head and eyes of each of --limit photos, or samples, by known angles."),
    ] = False
    steps: Annotated[int, typer.Option("--steps", help="For latents: steps of search after the encoder.", min=0)] = 0
    weights: Annotated[
        Path | None,
        typer.Option("--weights", help="For latents: another generator than the shipped one; for redrawn another VAE."),
    ] = None
    redrawn_by: Annotated[
        str, typer.Option("--redrawn-by", help="For redrawn: which engine gives the faces back, vae or stylegan.")
    ] = "vae"
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            help="For attributes: draw this one, with options or without: beard, hair:blond, glasses:round,gold. Given again, "
            "several; one that is given twice is drawn twice as often. (Default: all.)",
        ),
    ] = None
