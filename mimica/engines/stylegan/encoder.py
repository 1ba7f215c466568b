"""Picture -> w_plus in one pass: the encoder that the embedded generator was trained with, where projection starts.

As in O. Tov et al., "Designing an encoder for StyleGAN image manipulation" (2021), it gives one w and a change for each place,
which training keeps small: near W a code can be edited. w itself is a linear function of the picture, which may start as the
picture's principal components (then codes are apart, and Gaussian, from the first step on), plus what a convolutional network
adds to it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.engines.stylegan.layers import Conv, Linear
from mimica.engines.stylegan.networks import ResidualBlock

ENCODER_KIND = "stylegan2-encoder"
INPUT_SIZE = 64
LINEAR_SIZE = 32
"""Side of the picture that the linear part of w sees."""
_WIDTHS = (1, 2, 4, 6, 8)


class Encoder(nn.Module):
    """Pictures (B, 3, S, S) in [-1, 1], S >= 64 -> w (B, w_size) and changes (B, num_ws, w_size).

    `w_mean` and `w_covariance` are running moments of w over the training pictures: the Gaussian that is sampled from."""

    w_mean: Tensor
    w_covariance: Tensor

    def __init__(
        self,
        num_ws: int,  # Layers of the generator that take a w: 10 at 64 pixels, 18 at 1024.
        w_size: int,  # Numbers in a w, as the generator has them.
        width: int = 24,  # Channels at 64 pixels; 2, 4, 6 and 8 times as many at 32, 16, 8 and 4.
        hidden: int = 384,  # Units between the last features and w.
    ) -> None:
        super().__init__()
        self.config: Mapping[str, Any] = {"places": num_ws, "w_size": w_size, "width": width, "hidden": hidden}
        widths = [width * factor for factor in _WIDTHS]
        self.from_rgb = Conv(3, width, 3)
        self.blocks = nn.ModuleList(ResidualBlock(i, o) for i, o in itertools.pairwise(widths))
        self.hidden = Linear(widths[-1] * 16, hidden, active=True)
        self.w = Linear(hidden, w_size)
        self.changes = Linear(hidden, num_ws * w_size)
        nn.init.zeros_(self.changes.weight)
        self.linear = Linear(3 * LINEAR_SIZE * LINEAR_SIZE, w_size)
        nn.init.zeros_(self.linear.weight)
        self.num_ws = num_ws
        self.register_buffer("w_mean", torch.zeros(w_size))
        self.register_buffer("w_covariance", torch.eye(w_size))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        if pictures.shape[-1] != INPUT_SIZE:
            pictures = F.interpolate(pictures, size=(INPUT_SIZE, INPUT_SIZE), mode="area")
        x = self.from_rgb(pictures)
        for block in self.blocks:
            x = block(x)
        hidden = self.hidden(x.flatten(1))
        w = self.w(hidden) + self.linear(F.avg_pool2d(pictures, INPUT_SIZE // LINEAR_SIZE).flatten(1))
        return w, self.changes(hidden).unflatten(1, (self.num_ws, -1))

    @torch.no_grad()
    def start_with_components(self, pictures: Tensor, deviation: float = 0.5, power: float = 0.0) -> None:
        """Make w the principal components of these pictures (N, 3, `LINEAR_SIZE`, `LINEAR_SIZE`), their standard deviations
        `deviation` in the mean of squares, each in proportion to its own deviation in the pictures to the `power` (0: all are
        equal, 1: as in the pictures); the network adds nothing at first. With few pictures the rest of w is 0."""
        flat = pictures.flatten(1)
        mean = flat.mean(0)
        _, lengths, vectors = torch.linalg.svd(flat - mean, full_matrices=False)
        count = min(len(self.w.bias), len(flat) - 1)
        spread = (lengths[:count] / math.sqrt(len(flat))).clamp_min(1e-4)
        wanted = spread**power
        wanted = wanted * (deviation / wanted.square().mean().sqrt())
        weight = torch.zeros_like(self.linear.weight)
        weight[:count] = vectors[:count] * (wanted / spread)[:, None]
        self.linear.weight.copy_(weight / self.linear.scale)
        self.linear.bias.copy_(-(weight @ mean))
        nn.init.zeros_(self.w.weight)

    def w_plus(self, pictures: Tensor) -> Tensor:
        """(B, num_ws, w_size)."""
        w, changes = self(pictures)
        return w[:, None] + changes

    @torch.no_grad()
    def update_moments(self, w: Tensor, decay: float) -> None:
        """Move the running moments towards those of a batch of w."""
        self.w_mean.lerp_(w.mean(0), 1 - decay)
        centred = w - self.w_mean
        self.w_covariance.lerp_(centred.t() @ centred / len(w), 1 - decay)
