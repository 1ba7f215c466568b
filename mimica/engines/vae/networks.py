"""The two-decoder variational autoencoder: one encoder, a Gaussian latent, one decoder for the picture and one for the mask.

Source: R. de S. Toledo, "Manipulação de atributos faciais" (UFSC 2021), on D. P. Kingma, M. Welling, "Auto-encoding
variational Bayes" (2014). The slides give the kinds of layers (convolutions, batch norm, activations, dense ones), their
number (145), the parameters (16.6 million) and that encoder and decoders mirror each other; the rest is our reading of it:

    image (B, 3, S, S) -> stem -> levels: [3x3 stride 2, residual block] ... -> dense: mean and log variance (B, Z)
    z (B, Z) -> dense -> levels: [twice the side, 3x3, residual block] ... -> image (B, 3, S, S) in [-1, 1]
                                                                           -> mask logits (B, 1, S, S): face, hair and hat

A level's residual block is K. He et al.'s (2016). Two things that the slides do not have, both off in the paper's preset, make
a network that learns much from little: `patch` puts squares of so many pixels into channels before the stem and back after the
last level (space to depth), 4 being 16 times cheaper; `linear_side` adds a linear path beside the convolutions, image at that
side -> mean and z -> image, which training starts from principal components (`start_linear`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

KIND = "vae"


@dataclass(frozen=True)
class Shape:
    """What is needed to build the networks; what the training option of the same name may be, it may be too."""

    image_size: int  # S, side of the pictures in pixels: a multiple of patch * 2^(levels), the stem not being a level.
    patch: int  # Side of the squares of pixels that go into channels first, 1 or more; 1 leaves the picture as it is.
    channels: tuple[int, ...]  # Of the stem and of every level, from the largest maps to the smallest.
    blocks: int  # Residual blocks a level, 0 or more.
    latent: int  # Z, numbers in the latent vector, 1 or more.
    mask_share: float  # Channels of the mask's decoder as a share of the picture's, 0.01 to 4; at least 8 remain.
    linear_side: int = 0  # Side in pixels of the linear path's pictures, a divisor of image_size; 0: there is no such path.

    @property
    def base(self) -> int:
        """Side of the smallest maps."""
        return self.image_size // self.patch // 2 ** (len(self.channels) - 1)

    def as_config(self) -> dict[str, Any]:
        return {**asdict(self), "channels": list(self.channels)}

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> Shape:
        """The inverse of `as_config`."""
        return Shape(**{**config, "channels": tuple(config["channels"])})


class Coded(NamedTuple):
    """The posterior q(z|x): `mean` and `log_variance`, each (B, Z)."""

    mean: Tensor
    log_variance: Tensor


class Decoded(NamedTuple):
    """What the decoders say: `image` (B, 3, S, S) in [-1, 1], `mask_logits` (B, 1, S, S)."""

    image: Tensor
    mask_logits: Tensor


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.1, inplace=True)
    )


class Residual(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): two 3x3 convolutions with batch norm, added to the input."""

    def __init__(
        self,
        channels: int,  # C, in and out.
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(channels, channels), nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )
        self.activation = nn.LeakyReLU(0.1, inplace=True)
        nn.init.zeros_(self.body[-1].weight)  # type: ignore[arg-type]  # the block starts as the identity

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.body(x))


class Encoder(nn.Module):
    """image (B, 3, S, S) in [-1, 1] -> `Coded`."""

    def __init__(
        self,
        shape: Shape,  # All of it counts but the mask's share.
    ) -> None:
        super().__init__()
        stem, *levels = shape.channels
        layers: list[nn.Module] = [nn.PixelUnshuffle(shape.patch), _conv(3 * shape.patch**2, stem)]
        for before, after in zip(shape.channels, levels, strict=False):
            layers += [_conv(before, after, 2), *[Residual(after) for _ in range(shape.blocks)]]
        self.body = nn.Sequential(*layers, nn.Flatten())
        size = shape.channels[-1] * shape.base**2
        self.mean, self.log_variance = nn.Linear(size, shape.latent), nn.Linear(size, shape.latent)
        nn.init.zeros_(self.log_variance.weight)
        self.linear = nn.Linear(3 * shape.linear_side**2, shape.latent) if shape.linear_side else None
        self.shrink = nn.AvgPool2d(shape.image_size // shape.linear_side) if shape.linear_side else nn.Identity()

    def forward(self, image: Tensor) -> Coded:
        features = self.body(image)
        mean = self.average(image, self.mean(features))
        return Coded(mean, self.log_variance(features).clamp(-12, 6))

    def average(self, image: Tensor, mean: Tensor) -> Tensor:
        """The mean (B, Z) of the convolutions, plus the linear path's where there is one."""
        return mean if self.linear is None else mean + self.linear(self.shrink(image).flatten(1))


class Decoder(nn.Module):
    """z (B, Z) -> (B, outputs, S, S), without a final activation."""

    def __init__(
        self,
        shape: Shape,  # Sides, blocks and latent of both decoders.
        channels: tuple[int, ...],  # In place of the shape's, as many, largest maps first.
        outputs: int,  # Channels that come out: 3 of a picture, 1 of a mask.
    ) -> None:
        super().__init__()
        self.base, self.first = shape.base, channels[-1]
        self.dense = nn.Linear(shape.latent, self.first * self.base**2)
        layers: list[nn.Module] = []
        for before, after in zip(channels[:0:-1], channels[-2::-1], strict=True):
            layers += [nn.Upsample(scale_factor=2), _conv(before, after), *[Residual(after) for _ in range(shape.blocks)]]
        last = nn.Conv2d(channels[0], outputs * shape.patch**2, 3, 1, 1)
        self.body = nn.Sequential(*layers, last, nn.PixelShuffle(shape.patch))

    def forward(self, z: Tensor) -> Tensor:
        maps = self.dense(z).view(-1, self.first, self.base, self.base)
        return self.body(maps.contiguous(memory_format=torch.channels_last))


class LinearDecoder(nn.Module):
    """z (B, Z) -> (B, 3, S, S): a picture of `linear_side` pixels, linear in z, enlarged."""

    def __init__(
        self,
        shape: Shape,  # With a linear side above 0.
    ) -> None:
        super().__init__()
        self.side = shape.linear_side
        self.linear = nn.Linear(shape.latent, 3 * shape.linear_side**2)
        self.enlarge = nn.Upsample(scale_factor=shape.image_size // shape.linear_side, mode="bilinear")

    def forward(self, z: Tensor) -> Tensor:
        enlarged: Tensor = self.enlarge(self.linear(z).view(-1, 3, self.side, self.side))
        return enlarged


class TwoDecoderVae(nn.Module):
    """Encoder and both decoders."""

    def __init__(
        self,
        shape: Shape,  # Of all three.
    ) -> None:
        super().__init__()
        self.shape = shape
        narrow = tuple(max(8, round(c * shape.mask_share)) for c in shape.channels)
        self.encoder = Encoder(shape)
        self.image_decoder = Decoder(shape, shape.channels, 3)
        self.linear_decoder = LinearDecoder(shape) if shape.linear_side else None
        self.image_activation: nn.Module = nn.Hardtanh() if shape.linear_side else nn.Tanh()
        self.mask_decoder = Decoder(shape, narrow, 1)

    def encode(self, image: Tensor) -> Coded:
        """image (B, 3, S, S) in [-1, 1] -> q(z|x)."""
        coded: Coded = self.encoder(image)
        return coded

    def decode(self, z: Tensor) -> Decoded:
        """z (B, Z) -> picture and mask."""
        image = self.image_decoder(z)
        if self.linear_decoder is not None:
            image = image + self.linear_decoder(z)
        return Decoded(self.image_activation(image), self.mask_decoder(z))

    @torch.no_grad()
    def start_linear(self, mean: Tensor, components: Tensor, deviations: Tensor, variance: float = 0.1) -> None:
        """Makes the network begin as principal components: z are whitened components of variance `variance`, the convolutions add
        nothing yet. `mean` (3, s, s) of pictures of `linear_side`, `components` (Z, 3 s s), orthonormal or (encoding, decoding)
        pairs thereof as (2, Z, 3 s s), `deviations` (Z,) of the components over the data."""
        if self.encoder.linear is None or self.linear_decoder is None:
            raise ValueError("This network has no linear path.")
        into, out = components if components.ndim == 3 else (components, components)
        flat = mean.flatten()
        self.encoder.linear.weight.copy_(into / deviations[:, None])
        self.encoder.linear.bias.copy_(-(into @ flat) / deviations)
        self.linear_decoder.linear.weight.copy_((out * deviations[:, None]).T)
        self.linear_decoder.linear.bias.copy_(flat)
        for layer in (self.encoder.mean, self.encoder.log_variance, self.image_decoder.body[-2]):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)
        nn.init.constant_(self.encoder.log_variance.bias, math.log(variance))

    def forward(self, image: Tensor, generator: torch.Generator | None = None) -> tuple[Coded, Decoded]:
        """Encode, draw z (torch's own generator if none is given), decode."""
        coded = self.encode(image)
        return coded, self.decode(sample_latent(coded, generator))


def sample_latent(coded: Coded, generator: torch.Generator | None = None) -> Tensor:
    """z = mean + sigma * epsilon, epsilon ~ N(0, 1) (Kingma and Welling, the reparametrisation trick, section 2.4)."""
    noise = torch.randn(coded.mean.shape, generator=generator, device=coded.mean.device, dtype=coded.mean.dtype)
    return coded.mean + (0.5 * coded.log_variance).exp() * noise


def counted_layers(net: nn.Module) -> dict[str, int]:
    """How many layers of the kinds that the slides count: convolutions, batch norms, activations, dense ones."""
    kinds = {
        "convolution": nn.Conv2d,
        "batch norm": nn.BatchNorm2d,
        "activation": (nn.LeakyReLU, nn.Tanh, nn.Hardtanh),
        "dense": nn.Linear,
    }
    return {name: sum(isinstance(m, kind) for m in net.modules()) for name, kind in kinds.items()}  # type: ignore[arg-type]


def summary(net: TwoDecoderVae) -> str:
    """One line a part: layers and parameters, and the sums."""
    parts: dict[str, nn.Module] = {"encoder": net.encoder, "image decoder": net.image_decoder, "mask decoder": net.mask_decoder}
    if net.linear_decoder is not None:
        parts["linear decoder"] = net.linear_decoder
    lines = [f"{'':16}{'layers':>8}{'parameters':>14}"]
    for name, part in [*parts.items(), ("together", net)]:
        layers, parameters = sum(counted_layers(part).values()), sum(p.numel() for p in part.parameters())
        lines.append(f"{name:16}{layers:>8}{parameters:>14,}")
    kinds = ", ".join(f"{count} {name}" for name, count in counted_layers(net).items())
    return "\n".join([*lines, f"{kinds}; latent {net.shape.latent}, maps down to {net.shape.base} x {net.shape.base}"])
