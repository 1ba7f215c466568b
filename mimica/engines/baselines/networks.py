"""The networks of StarGAN, CycleGAN, DIAT and IcGAN, from shared blocks.

    StarGAN    Y. Choi et al., "StarGAN: Unified generative adversarial networks for multi-domain image-to-image translation"
               (CVPR 2018), tables 4 and 5
    CycleGAN   J.-Y. Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks" (ICCV 2017),
               section 7.2 of the appendix
    DIAT       M. Li, W. Zuo, D. Zhang, "Deep identity-aware transfer of facial attributes" (2016, first version)
    IcGAN      G. Perarnau et al., "Invertible conditional GANs for image editing" (2016), tables 1 and 2

Images are float32 (B, 3, S, S) in [-1, 1]. `width` is the number of channels of a first layer; the papers have 64.
"""

from __future__ import annotations

import itertools
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mimica.errors import ValueRangeError

PAPERS_WIDTH = 64
LEAK = 0.01
"""Slope below zero of StarGAN's leaky ReLU; that of the others is 0.2."""


class Convolution(nn.Sequential):
    """A convolution (or, with `up`, a transposed one), instance norm and ReLU; `last` leaves the ReLU out. With `affine` the
    norm has weight and bias and the convolution no bias, as StarGAN has it; without, the other way round, as CycleGAN."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        up: bool = False,
        affine: bool = True,
        last: bool = False,
    ) -> None:
        padding = (kernel - 1) // 2
        if up:
            conv: nn.Module = nn.ConvTranspose2d(
                inputs, outputs, kernel, stride, padding, output_padding=kernel % 2, bias=not affine
            )
        elif affine or stride > 1:
            conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=not affine)
        else:
            conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=True, padding_mode="reflect")
        super().__init__(conv, nn.InstanceNorm2d(outputs, affine=affine), *([] if last else [nn.ReLU()]))


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, width: int, affine: bool) -> None:
        super().__init__()
        self.first = Convolution(width, width, 3, affine=affine)
        self.second = Convolution(width, width, 3, affine=affine, last=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) -> the same."""
        out: Tensor = x + self.second(self.first(x))
        return out


class ResidualGenerator(nn.Module):
    """Two halvings, residual blocks, two doublings: StarGAN's generator (`affine`, kernels of 4, `labels` as constant planes
    of the input), CycleGAN's (kernels of 3, mirrored borders, no labels) and DIAT's transform network (the same, 5 blocks).

    8,430,528 parameters for 5 labels, width 64, 6 blocks, affine; 7,837,699 for none, 6 blocks, not affine."""

    def __init__(self, labels: int = 0, width: int = 64, blocks: int = 6, affine: bool = False) -> None:
        super().__init__()
        kernel = 4 if affine else 3
        self.stem = Convolution(3 + labels, width, 7, affine=affine)
        self.down = nn.Sequential(*[Convolution(width * n, width * 2 * n, kernel, 2, affine=affine) for n in (1, 2)])
        self.blocks = nn.Sequential(*[ResidualBlock(4 * width, affine) for _ in range(blocks)])
        self.up = nn.Sequential(*[Convolution(width * 2 * n, width * n, kernel, 2, up=True, affine=affine) for n in (2, 1)])
        mode: Literal["zeros", "reflect"] = "zeros" if affine else "reflect"
        self.color = nn.Conv2d(width, 3, 7, padding=3, bias=not affine, padding_mode=mode)
        if not affine:
            initialise(self)

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        """(B, 3, S, S), label (B, labels) -> (B, 3, S, S) in [-1, 1]. S is a multiple of 4, 16 or more."""
        x = image if label is None else torch.cat([image, planes(label, image)], dim=1)
        return torch.tanh(self.color(self.up(self.blocks(self.down(self.stem(x))))).float())


def planes(label: Tensor, image: Tensor) -> Tensor:
    """(B, N) -> (B, N, H, W), constant over the picture."""
    return label.to(image.dtype)[:, :, None, None].expand(-1, -1, *image.shape[2:])


class DomainCritic(nn.Module):
    """StarGAN's discriminator: patch scores and a score for each label. 44,762,048 parameters with 5 labels at 128 px.

    Narrower than the paper's it starts as K. He et al. (2015) have it for this ReLU: from torch's own start signals fade over six
    layers, and a critic of 16 channels stood still, its gradient 0 and its labels at chance, for 500 steps."""

    def __init__(self, labels: int, image_size: int = 128, width: int = 64, layers: int = 6) -> None:
        super().__init__()
        if image_size % 2**layers:
            raise ValueRangeError(f"The critic needs an image size that {2**layers} divides, not {image_size}.")
        widths = [3] + [width * 2**i for i in range(layers)]
        self.trunk = nn.ModuleList([nn.Conv2d(a, b, 4, 2, 1) for a, b in itertools.pairwise(widths)])
        self.patches = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.labels = nn.Conv2d(widths[-1], labels, image_size // 2**layers, bias=False)
        for conv in self.trunk if width < PAPERS_WIDTH else ():
            nn.init.kaiming_normal_(cast(nn.Conv2d, conv).weight, LEAK)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S) -> patch scores (B, S / 64, S / 64) and label scores (B, N), both unbounded."""
        x = image
        for conv in self.trunk:
            x = F.leaky_relu(conv(x), LEAK)
        return self.patches(x)[:, 0].float(), self.labels(x).flatten(1).float()


class PatchDiscriminator(nn.Module):
    """CycleGAN's: each score sees 70 x 70 pixels. DIAT compares faces by its feature maps. 2,764,737 parameters."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths, strides = [3, width, 2 * width, 4 * width, 8 * width], (2, 2, 2, 1)
        pairs = zip(itertools.pairwise(widths), strides, strict=True)
        self.trunk = nn.ModuleList([nn.Conv2d(a, b, 4, stride, 1) for (a, b), stride in pairs])
        self.scores = nn.Conv2d(widths[-1], 1, 4, 1, 1)
        initialise(self)

    def features(self, image: Tensor) -> list[Tensor]:
        """The four maps in front of the scores."""
        maps: list[Tensor] = []
        for conv in self.trunk:
            x = conv(maps[-1] if maps else image)
            maps.append(F.leaky_relu(F.instance_norm(x) if maps else x, 0.2))
        return maps

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, 1, S / 8 - 2, S / 8 - 2), unbounded. S is 32 or more."""
        scores: Tensor = self.scores(self.features(image)[-1]).float()
        return scores


class Denoiser(nn.Module):
    """DIAT's: two convolutions that find the noise in a picture."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, S, S) -> the noise in it, the same shape."""
        noise: Tensor = self.layers(image)
        return noise


# --- IcGAN ------------------------------------------------------------------------------------------------------------


def _levels(image_size: int) -> int:
    """Halvings from the picture down to 4 x 4."""
    levels = image_size.bit_length() - 3
    if image_size < 16 or image_size != 4 << levels:
        raise ValueRangeError(f"IcGAN's image size is a power of two of 16 or more, not {image_size}.")
    return levels


class LatentGenerator(nn.Module):
    """G(z, y): transposed convolutions from 1 x 1 up; table 1. `width` is that in front of the last layer."""

    def __init__(self, latent: int, labels: int, image_size: int = 64, width: int = 64) -> None:
        super().__init__()
        count = _levels(image_size)
        widths = [width * 2 ** (count - 1 - i) for i in range(count)]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent + labels, widths[0], 4, bias=False)]
        for inputs, outputs in itertools.pairwise(widths):
            layers += [nn.BatchNorm2d(inputs), nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, 3, 4, 2, 1))
        initialise(self)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        """(B, Z), (B, N) -> (B, 3, S, S) in [-1, 1]."""
        return torch.tanh(self.layers(torch.cat([z, label], dim=1)[:, :, None, None]).float())


class LabelledDiscriminator(nn.Module):
    """D(x, y): the label joins as planes behind the first layer, the place the authors found best; table 1."""

    def __init__(self, labels: int, image_size: int = 64, width: int = 64) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(_levels(image_size))]
        self.first = nn.Conv2d(3, width, 4, 2, 1)
        layers: list[nn.Module] = []
        for place, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            extra = 0 if place else labels
            layers += [nn.Conv2d(inputs + extra, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4))
        initialise(self)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """(B, 3, S, S), (B, N) -> scores (B,), unbounded."""
        x = F.leaky_relu(self.first(image), 0.2)
        scores: Tensor = self.layers(torch.cat([x, planes(label, x)], dim=1)).flatten().float()
        return scores


class Encoder(nn.Module):
    """E_z (`outputs` = Z, a hidden layer of 4096) or E_y (labels, 512): four convolutions of 5 x 5; table 2."""

    def __init__(self, outputs: int, hidden: int, image_size: int = 64, width: int = 32) -> None:
        super().__init__()
        widths = [3] + [width * 2**i for i in range(4)]
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            layers += [nn.Conv2d(a, b, 5, 2, 2, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        side = image_size // 16
        layers += [nn.Flatten(), nn.Linear(widths[-1] * side * side, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, outputs))
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, outputs), unbounded."""
        code: Tensor = self.layers(image).float()
        return code


def initialise(network: nn.Module) -> None:
    """Weights from a normal distribution of deviation 0.02, biases 0, batch norms near 1: CycleGAN's and IcGAN's start (StarGAN's
    is torch's own)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.normal_(module.weight, 1.0, 0.02)
