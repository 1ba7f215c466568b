"""The embedded generator: StyleGAN2 with a picture inside, so that two CPU cores can train it.

StyleGAN2 (T. Karras et al., CVPR 2020) learns everything from a constant, which takes days of a GPU. Here w gives a small
picture directly, the layers refine it, and the picture of 64 pixels enters once more before the last doublings; each part then
has a picture to start from and a picture to aim at, and can be trained alone. With w_k the latent of place k, up(.) StyleGAN2's
doubling, L_k the styled layer k (modulation, demodulation, noise, StyleGAN2's low pass after each up-convolution), R_j the
picture output of resolution 4 * 2^j and r_j the picture so far:

    b   = B w_0 + b_0                                    the base, (3, 16, 16): linear in w, starts as principal components
    e_16 = conv(conv(b)),  e_8 = conv(half(e_16)),  e_4 = conv(half(e_8))                       the base enters the features
    x_4 = L_0(c + e_4),  x_8 = L_2((L_1(x_4) + e_8) / sqrt 2),  x_16 = L_4((L_3(x_8) + e_16) / sqrt 2)
    x_s = L_{2j}(L_{2j-1}(x_{s/2}))                      for s = 32, 64
    r_4 = R_0(x_4),  r_s = up(r_{s/2}) + R_j(x_s),  and r_16 = up(r_8) + R_2(x_16) + b          *body*, ends with r_64
    x'  = top_enter(r_64)                                the picture, and nothing else, enters the *top*
    x_128 = L_10(L_9(x')),  x_256 = L_12(L_11(x_128)),   r_s = up(r_{s/2}) + R_j(x_s)

Places are StyleGAN2's: layer k takes w_k, the output R_j takes w_{2j+1}, 14 of them at 256 pixels; the base takes place 0, the
coarsest. In the space S the base is one style more, the last: 768 numbers, the base picture itself. The affine layers of the top
start at 0, that is, as plain convolutions. Everything that works with a `Generator` works with this one.

Seeds: a Gaussian of w gives blotched faces as long as the codes of true faces are few. `CodeMapping` (module `mapping`
beside this) is one attention layer over stored codes instead: deterministic, continuous in z, and never trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.engines.stylegan.cascade.mapping import CodeMapping
from mimica.engines.stylegan.layers import Conv, Linear, StyledConv, ToRGB, upsample
from mimica.engines.stylegan.networks import SIZES, Generator, Noise, Synthesis, layer_count

CASCADE_KIND = "stylegan2-cascade"


class Enter(nn.Module):
    """The base picture (B, 3, s, s) -> features of the sides 4, 8, ... s, the channels as those of the layers there."""

    def __init__(
        self,
        widths: Sequence[int],  # Channels at 4, 8, ... s pixels.
    ) -> None:
        super().__init__()
        self.first = Conv(3, widths[-1], 3)
        below = [*widths[1:], widths[-1]]
        self.convs = nn.ModuleList(Conv(inputs, width, 3) for inputs, width in zip(below, widths, strict=True))

    def forward(self, base: Tensor) -> list[Tensor]:
        x, features = self.first(base), []
        for conv in reversed(self.convs):
            x = conv(x)
            features.append(x)
            x = F.avg_pool2d(x, 2)
        return features[::-1]


class TopEnter(nn.Module):
    """A picture (B, 3, h, w), sides multiples of 4 -> features (B, width, h, w): residual convolutions, and two smaller scales
    that tell what part of a face this is."""

    def __init__(
        self,
        width: int,  # Channels at the picture's own side.
        context: int,  # Channels at a half and a quarter of it.
    ) -> None:
        super().__init__()
        self.first = Conv(3, width, 3)
        self.mid = nn.ModuleList(Conv(width, width, 3) for _ in range(2))
        self.down = nn.ModuleList([Conv(width, context, 3), Conv(context, context, 3)])
        self.up = nn.ModuleList([Conv(context, context, 3), Conv(context, width, 3)])

    def forward(self, picture: Tensor) -> Tensor:
        x = self.first(picture)
        x = x + 0.5 * self.mid[0](x)
        half = self.down[0](F.avg_pool2d(x, 2))
        quarter = self.up[0](self.down[1](F.avg_pool2d(half, 2)))
        half = half + 0.5 * F.interpolate(quarter, scale_factor=2.0, mode="nearest")
        x = x + 0.5 * F.interpolate(self.up[1](half), scale_factor=2.0, mode="nearest")
        mixed: Tensor = x + 0.5 * self.mid[1](x)
        return mixed


class CascadeSynthesis(Synthesis):
    """w_plus (or w, or styles) -> picture; see the module's description."""

    def __init__(
        self,
        size: int,  # Side of the pictures in pixels, one of `SIZES`, above `entry`.
        entry: int,  # Side of the picture that enters the top, one of `SIZES`, above `base_size`.
        base_size: int,  # Side of the base picture, one of `SIZES`, above 4.
        widths: Sequence[int],  # Channels of the layers at 4, 8, ... `size` pixels.
        top_width: int,  # `width` of `TopEnter`.
        context: int,  # `context` of `TopEnter`.
        w_size: int,  # Numbers in a w.
    ) -> None:
        nn.Module.__init__(self)
        self.size, self.w_size, self.num_ws = size, w_size, layer_count(size)
        self.entry, self.base_size = SIZES.index(entry), SIZES.index(base_size)
        if len(widths) != SIZES.index(size) + 1 or not 0 < self.base_size < self.entry < SIZES.index(size):
            raise ValueError(f"{len(widths)} widths and sides {base_size} < {entry} < {size}")
        self.constant = nn.Parameter(torch.randn(widths[0], 4, 4))
        layers, before = [], widths[0]
        for j, width in enumerate(widths):
            if j > 0:
                inputs = top_width if j == self.entry + 1 else before
                layers.append(StyledConv(inputs, width, SIZES[j], w_size, up=True))
            layers.append(StyledConv(width, width, SIZES[j], w_size, up=False))
            before = width
        self.layers = nn.ModuleList(layers)
        self.to_rgb = nn.ModuleList(ToRGB(width, w_size) for width in widths)
        self.base = Linear(w_size, 3 * base_size * base_size)
        self.enter = Enter(widths[: self.base_size + 1])
        self.top_enter = TopEnter(top_width, context)
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """Outputs add nothing to the picture, and w does nothing in the top, before training."""
        for rgb in self.to_rgb:
            rgb.weight.zero_()
        for layer in [*self.layers[2 * self.entry + 1 :], *self.to_rgb[self.entry + 1 :]]:
            layer.style.weight.zero_()

    # --- parts ------------------------------------------------------------------------------------------------------

    def top_modules(self) -> list[nn.Module]:
        """What makes `size` pixels of `entry`."""
        return [self.top_enter, *self.layers[2 * self.entry + 1 :], *self.to_rgb[self.entry + 1 :]]

    def top_parameters(self) -> list[nn.Parameter]:
        return [p for module in self.top_modules() for p in module.parameters()]

    def top_names(self) -> set[str]:
        """Of the top's tensors in `state_dict`, noise buffers included."""
        inside = {id(module) for one in self.top_modules() for module in one.modules()}
        prefixes = tuple(f"{name}." for name, module in self.named_modules() if id(module) in inside)
        return {name for name in self.state_dict() if name.startswith(prefixes)}

    def body_parameters(self, base: bool = True) -> list[nn.Parameter]:
        """All others; without those of the base where it is not to change."""
        left_out = {id(p) for p in self.top_parameters()} | (set() if base else {id(p) for p in self.base.parameters()})
        return [p for p in self.parameters() if id(p) not in left_out]

    @torch.no_grad()
    def fit_base(self, w: Tensor, pictures: Tensor, ridge: float = 1e-2) -> None:
        """The base as the linear function of w (N, w_size) nearest to `pictures` (N, 3, base, base): ridge regression."""
        mean, flat = w.mean(0), pictures.flatten(1)
        centred, wanted = (w - mean).double(), (flat - flat.mean(0)).double()
        gram = centred.t() @ centred / len(w) + ridge * torch.eye(w.shape[1], dtype=torch.float64)
        matrix = torch.linalg.solve(gram, centred.t() @ wanted / len(w)).float()  # (w_size, pixels)
        self.base.weight.copy_(matrix.t() / self.base.scale)
        self.base.bias.copy_(flat.mean(0) - mean @ matrix)

    # --- passes -----------------------------------------------------------------------------------------------------

    def styles(self, w: Tensor) -> list[Tensor]:
        """w or w_plus -> S: those of the layers, those of the picture outputs, the base (B, 3 * base * base)."""
        w = self.spread(w)
        return [*super().styles(w), self.base(w[:, 0])]

    def from_styles(self, styles: Sequence[Tensor], noise: Noise = "fixed") -> Tensor:
        """S -> picture (B, 3, size, size)."""
        noises = self.noises(noise, styles[0].shape[0])
        return self.top(self.body(styles, noises), styles, noises)

    def small(self, w: Tensor, noise: Noise = "fixed") -> Tensor:
        """w or w_plus -> what the body draws, (B, 3, entry, entry)."""
        return self.body(self.styles(w), self.noises(noise, len(w)))

    def body(self, styles: Sequence[Tensor], noises: Sequence[Tensor | None]) -> Tensor:
        """S -> (B, 3, entry, entry)."""
        base = styles[-1].unflatten(1, (3, SIZES[self.base_size], SIZES[self.base_size]))
        base = base.contiguous(memory_format=torch.channels_last)
        entering = self.enter(base)
        x = self.layers[0](self.constant[None] + entering[0], styles[0], noises[0])
        picture = self.to_rgb[0](x, styles[len(self.layers)])
        for j in range(1, self.entry + 1):
            x = self.layers[2 * j - 1](x, styles[2 * j - 1], noises[2 * j - 1])
            if j < len(entering):
                x = (x + entering[j]) * math.sqrt(0.5)
            x = self.layers[2 * j](x, styles[2 * j], noises[2 * j])
            picture = upsample(picture) + self.to_rgb[j](x, styles[len(self.layers) + j])
            if j == self.base_size:
                picture = picture + base
        return picture

    def top(self, picture: Tensor, styles: Sequence[Tensor], noises: Sequence[Tensor | None]) -> Tensor:
        """(B, 3, h, w), of `entry` or a crop of it -> `size` / `entry` times as large; `noises` fit the crop."""
        x = self.top_enter(picture)
        for j in range(self.entry + 1, len(self.to_rgb)):
            for k in (2 * j - 1, 2 * j):
                x = self.layers[k](x, styles[k], noises[k])
            picture = upsample(picture) + self.to_rgb[j](x, styles[len(self.layers) + j])
        return picture

    def enlarged(self, picture: Tensor, noise: str = "none", w: Tensor | None = None) -> Tensor:
        """The top alone, on a picture or a crop (B, 3, h, h); without w its styles are those of w = 0."""
        batch, side = len(picture), picture.shape[-1]
        styles = self.styles(picture.new_zeros(batch, self.w_size) if w is None else w)
        noises: list[Tensor | None] = [None] * len(self.layers)
        if noise == "random":
            for k in range(2 * self.entry + 1, len(self.layers)):
                scaled = side * self.layers[k].size // SIZES[self.entry]
                noises[k] = torch.randn(batch, 1, scaled, scaled, device=picture.device)
        return self.top(picture, styles, noises)


class CascadeGenerator(Generator):
    """Mapping and synthesis; the options are the `config` of its model file."""

    mapping: CodeMapping
    synthesis: CascadeSynthesis

    def __init__(
        self,
        size: int = 256,  # Side of the pictures in pixels, one of `SIZES`, above `entry`.
        entry: int = 64,  # Side of the picture that enters the top, one of `SIZES`, above `base_size`.
        base_size: int = 16,  # Side of the base picture, one of `SIZES`, above 4.
        widths: Sequence[int] = (256, 256, 192, 128, 64, 48, 24),  # Channels at 4, 8, ... `size` pixels.
        top_width: int = 96,  # Channels at the side at which the top is entered.
        context: int = 128,  # Channels at a half and a quarter of it.
        z_size: int = 512,  # Numbers in a z, `dims` at least.
        w_size: int = 512,  # Numbers in a w.
        codes: int = 2048,  # Stored codes among which a z draws.
        dims: int = 20,  # Principal components that a z is a place among.
        blended: float = 0.0,  # So many codes count in each draw; 0: one temperature for all draws, as in files that lack it.
    ) -> None:
        nn.Module.__init__(self)
        self.config: MappingOf[str, Any] = {
            "size": size, "entry": entry, "base_size": base_size, "widths": list(widths), "top_width": top_width,
            "context": context, "z_size": z_size, "w_size": w_size, "codes": codes, "dims": dims, "blended": blended,
        }  # fmt: skip
        self.mapping = CodeMapping(z_size, w_size, codes, dims, blended)
        self.synthesis = CascadeSynthesis(size, entry, base_size, widths, top_width, context, w_size)
