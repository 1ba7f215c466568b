"""The engine `ganimation`: which of its two generators a weights file is for.

`mimica.engines.ganimation.fast` is the generator that ships, `mimica.engines.ganimation.paper` that of the paper.
"""

from __future__ import annotations

from pathlib import Path

from mimica.engines.base import Engine
from mimica.engines.ganimation.fast.edit import WEIGHTS, FastGanimation
from mimica.engines.ganimation.fast.file import read_weights
from mimica.errors import WeightsError
from mimica.model_files.checkpoint import read_about

PAPER_KIND = "ganimation-generator"
FREE_WEIGHTS = WEIGHTS.with_name("ganimation_fast_ccby.safetensors")
FREE = "ccby"
"""In place of a file: the second set that ships, which owes nothing to data under a non-commercial licence."""


def load(weights: Path | None = None) -> Engine:
    """The engine with the shipped weights, with `ccby` (see `FREE`) or with those of a file: of the fast generator, of the
    paper's as trained here, or a checkpoint (.pth) of the paper's authors' code or its best-known re-implementation. Raises
    `WeightsError`."""
    if weights == Path(FREE) and not weights.exists():
        weights = FREE_WEIGHTS
    if weights is not None and weights.is_file() and (weights.suffix in (".pth", ".pt") or _kind_of(weights) == PAPER_KIND):
        from mimica.engines.ganimation.paper.edit import load as load_paper  # needs torch

        return load_paper(weights)
    return FastGanimation(read_weights(weights or WEIGHTS))


def _kind_of(path: Path) -> str | None:
    """What a model file of the training loop says it is; None for any other file."""
    try:
        return str(read_about(path).get("kind"))
    except WeightsError:
        return None
