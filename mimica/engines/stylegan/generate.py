"""Pictures of the generator: from seeds, mixed, and as a walk from one latent to the next."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from mimica.engines.stylegan.model import Model
from mimica.engines.stylegan.networks import Noise
from mimica.errors import ValueRangeError
from mimica.pixels import as_pictures


@torch.no_grad()
def pictures(model: Model, w_plus: Tensor, noise: Noise = "fixed", batch: int = 8) -> Iterator[np.ndarray]:
    """uint8 (S, S, 3) for each latent (N, places, w_size), a few at a time."""
    for part in w_plus.split(batch):
        yield from as_pictures(model.generator.synthesis(part, noise))


def mixing_grid(model: Model, coarse: Tensor, fine: Tensor, crossover: int) -> list[list[np.ndarray | None]]:
    """Style mixing, figure 3 of "A style-based generator architecture": the first row shows the pictures of `fine`, the first
    column those of `coarse`, the rest takes the first `crossover` places from its row and the others from its column."""
    if not 0 <= crossover <= model.places:
        raise ValueRangeError(f"The crossover is {crossover}; this generator has places 0 to {model.places}.")
    rows: list[list[np.ndarray | None]] = [[None, *pictures(model, fine)]]
    for one in coarse[:, None]:
        mixed = model.generator.mix(one.expand(len(fine), -1, -1), fine, crossover)
        rows.append([*pictures(model, one), *pictures(model, mixed)])
    return rows


def walk(w_plus: Tensor, frames_between: int, loop: bool = True) -> Tensor:
    """Latents on the way from each to the next (and back to the first), w_i = w_s + a (w_t - w_s) with a eased, so that the
    walk rests at each: (frames, places, w_size)."""
    stops = torch.cat([w_plus, w_plus[:1]]) if loop else w_plus
    t = torch.arange(frames_between) / frames_between
    share = (t * t * (3 - 2 * t))[:, None, None]
    parts = [start + share * (end - start) for start, end in itertools.pairwise(stops)]
    return torch.cat([*parts, stops[-1:]]) if not loop else torch.cat(parts)
