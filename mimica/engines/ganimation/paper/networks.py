"""Generator and critic of GANimation, section 4.1 and 5 of the paper.

A. Pumarola, A. Agudo, A. M. Martinez, A. Sanfeliu, F. Moreno-Noguer, "GANimation: Anatomically-aware Facial Animation from
a Single Image", ECCV 2018. Sizes, kernels and the normalisation that the paper leaves open are those of its authors' code.

Images are (B, 3, H, W) in [-1, 1], H and W multiples of 4 for the generator, the given size for the critic; control values
are (B, N) in [0, 1]. Two things are computed in another way than they are written in the paper, with the same result: the
control values enter the first convolution as N constant planes, of which only the border differs from the inside, and the
critic's gradient with respect to its input, which the gradient penalty needs, is a chain of transposed convolutions.
"""

from __future__ import annotations

import itertools
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mimica.errors import ValueRangeError

GENERATOR_KIND, CRITIC_KIND = "ganimation-generator", "ganimation-critic"
"""What model files of the two networks say they are."""
EPSILON = 1e-5
"""Added to the variance by instance normalisation."""
PAPERS_WIDTH = 64
LEAK = 0.01
"""Slope of the critic's leaky ReLU below zero."""


def blend(color: Tensor, attention: Tensor, image: Tensor) -> Tensor:
    """Equation (1): (1 - A) C + A I. A = 1 keeps the photo. C, I (B, 3, H, W), A (B, 1, H, W)."""
    return color + attention * (image - color)


class _QuickInstanceNorm(torch.autograd.Function):
    """Instance normalisation on the CPU with the channels last: the library's forward pass, and a backward pass in whole-map
    operations, which takes half the time of the library's."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        out, mean, scale = torch.native_group_norm(x, weight, bias, batch, channels, height * width, channels, EPSILON)
        ctx.save_for_backward(x, weight, mean, scale)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """With n = (x - mean) scale: dx = weight scale (g - E[g] - n E[g n]), the means over a map."""
        x, weight, mean, scale = ctx.saved_tensors
        batch, channels, height, width = x.shape
        g, flat = (t.permute(0, 2, 3, 1).reshape(batch, height * width, channels) for t in (gradients[0], x))
        for_bias = g.sum(1)
        for_weight = ((g * flat).sum(1) - mean * for_bias) * scale
        of_g = scale * weight
        of_x = -of_g * scale * for_weight / (height * width)
        constant = -of_g * for_bias / (height * width) - of_x * mean
        dx = torch.addcmul(constant[:, None], g, of_g[:, None]).addcmul_(flat, of_x[:, None])
        return dx.view(batch, height, width, channels).permute(0, 3, 1, 2), for_weight.sum(0), for_bias.sum(0)


class InstanceNorm(nn.Module):
    """Instance normalisation with affine."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same, each map with mean `bias` and deviation `weight`."""
        quick = x.device.type == "cpu" and x.dtype == self.weight.dtype and not torch.compiler.is_compiling()
        if quick and x.is_contiguous(memory_format=torch.channels_last):
            return _QuickInstanceNorm.apply(x, self.weight, self.bias)
        return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=EPSILON)


class ControlledConv(nn.Conv2d):
    """The generator's first layer: a 7x7 convolution over the image and N constant planes of control values.

    Behaves as a convolution, padded with zeros, over the concatenation of (B, 3, H, W) and (B, N) repeated over (H, W);
    H, W >= 7. What a constant plane adds is constant but for the border, and the instance normalisation behind takes constants
    away: the values reach the face by way of the border, and weakly at first.
    """

    def __init__(self, controls: int, width: int) -> None:
        super().__init__(3 + controls, width, 7, padding=3, bias=False)

    def forward(self, image: Tensor, values: Tensor) -> Tensor:  # type: ignore[override]
        """(B, 3, H, W), (B, N) -> (B, width, H, W)."""
        from_image = F.conv2d(image, self.weight[:, :3], padding=3)
        return from_image + self._planes(values, image.shape[2], image.shape[3])

    def _planes(self, values: Tensor, height: int, width: int) -> Tensor:
        """What the constant planes add: worked out on a 7x7 map, whose middle stands for everything but the border."""
        out, controls = self.weight.shape[0], values.shape[1]
        kernels = self.weight[:, 3:].reshape(out * controls, 1, 7, 7)
        small = F.conv2d(kernels.new_ones(1, 1, 7, 7), kernels, padding=3).view(out, controls, 49)
        maps = torch.einsum("bn,onp->bpo", values.to(small.dtype), small)
        rows, columns = self._spread(height, maps), self._spread(width, maps)
        tall = torch.matmul(rows, maps.reshape(-1, 7, 7 * out)).view(-1, height, 7, out)
        return torch.matmul(columns, tall).permute(0, 3, 1, 2)

    @staticmethod
    def _spread(length: int, like: Tensor) -> Tensor:
        """(length, 7): which of the seven places each row or column takes its value from."""
        places = torch.arange(length, device=like.device)
        source = torch.where(places < 3, places, torch.where(places >= length - 3, places - length + 7, 3))
        return F.one_hot(source, 7).to(like.dtype)


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = InstanceNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = InstanceNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) -> the same."""
        inner = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return x + self.norm2(self.conv2(inner))


class Generator(nn.Module):
    """G(I | y) -> color mask C and attention mask A. 8.47 M parameters with 17 controls, width 64 and 6 blocks."""

    def __init__(self, controls: int, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.controls = controls
        self.stem = ControlledConv(controls, width)
        self.stem_norm = InstanceNorm(width)
        self.down = nn.ModuleList([nn.Conv2d(width * n, width * 2 * n, 4, 2, 1, bias=False) for n in (1, 2)])
        self.down_norm = nn.ModuleList([InstanceNorm(width * 2 * n) for n in (1, 2)])
        self.blocks = nn.Sequential(*[ResidualBlock(4 * width) for _ in range(blocks)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(width * 2 * n, width * n, 4, 2, 1, bias=False) for n in (2, 1)])
        self.up_norm = nn.ModuleList([InstanceNorm(width * n) for n in (2, 1)])
        self.color = nn.Conv2d(width, 3, 7, padding=3, bias=False)
        self.attention = nn.Conv2d(width, 1, 7, padding=3, bias=False)
        initialise(self)

    def forward(self, image: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W), (B, N) -> C (B, 3, H, W) in [-1, 1], A (B, 1, H, W) in [0, 1]."""
        x = F.relu(self.stem_norm(self.stem(image, values)), inplace=True)
        for conv, norm in zip(self.down, self.down_norm, strict=True):
            x = F.relu(norm(conv(x)), inplace=True)
        x = self.blocks(x)
        for conv, norm in zip(self.up, self.up_norm, strict=True):
            x = F.relu(norm(conv(x)), inplace=True)
        both = F.conv2d(x, torch.cat([self.color.weight, self.attention.weight]), padding=3).float()
        return torch.tanh(both[:, :3]), torch.sigmoid(both[:, 3:])


class HalvingConv(nn.Conv2d):
    """A 4x4 convolution of stride 2, and its transpose with the same weights.

    On the CPU the small maps go through one matrix product, which is two to three times faster than the library's
    convolution there: the weights are large and the pictures few.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1)

    @staticmethod
    def _small(x: Tensor, limit: int) -> bool:
        return x.device.type == "cpu" and x.shape[2] <= limit

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / 2, W / 2)."""
        if not self._small(x, 8):
            return super().forward(x)
        batch, _, height, width = x.shape
        columns = F.unfold(x, 4, padding=1, stride=2).transpose(1, 2).flatten(0, 1)
        out = F.linear(columns, self.weight.flatten(1), self.bias)
        return out.view(batch, height // 2, width // 2, -1).permute(0, 3, 1, 2)

    def spread(self, gradient: Tensor) -> Tensor:
        """(B, outputs, H / 2, W / 2) -> (B, inputs, H, W): the gradient of `forward` with respect to its input."""
        if not self._small(gradient, 4):
            return F.conv_transpose2d(gradient, self.weight, stride=2, padding=1)
        batch, _, height, width = gradient.shape
        columns = torch.matmul(gradient.permute(0, 2, 3, 1).flatten(0, 2), self.weight.flatten(1))
        columns = columns.view(batch, height * width, -1).transpose(1, 2)
        return F.fold(columns, (2 * height, 2 * width), 4, padding=1, stride=2)


class Critic(nn.Module):
    """D(I) -> a map of patch scores and the control values it sees. 44.8 M parameters with 17 controls at 128 px.

    Narrower than the paper's it starts as K. He et al. (2015) have it for this ReLU: from weights of a deviation of 0.02 signals
    fade over six layers of 16 channels until nothing is left of them."""

    def __init__(self, controls: int, image_size: int = 128, width: int = 64, layers: int = 6) -> None:
        super().__init__()
        if image_size % 2**layers:
            raise ValueRangeError(f"The critic needs an image size that {2**layers} divides, not {image_size}.")
        widths = [3] + [width * 2**i for i in range(layers)]
        self.trunk = nn.ModuleList([HalvingConv(a, b) for a, b in itertools.pairwise(widths)])
        self.patches = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.values = nn.Conv2d(widths[-1], controls, image_size // 2**layers, bias=False)
        initialise(self)
        for conv in self.trunk if width < PAPERS_WIDTH else ():
            nn.init.kaiming_normal_(cast(HalvingConv, conv).weight, LEAK)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S) -> patch scores (B, S / 64, S / 64), unbounded, and control values (B, N)."""
        x = image
        for conv in self.trunk:
            x = F.leaky_relu(conv(x), LEAK, inplace=True)
        return self.patches(x)[:, 0].float(), self.values(x).flatten(1).float()

    def input_gradient(self, image: Tensor) -> Tensor:
        """The gradient of the sum of an image's patch scores with respect to the image, (B, 3, S, S).

        It can be differentiated once more with respect to the weights, which is all that a gradient penalty needs: the
        critic is linear in pieces, so that the slopes of its activations are constants. Automatic differentiation applied
        twice gives the same numbers and spends two passes more on derivatives that are zero.
        """
        slopes = []
        with torch.no_grad():
            x = image
            for conv in self.trunk:
                x = conv(x)
                slopes.append(torch.where(x > 0, 1.0, LEAK).to(x.dtype))
                x = x * slopes[-1]
            scores = torch.ones_like(self.patches(x[:1]))
        gradient = F.conv_transpose2d(scores, self.patches.weight, padding=1)
        for conv, slope in zip(reversed(self.trunk), reversed(slopes), strict=True):
            gradient = cast(HalvingConv, conv).spread(gradient * slope)
        return gradient.float()


def initialise(network: nn.Module) -> None:
    """Convolutions from a normal distribution of deviation 0.02, biases 0, as the authors' code has it."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
