"""`mimica evaluate synthesis`: how fast, against a plain implementation with a kernel for each sample and grouped convolutions.

The plain one is the usual PyTorch expression of the paper's equations on the same weights; both run in turn in one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mimica.engines.stylegan.layers import EPSILON, GAIN, SLOPE, StyledConv, ToRGB, fir_kernel
from mimica.engines.stylegan.networks import Generator, Synthesis


def plain_synthesis(synthesis: Synthesis, w_plus: Tensor) -> Tensor:
    """What `Synthesis` gives with fixed noise, by grouped convolutions; (B, 3, size, size)."""
    x = synthesis.constant.expand(len(w_plus), -1, -1, -1)
    picture: Tensor | None = None
    for k, layer in enumerate(synthesis.layers):
        x = _plain_layer(layer, x, layer.style(w_plus[:, k]))
        if k % 2 == 0:
            rgb = synthesis.to_rgb[k // 2]
            new = _plain_rgb(rgb, x, rgb.style(w_plus[:, k + 1]))
            picture = new if picture is None else _plain_upsample(picture) + new
    assert picture is not None
    return picture


def _plain_layer(layer: StyledConv, x: Tensor, style: Tensor) -> Tensor:
    batch, outputs = len(x), layer.weight.shape[0]
    weight = layer.weight[None] * style[:, None, :, None, None]
    weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + EPSILON)
    x = x.reshape(1, -1, *x.shape[2:])
    if layer.up:
        x = F.conv_transpose2d(x, weight.transpose(1, 2).flatten(0, 1), stride=2, groups=batch)
        kernel = fir_kernel(x.shape[1], 4.0, x.dtype, x.device)
        x = F.conv2d(F.pad(x, (1, 1, 1, 1)), kernel, groups=x.shape[1])
    else:
        x = F.conv2d(x, weight.flatten(0, 1), padding=1, groups=batch)
    x = x.view(batch, outputs, *x.shape[2:])
    x = x + layer.noise_strength * layer.noise[None, None]
    return F.leaky_relu(x + layer.bias[None, :, None, None], SLOPE) * GAIN


def _plain_rgb(rgb: ToRGB, x: Tensor, style: Tensor) -> Tensor:
    batch, _, height, width = x.shape
    weight = rgb.weight[None] * (style * rgb.scale)[:, None]
    out = F.conv2d(x.reshape(1, -1, height, width), weight.flatten(0, 1)[:, :, None, None], groups=batch)
    return out.view(batch, 3, height, width) + rgb.bias[None, :, None, None]


def _plain_upsample(picture: Tensor) -> Tensor:
    batch, channels, height, width = picture.shape
    spread = picture.new_zeros(batch, channels, height, 2, width, 2)
    spread[:, :, :, 0, :, 0] = picture
    spread = F.pad(spread.reshape(batch, channels, 2 * height, 2 * width), (2, 1, 2, 1))
    return F.conv2d(spread, fir_kernel(channels, 4.0, picture.dtype, picture.device), groups=channels)


@dataclass(frozen=True)
class Speed:
    """Medians in seconds; `difference` is the largest between the two pictures."""

    size: int
    seconds: float
    plain_seconds: float
    difference: float

    @property
    def ratio(self) -> float:
        return self.plain_seconds / self.seconds


@torch.no_grad()
def compare(size: int = 1024, rounds: int = 5, batch: int = 1, channel_base: int = 32768, threads: int = 2) -> Speed:
    """Time both implementations of a fresh config-f generator in turn, float32."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    generator = Generator(size, channel_base=channel_base).eval()
    w_plus = generator.synthesis.spread(generator.mapping(torch.randn(batch, 512)))
    ours: Callable[[], Tensor] = lambda: generator.synthesis(w_plus)  # noqa: E731
    plain: Callable[[], Tensor] = lambda: plain_synthesis(generator.synthesis, w_plus)  # noqa: E731
    difference = float((ours() - plain()).abs().max())
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    for _ in range(rounds):
        for name, run in (("ours", ours), ("plain", plain)):
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    middle = {name: sorted(values)[len(values) // 2] for name, values in times.items()}
    return Speed(size, middle["ours"], middle["plain"], difference)
