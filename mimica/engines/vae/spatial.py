"""The two-decoder VAE whose latent is a map, and what it learns from pairs: a step in the latent for each attribute.

    image (B, 3, S, S) -> mean and log variance, each C x G x G, flattened to (B, Z)
    z (B, Z) -> image (B, 3, S, S); mask logits (B, 1, S, S); layer (B, 4, S, S): logits of an object's alpha, and its colour

Each place of the map sees a square of the picture, so eyes stay where eyes are and little must be learnt: encoder and picture
decoder have a linear path that starts from principal components of these squares (`start`), beside convolutions that start as
nothing. All places are mixed once in the decoder (I. Tolstikhin et al., "MLP-Mixer", 2021), so that a frame knows of both its
halves. `switches` (A, Z) are what attributes add to z, `unit_steps` (34, Z) what Action Units add; both start as mean differences
within pairs and are trained with the decoders. `eraser` says what a face loses with eyewear or facial hair, which depends on the
pair of glasses, or the beard, that is there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.engines.vae.networks import Coded
from mimica.facs import SIDED_AU_NAMES

ERASED = ("eyewear", "facial hair")
"""What the eraser takes away."""
GROUPS = 8
_SLOPE = 0.2
_NOISE = 0.35
"""Standard deviation of z of the least component at the start; that of the others is as large in pixels."""


@dataclass(frozen=True)
class SpatialShape:
    """What is needed to build the network; what the training option of the same name may be, it may be too."""

    image_size: int  # S, side of the pictures in pixels: a multiple of patch * 4.
    patch: int  # Side of the squares of pixels that go into channels first, 1 or more.
    channels: tuple[int, int, int]  # At S / patch, a half and a quarter of it, the map's own side: multiples of 8.
    code: int  # C, channels of the latent map, 1 or more.
    mask_share: float  # Channels of the mask's decoder as a share of the picture's, 0.01 to 4; rounded up to multiples of 8.
    switches: tuple[str, ...] = ()  # Attributes that have a step of their own.

    @property
    def grid(self) -> int:
        """G, side of the latent map."""
        return self.image_size // self.patch // 4

    @property
    def latent(self) -> int:
        """Z."""
        return self.code * self.grid**2

    def as_config(self) -> dict[str, Any]:
        return {**asdict(self), "channels": list(self.channels), "switches": list(self.switches), "latent": self.latent}

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> SpatialShape:
        """The inverse of `as_config`."""
        given = {name: value for name, value in config.items() if name != "latent"}
        a, b, c = given.pop("channels")
        return SpatialShape(**{**given, "channels": (a, b, c), "switches": tuple(given["switches"])})


class DecodedLayer(NamedTuple):
    """`image` and `layer`'s colours in about [-1, 1], as in the module's description."""

    image: Tensor
    mask_logits: Tensor
    layer: Tensor


def conv(inputs: int, outputs: int, stride: int = 1, zero: bool = False) -> nn.Conv2d:
    """3x3; one of `zero` starts as nothing."""
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1)
    nn.init.kaiming_normal_(layer.weight, _SLOPE)
    if zero:
        nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class Residual(nn.Module):
    """(B, C, H, W) -> (B, C, H, W); starts as the identity."""

    def __init__(
        self,
        channels: int,  # C: a multiple of 8.
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.GroupNorm(GROUPS, channels), nn.LeakyReLU(_SLOPE), conv(channels, channels),
            nn.GroupNorm(GROUPS, channels), nn.LeakyReLU(_SLOPE), conv(channels, channels, zero=True),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = x + self.body(x)
        return total


class Mixed(nn.Module):
    """(B, C, G, G) -> the same: every place hears of all others; starts as the identity."""

    def __init__(
        self,
        channels: int,  # C: a multiple of 8.
        places: int,  # G x G.
    ) -> None:
        super().__init__()
        self.norm, self.first, self.second = nn.GroupNorm(GROUPS, channels), nn.Linear(places, places), nn.Linear(places, places)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.second(F.gelu(self.first(self.norm(x).flatten(2))))
        return x + mixed.view_as(x)


class Encoder(nn.Module):
    """image (B, 3, S, S) -> mean and log variance, (B, C, G, G) each."""

    def __init__(
        self,
        shape: SpatialShape,  # All of it counts but the mask's share and the switches.
    ) -> None:
        super().__init__()
        a, b, c = shape.channels
        self.code, side = shape.code, shape.image_size // shape.grid
        self.body = nn.Sequential(
            nn.PixelUnshuffle(shape.patch), conv(3 * shape.patch**2, a), nn.LeakyReLU(_SLOPE), conv(a, b, 2), Residual(b),
            nn.LeakyReLU(_SLOPE), conv(b, c, 2), Residual(c), Residual(c), nn.LeakyReLU(_SLOPE),
            conv(c, 2 * shape.code, zero=True),
        )  # fmt: skip
        self.linear = nn.Conv2d(3, shape.code, side, side)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        found = self.body(image)
        return self.linear(image) + found[:, : self.code], found[:, self.code :].clamp(-12, 3)


class Decoder(nn.Module):
    """z (B, C, G, G) -> (B, outputs, S, S), nothing at the start."""

    def __init__(
        self,
        shape: SpatialShape,  # Sides and code of both decoders.
        channels: tuple[int, int, int],  # In place of the shape's, largest maps first.
        outputs: int,  # Channels that come out.
        mixed: bool,  # Whether all places hear of each other.
    ) -> None:
        super().__init__()
        a, b, c = channels
        first = [conv(shape.code, c), Residual(c), *([Mixed(c, shape.grid**2), Residual(c)] if mixed else [])]
        self.body = nn.Sequential(
            *first, nn.LeakyReLU(_SLOPE), nn.Upsample(scale_factor=2.0, mode="bilinear"), conv(c, b), Residual(b),
            nn.LeakyReLU(_SLOPE), nn.Upsample(scale_factor=2.0, mode="bilinear"), conv(b, a), Residual(a),
            nn.LeakyReLU(_SLOPE), conv(a, outputs * shape.patch**2, zero=True), nn.PixelShuffle(shape.patch),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        pictures: Tensor = self.body(z)
        return pictures


class Eraser(nn.Module):
    """z (B, C, G, G), which of `ERASED` (B,) -> what to add to z, (B, C, G, G); nothing at the start."""

    def __init__(
        self,
        shape: SpatialShape,  # Its code and grid.
        width: int = 96,  # Channels within: a multiple of 8.
    ) -> None:
        super().__init__()
        self.enter = conv(shape.code + len(ERASED), width)
        self.body = nn.Sequential(
            Residual(width),
            Mixed(width, shape.grid**2),
            Residual(width),
            nn.LeakyReLU(_SLOPE),
            conv(width, shape.code, zero=True),
        )

    def forward(self, z: Tensor, kind: Tensor) -> Tensor:
        which = (kind[:, None] == torch.arange(len(ERASED), device=kind.device)).to(z.dtype)
        planes = which[:, :, None, None] + 0 * z[:, :1]
        added: Tensor = self.body(self.enter(torch.cat([z, planes], 1)))
        return added


class SpatialVae(nn.Module):
    """Encoder, both decoders, the steps of attributes and Action Units, and the eraser."""

    def __init__(
        self,
        shape: SpatialShape,  # Of all of them.
    ) -> None:
        super().__init__()
        self.shape = shape
        a, b, c = (8 * max(1, math.ceil(width * shape.mask_share / 8)) for width in shape.channels)
        self.encoder = Encoder(shape)
        self.image_decoder, self.mask_decoder = Decoder(shape, shape.channels, 7, True), Decoder(shape, (a, b, c), 1, False)
        side = shape.image_size // shape.grid
        self.linear_decoder = nn.ConvTranspose2d(shape.code, 3, side, side)
        self.eraser = Eraser(shape)
        self.switches = nn.Parameter(torch.zeros(len(shape.switches), shape.latent))
        self.unit_steps = nn.Parameter(torch.zeros(len(SIDED_AU_NAMES), shape.latent))

    def _map(self, z: Tensor) -> Tensor:
        """(B, Z) -> (B, C, G, G)."""
        return z.view(-1, self.shape.code, self.shape.grid, self.shape.grid)

    def encode(self, image: Tensor) -> Coded:
        """image (B, 3, S, S) in [-1, 1] -> q(z|x)."""
        mean, log_variance = self.encoder(image)
        return Coded(mean.flatten(1), log_variance.flatten(1))

    def decode(self, z: Tensor) -> DecodedLayer:
        """z (B, Z) -> picture, mask and layer."""
        maps = self._map(z)
        drawn, linear = self.image_decoder(maps), self.linear_decoder(maps)
        return DecodedLayer(linear + drawn[:, :3], self.mask_decoder(maps), drawn[:, 3:])

    def erased(self, z: Tensor, kind: Tensor) -> Tensor:
        """z (B, Z) without eyewear (kind 0) or facial hair (1), (B,)."""
        added: Tensor = self.eraser(self._map(z), kind)
        return z + added.flatten(1)

    @torch.no_grad()
    def start(self, pictures: Tensor) -> None:
        """Makes the network begin as principal components of squares of `pictures` (N, 3, S, S): z are whitened components. Each
        gets the noise that is as large in pixels as that of the least."""
        side, code = self.shape.image_size // self.shape.grid, self.shape.code
        squares = F.unfold(pictures, side, stride=side).transpose(1, 2).reshape(-1, 3 * side**2).double()
        mean = squares.mean(0)
        values, vectors = torch.linalg.eigh((squares - mean).T @ (squares - mean) / len(squares))
        basis, deviations = vectors[:, -code:].flip(1).T, values[-code:].flip(0).clamp(min=1e-9).sqrt()
        into, out = (basis / deviations[:, None]), basis * deviations[:, None]
        assert self.encoder.linear.bias is not None and self.linear_decoder.bias is not None
        self.encoder.linear.weight.copy_(into.view(code, 3, side, side))
        self.encoder.linear.bias.copy_(-(into @ mean))
        self.linear_decoder.weight.copy_(out.view(code, 3, side, side))
        self.linear_decoder.bias.copy_(mean.view(3, -1).mean(1))
        last = self.encoder.body[-1]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        last.bias[code:].copy_(2 * (_NOISE * deviations[-1] / deviations).log())
        middle = self.image_decoder.body[-2]
        assert isinstance(middle, nn.Conv2d) and middle.bias is not None
        middle.bias[3 * self.shape.patch**2 : 4 * self.shape.patch**2].fill_(-4.0)  # objects are rare


class Critic(nn.Module):
    """Pictures (B, 3, S, S) -> scores of patches; spectral norms (T. Miyato et al., 2018) hold it."""

    def __init__(
        self,
        patch: int,  # Side of the squares that go into channels first.
        widths: tuple[int, int, int] = (48, 80, 96),  # Channels of its three layers.
    ) -> None:
        super().__init__()
        a, b, c = widths
        held = torch.nn.utils.parametrizations.spectral_norm
        self.body = nn.Sequential(
            nn.PixelUnshuffle(patch), held(nn.Conv2d(3 * patch**2, a, 3, 1, 1)), nn.LeakyReLU(_SLOPE),
            held(nn.Conv2d(a, b, 3, 2, 1)), nn.LeakyReLU(_SLOPE), held(nn.Conv2d(b, c, 3, 2, 1)), nn.LeakyReLU(_SLOPE),
            held(nn.Conv2d(c, 1, 3, 1, 1)),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.body(x)
        return scores


class Recent(nn.Module):
    """The last latents that were seen, of which new ones are mixed: a draw from the Gaussian of their mean and covariance."""

    kept: Tensor
    count: Tensor

    def __init__(
        self,
        latent: int,  # Z.
        size: int = 512,  # How many are kept.
    ) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(size, latent))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def add(self, z: Tensor) -> None:
        """(B, Z), in place of the oldest."""
        places = (self.count + torch.arange(len(z), device=z.device)) % len(self.kept)
        self.kept[places] = z
        self.count += len(z)

    def draw(self, count: int) -> Tensor:
        """(count, Z)."""
        known = self.kept[: int(self.count.clamp(max=len(self.kept)))]
        noise = torch.randn(count, len(known), device=known.device) / len(known) ** 0.5
        return known.mean(0) + noise @ (known - known.mean(0))
