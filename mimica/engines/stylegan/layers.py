"""The layers of StyleGAN2, in plain PyTorch.

T. Karras, S. Laine, M. Aittala, J. Hellsten, J. Lehtinen, T. Aila, "Analyzing and improving the image quality of StyleGAN"
(CVPR 2020), called "the paper" below.

Weights are stored with unit variance and scaled when used (equalised learning rate). A modulated convolution has a kernel of
its own for each sample, (1) and (3) of the paper,

    w'_ijk = s_i w_ijk          w''_ijk = w'_ijk / sqrt(sum over i, k of w'_ijk^2 + eps)

which usual code builds and runs as a grouped convolution. As a convolution is linear, s_i may as well scale the input's
channels and the root the output's: one ordinary convolution for the whole batch, which is several times faster.

Shapes: images and features (B, C, H, W), styles s (B, C). `nn.Parameter`s are float32 unless the module was cast.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
"""Of the leaky ReLU."""
GAIN = math.sqrt(2.0)
"""What an activation is multiplied with, so that it keeps the variance."""
EPSILON = 1e-8
_TAPS = (1.0, 3.0, 3.0, 1.0)
"""The FIR filter of all resampling, to be normalised (paper, appendix B)."""


@functools.lru_cache(maxsize=256)
def fir_kernel(channels: int, gain: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The separable filter as depthwise weights (channels, 1, 4, 4) of sum `gain`. From numpy, so that a traced network has it
    as a constant."""
    kernel = np.outer(_TAPS, _TAPS)
    kernel = np.broadcast_to(kernel * (gain / kernel.sum()), (channels, 1, 4, 4))
    with torch.inference_mode(False):  # kept for later, when gradients may be wanted
        return torch.from_numpy(np.array(kernel, np.float32)).to(device, dtype)


def blur(x: Tensor, channels: int, padding: int, gain: float = 1.0, stride: int = 1) -> Tensor:
    """The FIR filter over every channel; without `padding` the picture loses 3 pixels."""
    kernel = fir_kernel(channels, gain, x.dtype, x.device)
    return F.conv2d(x, kernel, padding=padding, stride=stride, groups=channels)


def upsample(x: Tensor, channels: int = 3) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W): zeros between the pixels, then the filter."""
    kernel = fir_kernel(channels, 4.0, x.dtype, x.device)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)


def activate(x: Tensor) -> Tensor:
    """sqrt(2) times the leaky ReLU."""
    return F.leaky_relu(x, SLOPE) * GAIN


class Linear(nn.Module):
    """(B, inputs) -> (B, outputs), weight stored with variance 1 / m^2, scaled by m / sqrt(inputs); m is `lr_multiplier`."""

    def __init__(
        self,
        inputs: int,  # Numbers that go in.
        outputs: int,  # Numbers that come out.
        bias: float = 0.0,  # What is added in a fresh layer: 1 where it makes styles, so that they leave features as they are.
        lr_multiplier: float = 1.0,  # Factor of the learning rate, above 0: 0.01 in the mapping network.
        active: bool = False,  # Whether `activate` follows.
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))
        self.lr_multiplier, self.scale, self.active = lr_multiplier, lr_multiplier / math.sqrt(inputs), active

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight * self.scale, self.bias * self.lr_multiplier)
        return activate(x) if self.active else x


class StyledConv(nn.Module):
    """One layer of the synthesis network: modulated 3 x 3 convolution, noise, bias, activation.

    `style` turns w into s. `noise` is the fixed noise picture (size, size).
    """

    noise: Tensor

    def __init__(
        self,
        inputs: int,  # Channels that go in.
        outputs: int,  # Channels that come out.
        size: int,  # Side of what comes out in pixels, 4 to 1024.
        w_size: int,  # Numbers in a w.
        up: bool,  # Whether what goes in has half that side, and is doubled.
    ) -> None:
        super().__init__()
        self.style = Linear(w_size, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(size, size))
        self.outputs, self.size, self.up = outputs, size, up
        self._squares: tuple[tuple[int, int], Tensor] | None = None

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """(B, inputs, h, w), s (B, inputs), noise broadcast to (B, 1, size, size) or None -> (B, outputs, size, size).

        The activation's gain is applied before it, to the small tensors: the leaky ReLU is homogeneous."""
        scale = GAIN * self.demodulation(style)
        style, weight, lost = self._for_half(style) if x.dtype == torch.float16 else (style.to(x.dtype), self.weight, 1.0)
        x = x * style[:, :, None, None]
        if self.up:
            x = blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), self.outputs, padding=1, gain=4.0)
        else:
            x = F.conv2d(x, weight, padding=1)
        scale = (scale * lost).to(x.dtype)[:, :, None, None]
        shift = (GAIN * self.bias).to(x.dtype)[None, :, None, None]
        spots = None if noise is None else (GAIN * self.noise_strength * noise).to(x.dtype)
        if torch.is_grad_enabled():
            shifted = torch.addcmul(shift, x, scale)
            return F.leaky_relu(shifted if spots is None else shifted + spots, SLOPE)
        x = x.mul_(scale).add_(shift)
        return F.leaky_relu_(x if spots is None else x.add_(spots), SLOPE)

    def _for_half(self, style: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Style and weight as float16, scaled so that no sum overflows, and what that took, (B, 1): T. Karras et al., "Training
        generative adversarial networks with limited data" (2020), do the same."""
        largest, fan_in = style.abs().amax(1, keepdim=True).clamp_min(EPSILON), self.weight[0].numel()
        return (style / largest).half(), (self.weight / math.sqrt(fan_in)).half(), largest * math.sqrt(fan_in)

    def demodulation(self, style: Tensor) -> Tensor:
        """1 / sqrt(sum over inputs and taps of (s w)^2 + eps), (B, outputs): the root in (3) of the paper."""
        return torch.rsqrt(style.square() @ self._squared_weight().t() + EPSILON)

    def _squared_weight(self) -> Tensor:
        """The weight's squares summed over the taps, (outputs, inputs); kept for as long as the weight does not change."""
        if torch.is_grad_enabled():
            return self.weight.square().sum((2, 3))
        key = (self.weight.data_ptr(), self.weight._version)
        if self._squares is None or self._squares[0] != key:
            self._squares = (key, self.weight.square().sum((2, 3)))
        return self._squares[1]


class ToRGB(nn.Module):
    """Features -> picture: a modulated 1 x 1 convolution without demodulation, and a bias."""

    def __init__(
        self,
        inputs: int,  # Channels of the features.
        w_size: int,  # Numbers in a w.
    ) -> None:
        super().__init__()
        self.style = Linear(w_size, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs))
        self.bias = nn.Parameter(torch.zeros(3))
        self.scale = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """(B, inputs, H, W), s (B, inputs) -> (B, 3, H, W), of float16 as float32. The kernels are so small that each sample gets
        its own."""
        kernels = (self.weight * (style * self.scale)[:, None]).to(x.dtype)
        size = x.shape[2:]
        pixels = (x.permute(0, 2, 3, 1).flatten(1, 2) @ kernels.transpose(1, 2)).to(self.bias.dtype)
        return (pixels + self.bias).unflatten(1, size).permute(0, 3, 1, 2)


class Conv(nn.Module):
    """A convolution of the discriminator and the encoder."""

    def __init__(
        self,
        inputs: int,  # Channels that go in.
        outputs: int,  # Channels that come out.
        kernel: int,  # Side of the kernel in pixels: 1 or 3.
        down: bool = False,  # Whether the picture is filtered and halved on the way.
        active: bool = True,  # Whether a bias and `activate` follow.
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if active else None
        self.scale = 1 / math.sqrt(inputs * kernel * kernel)
        self.inputs, self.kernel, self.down = inputs, kernel, down

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.scale
        if not self.down:
            x = F.conv2d(x, weight, self.bias, padding=self.kernel // 2)
        elif self.kernel == 1:  # filter and drop pixels first: a quarter of the work
            x = F.conv2d(blur(x, self.inputs, padding=1, stride=2), weight, self.bias)
        else:
            x = F.conv2d(blur(x, self.inputs, padding=2), weight, self.bias, stride=2)
        return x if self.bias is None else activate(x)
