"""The losses of the cascade as pure functions. Pictures (B, 3, H, W) in [-1, 1], scores (B, n), feature maps (B, C, h, w)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def weighted_distance(pictures: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """mean(weight |x - y|) / mean(weight); `weight` (1, 1, H, W)."""
    return ((pictures - wanted).abs() * weight).mean() / weight.mean()


def block_distance(pictures: Tensor, wanted: Tensor, block: int = 4) -> Tensor:
    """Mean absolute difference of the means over blocks of pixels: large shapes and colours."""
    return F.avg_pool2d(pictures - wanted, block).abs().mean()


def relative_distance(maps: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean over the maps of E[(f - f*)^2] / Var[f*]: features of any scale count alike; 0 for equal, 1 for constant ones."""
    parts = [(f - real).square().mean() / real.var().clamp_min(1e-8) for f, real in zip(maps, wanted, strict=True)]
    return torch.stack(parts).mean()


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G))]."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """-E[D(G)]."""
    return -fake.mean()


def face_weight(size: int, extra: float, device: torch.device | None = None) -> Tensor:
    """(1, 1, size, size): 1, and 1 + `extra` in the middle of an FFHQ crop's face, where eyes and mouth are, with a soft edge:
    1 + extra exp(-u^4), u the distance from the centre (0.5, 0.58) in half-axes of 0.24 and 0.26 of the side."""
    place = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) / size
    u2 = ((place[None, :] - 0.5) / 0.24).square() + ((place[:, None] - 0.58) / 0.26).square()
    return (1 + extra * torch.exp(-u2.square()))[None, None]
