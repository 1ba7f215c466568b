"""Who judges the pictures: two plain critics, and heads on frozen features.

`BodyCritic` sees whole pictures of the body, `CropCritic` crops of the top together with what the top was given. `FeatureHeads`
follow A. Sauer et al., "Projected GANs converge faster" (NeurIPS 2021): scores of frozen features through random mixing, here of
fine scales only, since deep ones drew wrinkles within a hundred steps. Scores are (B, n), high for real pictures.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.engines.stylegan.layers import Conv, Linear
from mimica.engines.stylegan.networks import ResidualBlock, minibatch_deviation

_SHIFT, _CUT = 8, 4
"""Pictures are shifted by up to 1/8 of their side; what is cut out is half their side."""
_TONE = 0.15
_DETAIL = 8.0
"""What a crop has beyond the picture that the top was given is about 1/8 of the pictures' range. Unscaled, and hidden in the
crop, the critic of crops saw nothing of it in 600 steps: its loss stayed at that of chance, 2 log 2."""


class BodyCritic(nn.Module):
    """Pictures (B, 3, S, S), S a power of 2 from 32 on -> a score of the whole, repeated, and those of 1/8 x 1/8 patches."""

    def __init__(
        self,
        size: int,  # Side of the pictures in pixels, a power of 2 from 32 on.
        widths: Sequence[int] = (48, 96, 160, 256),  # Channels at 1/2, 1/4, ... of it; the last one at all smaller sides.
    ) -> None:
        super().__init__()
        blocks = int(math.log2(size)) - 3  # from size / 2 down to 4 pixels
        widths = [*widths[:-1], *[widths[-1]] * (blocks + 1)][: blocks + 1]
        self.from_rgb = Conv(12, widths[0], 3)
        self.blocks = nn.ModuleList(ResidualBlock(i, o) for i, o in itertools.pairwise(widths))
        self.patches = Conv(widths[min(2, blocks)], 1, 1, active=False)
        self.last_conv = Conv(widths[-1] + 1, widths[-1], 3)
        self.hidden = Linear(widths[-1] * 16, widths[-1], active=True)
        self.score = Linear(widths[-1], 1)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.from_rgb(F.pixel_unshuffle(pictures, 2))
        local = x
        for number, block in enumerate(self.blocks):
            x = block(x)
            local = x if number < 2 else local
        patches = self.patches(local).flatten(1)
        x = self.last_conv(torch.cat([x, minibatch_deviation(x)], dim=1))
        whole = self.score(self.hidden(x.flatten(1)))
        return torch.cat([whole.expand(-1, max(1, patches.shape[1] // 4)), patches], dim=1)


class CropCritic(nn.Module):
    """Crops (B, 3, S, S) and what the top was given, (B, 3, s, s) -> a score for each 8 x 8 pixels."""

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 96),  # Channels at 1/2, 1/4 and 1/8 of the crop's side.
    ) -> None:
        super().__init__()
        a, b, c = widths
        self.layers = nn.Sequential(
            Conv(24, a, 3), Conv(a, b, 3, down=True), Conv(b, b, 3), Conv(b, c, 3, down=True), Conv(c, c, 3),
            Conv(c, 1, 1, active=False),
        )  # fmt: skip

    def forward(self, crops: Tensor, given: Tensor) -> Tensor:
        given = F.interpolate(given, size=crops.shape[2:], mode="bilinear", align_corners=False)
        detail = _DETAIL * (crops - given)
        scores: Tensor = self.layers(F.pixel_unshuffle(torch.cat([detail, given], dim=1), 2))
        return scores.flatten(1)


class FeatureHeads(nn.Module):
    """Frozen feature maps, the finest first, each half as large as the one before -> a score for each place of the coarsest.

    `scales` are the maps' standard deviations over real pictures, to be set once with `calibrate`."""

    scales: Tensor

    def __init__(
        self,
        channels: Sequence[int],  # Of each feature map, the finest first.
        width: int = 48,  # Channels after the mixing, of every head.
    ) -> None:
        super().__init__()
        draws = torch.Generator().manual_seed(7)
        for k, count in enumerate(channels):
            self.register_buffer(f"mixing_{k}", torch.randn(width, count, 1, 1, generator=draws) / math.sqrt(count))
        self.register_buffer("scales", torch.ones(len(channels)))
        self.heads = nn.ModuleList(
            nn.Sequential(
                *[Conv(width, width, 3, down=True) for _ in range(len(channels) - 1 - k)],
                Conv(width, width, 3),
                Conv(width, 1, 1, active=False),
            )
            for k in range(len(channels))
        )

    @torch.no_grad()
    def calibrate(self, maps: Sequence[Tensor]) -> None:
        self.scales.copy_(torch.stack([one.std().clamp_min(1e-6) for one in maps]))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        scores = []
        for k, (head, one) in enumerate(zip(self.heads, maps, strict=True)):
            scores.append(head(F.conv2d(one / self.scales[k], getattr(self, f"mixing_{k}"))).flatten(1))
        return torch.cat(scores, dim=1)


def augment(pictures: Tensor, probability: float = 0.7) -> Tensor:
    """Random shifts, a square cut out, gain and offset: the same law for real pictures and drawn ones, so that a critic cannot
    learn few pictures by heart. S. Zhao et al., "Differentiable augmentation for data-efficient GAN training" (NeurIPS 2020)."""
    batch, _, height, width = pictures.shape
    reach = max(1, height // _SHIFT)
    chosen = torch.rand(batch) < probability
    shifts = torch.randint(-reach, reach + 1, (batch, 2)) * chosen[:, None]
    padded = F.pad(pictures, (reach,) * 4, mode="replicate")
    moved = torch.stack(
        [one[:, reach + y : reach + y + height, reach + x : reach + x + width]
         for one, (y, x) in zip(padded, shifts.tolist(), strict=True)]
    )  # fmt: skip
    toned = (torch.rand(batch, 1, 1, 1) < probability).float() * _TONE
    gain, offset = 1 + toned * torch.randn(batch, 1, 1, 1), toned * torch.randn(batch, pictures.shape[1], 1, 1)
    kept = _kept(batch, height, width, probability / 2)
    return (moved * kept.to(moved.device) * gain.to(moved.device) + offset.to(moved.device)).contiguous(
        memory_format=torch.channels_last
    )


def _kept(batch: int, height: int, width: int, probability: float) -> Tensor:
    """(B, 1, H, W), 0 in a random square of some pictures, 1 elsewhere."""
    y, x = torch.randint(0, height, (batch, 1)), torch.randint(0, width, (batch, 1))
    rows = (torch.arange(height)[None] - y).abs() < height // _CUT
    columns = (torch.arange(width)[None] - x).abs() < width // _CUT
    cut = rows[:, :, None] & columns[:, None, :] & (torch.rand(batch, 1, 1) < probability)
    return (~cut)[:, None].float()
