"""What a network of others lacks, added before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from mimica.checkpoint import Weights, build_module, fill_module
from mimica.engines.stylegan.networks import GENERATOR_KIND, Generator

_SAMPLES = 10_000


def with_average(weights: Weights) -> Weights:
    """A generator without a mean w gets that of 10,000 random z; other networks are returned as they are."""
    if weights.kind != GENERATOR_KIND or np.any(weights.tensors["mapping.w_average"]):
        return weights
    generator = build_module(Generator, weights.config, "the network")
    fill_module(generator, weights.tensors, "the network")
    draws = torch.Generator().manual_seed(0)
    with torch.no_grad():
        w = generator.mapping(torch.randn(_SAMPLES, int(weights.config["z_size"]), generator=draws))
    return replace(weights, tensors={**weights.tensors, "mapping.w_average": w.mean(0).numpy()})


def halved(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors in float16, but for small ones (biases, strengths), which weigh nothing, and any that would overflow."""
    small = 1024
    return {
        name: array.astype(np.float16) if array.size >= small and np.abs(array).max() < 60_000 else np.asarray(array, np.float32)
        for name, array in tensors.items()
    }
