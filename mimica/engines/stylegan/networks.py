"""StyleGAN2's networks: mapping, synthesis (skip architecture), discriminator (residual architecture).

T. Karras et al., "Analyzing and improving the image quality of StyleGAN" (CVPR 2020): section 2.2 and figure 2 (layers),
section 4.1 and figure 7 (skip outputs, residual discriminator); from "A style-based generator architecture for generative
adversarial networks" (CVPR 2019): the mapping network, truncation, style mixing.

    z (B, z_size) -> Mapping -> w (B, w_size) -> Synthesis -> picture (B, 3, S, S), about [-1, 1]

A generator of S pixels has `layer_count(S)` = 2 log2(S) - 2 layers with a w, `num_ws`. Three kinds of latents are understood:

    w        (B, w_size)            one for all layers
    w_plus   (B, num_ws, w_size)    one for each place
    styles   list of (B, channels)  the S space: what the affine layers make of w_plus; `Synthesis.styles`

Layer k of the synthesis network takes place k; the picture output of resolution 4 * 2^j takes place 2 j + 1, which it shares
with the first layer of the next resolution, as in the paper's code.

Noise, one picture a layer: "fixed" (buffers of the network), "random", "none", or a list of tensors (B or 1, 1, size, size).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mimica.engines.stylegan.layers import Conv, Linear, StyledConv, ToRGB, upsample
from mimica.errors import ValueRangeError

GENERATOR_KIND = "stylegan2-generator"
DISCRIMINATOR_KIND = "stylegan2-discriminator"

Noise = Literal["fixed", "random", "none"] | Sequence[Tensor]
SIZES = tuple(4 * 2**j for j in range(9))
"""Pictures can have these sides."""


def check_size(size: int) -> int:
    """log2 of a legal picture side. Raises `ValueRangeError`."""
    if size not in SIZES:
        raise ValueRangeError(f"A generator of {size} pixels cannot be built; the side is one of {', '.join(map(str, SIZES))}.")
    return int(math.log2(size))


def layer_count(size: int) -> int:
    """Places for a w in a generator of `size` pixels: 18 at 1024, 14 at 256."""
    return 2 * check_size(size) - 2


def channels_at(side: int, channel_base: int, channel_max: int) -> int:
    """Feature maps at a resolution. Config f: base 32768, max 512 (1024 px); the 256 px networks mostly have base 16384."""
    return max(1, min(channel_base // side, channel_max))


class Mapping(nn.Module):
    """z (B, z_size) -> w (B, w_size). `w_average` is the running mean of w that truncation goes towards.

    With `depth` 0 it is one linear layer without activation: w is Gaussian, as in the 64 px generator that ships."""

    w_average: Tensor
    layers: Any  # nn.ModuleList of Linear; the list's type does not know its elements

    def __init__(
        self,
        z_size: int = 512,  # Numbers in a z.
        w_size: int = 512,  # Numbers in a w.
        depth: int = 8,  # Layers; 0: a linear one without activation, which makes w Gaussian, for a W that was fitted.
        lr_multiplier: float = 0.01,  # Factor of the learning rate, two orders below the synthesis network's.
    ) -> None:
        super().__init__()
        sizes = [z_size] + [w_size] * depth
        layers = [Linear(i, o, lr_multiplier=lr_multiplier, active=True) for i, o in itertools.pairwise(sizes)]
        self.layers = nn.ModuleList(layers or [Linear(z_size, w_size)])
        self.register_buffer("w_average", torch.zeros(w_size))

    def forward(self, z: Tensor) -> Tensor:
        w = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.layers:
            w = layer(w)
        return w

    def truncate(self, w: Tensor, strength: float, num_ws: int | None = None) -> Tensor:
        """w or w_plus pulled towards the mean: 1 leaves it, 0 gives the mean. `num_ws`: only the first so many of a w_plus."""
        pulled = torch.lerp(self.w_average.to(w.dtype), w, strength)
        if num_ws is None or w.ndim < 3:
            return pulled
        return torch.cat([pulled[:, :num_ws], w[:, num_ws:]], dim=1)

    @torch.no_grad()
    def update_average(self, w: Tensor, decay: float = 0.998) -> None:
        """Move `w_average` towards the mean of a batch of w."""
        self.w_average.lerp_(w.detach().float().mean(0), 1 - decay)


HALVED, CLAMP = 4, 256.0
"""The resolutions at the end whose features official networks keep as float16, and the limit of these."""


class Synthesis(nn.Module):
    """w_plus (or w, or styles) -> picture, where the latent is, whatever device the network is on.

    With `half_precision` the features of the last `HALVED` resolutions are float16 unless gradients are wanted."""

    half_precision = False
    layers: Any  # nn.ModuleList of StyledConv
    to_rgb: Any  # nn.ModuleList of ToRGB

    def __init__(
        self,
        size: int,  # Side of the pictures in pixels, one of `SIZES`.
        w_size: int = 512,  # Numbers in a w.
        channel_base: int = 32768,  # Channels at a side, times the side, as long as `channel_max` allows.
        channel_max: int = 512,  # Channels at most, at small sides.
    ) -> None:
        super().__init__()
        self.size, self.w_size, self.num_ws = size, w_size, layer_count(size)
        sides = SIZES[: check_size(size) - 1]
        widths = [channels_at(side, channel_base, channel_max) for side in sides]
        self.constant = nn.Parameter(torch.randn(widths[0], 4, 4))
        layers, before = [], widths[0]
        for side, width in zip(sides, widths, strict=True):
            if side > 4:
                layers.append(StyledConv(before, width, side, w_size, up=True))
            layers.append(StyledConv(width, width, side, w_size, up=False))
            before = width
        self.layers = nn.ModuleList(layers)
        self.to_rgb = nn.ModuleList(ToRGB(width, w_size) for width in widths)

    def forward(self, w: Tensor, noise: Noise = "fixed") -> Tensor:
        return self.from_styles(self.styles(w.to(self.constant.device)), noise).to(w.device)

    def spread(self, w: Tensor) -> Tensor:
        """w -> w_plus; a w_plus is checked and returned. Raises `ValueRangeError` where the shape fits neither."""
        w = w[:, None].expand(-1, self.num_ws, -1) if w.ndim == 2 else w
        if w.ndim != 3 or w.shape[1:] != (self.num_ws, self.w_size):
            raise ValueRangeError(
                f"A latent of shape {tuple(w.shape)} does not fit this generator: it takes (B, {self.w_size}) or "
                f"(B, {self.num_ws}, {self.w_size})."
            )
        return w

    def styles(self, w: Tensor) -> list[Tensor]:
        """w or w_plus -> S: first those of the layers, then those of the picture outputs."""
        w = self.spread(w)
        inner = [layer.style(w[:, k]) for k, layer in enumerate(self.layers)]
        return inner + [rgb.style(w[:, 2 * j + 1]) for j, rgb in enumerate(self.to_rgb)]

    def from_styles(self, styles: Sequence[Tensor], noise: Noise = "fixed") -> Tensor:
        """S -> picture (B, 3, size, size)."""
        batch = styles[0].shape[0]  # not len(): a traced batch stays variable
        noises = self.noises(noise, batch)
        x = self.constant[None].expand(batch, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        x = self.layers[0](x, styles[0], noises[0])
        picture = self.to_rgb[0](x, styles[len(self.layers)])
        first_half = len(self.to_rgb) - HALVED if self.half_precision and not torch.is_grad_enabled() else len(self.to_rgb)
        for j in range(1, len(self.to_rgb)):
            x = x.half() if j >= first_half else x
            for k in (2 * j - 1, 2 * j):
                x = self.layers[k](x, styles[k], noises[k])
                x = x.clamp_(-CLAMP, CLAMP) if x.dtype == torch.float16 else x
            picture = upsample(picture) + self.to_rgb[j](x, styles[len(self.layers) + j])
        return picture

    def noises(self, noise: Noise, batch: int) -> list[Tensor | None]:
        """One noise picture a layer, or None. Raises `ValueRangeError` for a word that means nothing here."""
        if not isinstance(noise, str):
            return list(noise)
        if noise == "none":
            return [None] * len(self.layers)
        if noise == "fixed":
            return [layer.noise[None, None] for layer in self.layers]
        if noise != "random":
            raise ValueRangeError(f"Noise is fixed, random or none, not '{noise}'.")
        return [torch.randn(batch, 1, layer.size, layer.size, device=layer.noise.device) for layer in self.layers]


class Generator(nn.Module):
    """Mapping and synthesis; the options are the `config` of its model file. Raises `ValueRangeError` for an illegal size."""

    def __init__(
        self,
        size: int = 1024,  # Side of the pictures in pixels, one of `SIZES`.
        z_size: int = 512,  # Numbers in a z.
        w_size: int = 512,  # Numbers in a w.
        depth: int = 8,  # Layers of the mapping network; 0: see there.
        channel_base: int = 32768,  # Channels at a side times the side: 32768 in config f, 16384 in most networks of 256 px.
        channel_max: int = 512,  # Channels at most, at small sides.
    ) -> None:
        super().__init__()
        self.config: MappingOf[str, Any] = {
            "size": size, "z_size": z_size, "w_size": w_size, "depth": depth,
            "channel_base": channel_base, "channel_max": channel_max,
        }  # fmt: skip
        self.mapping = Mapping(z_size, w_size, depth)
        self.synthesis = Synthesis(size, w_size, channel_base, channel_max)

    def forward(self, z: Tensor, truncation: float = 1.0, noise: Noise = "fixed") -> Tensor:
        """z (B, z_size) -> pictures (B, 3, size, size)."""
        return self.synthesis(self.mapping.truncate(self.mapping(z), truncation), noise)

    def mix(self, coarse: Tensor, fine: Tensor, crossover: int) -> Tensor:
        """Style mixing: w_plus whose first `crossover` layers are of `coarse`, the others of `fine` (w or w_plus)."""
        layer = torch.arange(self.synthesis.num_ws, device=coarse.device)[None, :, None]
        return torch.where(layer < crossover, self.synthesis.spread(coarse), self.synthesis.spread(fine))


# --- discriminator --------------------------------------------------------------------------------------------------


class ResidualBlock(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H/2, W/2): two convolutions, and a 1 x 1 past them; figure 7 c."""

    def __init__(
        self,
        inputs: int,  # Channels that go in.
        outputs: int,  # Channels that come out.
    ) -> None:
        super().__init__()
        self.conv1 = Conv(inputs, inputs, 3)
        self.conv2 = Conv(inputs, outputs, 3, down=True)
        self.skip = Conv(inputs, outputs, 1, down=True, active=False)

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv2(self.conv1(x)) + self.skip(x)) * math.sqrt(0.5)


def minibatch_deviation(x: Tensor, group: int = 4) -> Tensor:
    """(B, C, H, W) -> (B, 1, H, W): standard deviation over groups of samples, averaged over all else of the group.

    Sample n is in group n mod (B / group). T. Karras et al., "Progressive growing of GANs" (ICLR 2018), section 3."""
    batch, _, height, width = x.shape
    group = math.gcd(batch, group)
    deviation = x.unflatten(0, (group, batch // group)).float().var(0, correction=0).add(EPSILON_DEVIATION).sqrt()
    return deviation.mean((1, 2, 3)).to(x.dtype).repeat(group)[:, None, None, None].expand(-1, 1, height, width)


EPSILON_DEVIATION = 1e-8


class Discriminator(nn.Module):
    """Pictures (B, 3, size, size) in [-1, 1] -> scores (B, 1), high for real ones."""

    def __init__(
        self,
        size: int = 1024,  # Side of the pictures in pixels, one of `SIZES`.
        channel_base: int = 32768,  # As in the generator, which mostly has the same.
        channel_max: int = 512,  # As in the generator.
    ) -> None:
        super().__init__()
        self.config: MappingOf[str, Any] = {"size": size, "channel_base": channel_base, "channel_max": channel_max}
        sides = SIZES[: check_size(size) - 1][::-1]
        widths = [channels_at(side, channel_base, channel_max) for side in sides]
        self.from_rgb = Conv(3, widths[0], 1)
        self.blocks = nn.ModuleList(ResidualBlock(i, o) for i, o in itertools.pairwise(widths))
        self.last_conv = Conv(widths[-1] + 1, widths[-1], 3)
        self.hidden = Linear(widths[-1] * 16, widths[-1], active=True)
        self.score = Linear(widths[-1], 1)

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.from_rgb(pictures)
        for block in self.blocks:
            x = block(x)
        x = self.last_conv(torch.cat([x, minibatch_deviation(x)], dim=1))
        score: Tensor = self.score(self.hidden(x.flatten(1)))
        return score
