"""`mimica prepare masks`, `wrinkles`, `attributes`: what drawn attributes are made from, and what they make."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimica.cli.progress import spinner

if TYPE_CHECKING:
    from mimica.cli.prepare import Asked, Outcome

SMALLEST = 128
"""Pixels a side below which hairs and rims cannot be drawn."""


def layers(asked: Asked, folder: Path) -> Outcome:
    """Masks of hair and head, the atlas of wrinkles, or faces with drawn attributes, of the folder."""
    given: dict[str, Any] = {"labels": asked.vae.labels, "limit": asked.common.limit}
    if asked.source == "masks":
        given |= {"cache": asked.vae.cache}
    elif asked.source == "attributes":
        given |= {"size": max(asked.common.size, SMALLEST), "count": asked.codes.sample, "seed": asked.codes.seed}
        given |= {"keys": tuple(asked.codes.attribute)} if asked.codes.attribute else {}
    run = import_module(f"mimica.prepare.{asked.source}").prepare
    with spinner() as line:
        made: Outcome = run(folder, asked.output, **given, progress=line.kept)
    return made
