"""The network of masks: an ffhq crop of `SIDE` pixels -> where hair and head are, whether the head is covered, how old it looks.

A small U-Net (O. Ronneberger, P. Fischer, T. Brox, 2015) that is told where each pixel is: a crop is aligned, and hair is where
hair is. Inputs float32 (B, 3, SIDE, SIDE) in [-1, 1]."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mimica.engines.layers.masks import KIND, SIDE, VERSION
from mimica.model_files.onnx_export import onnx_of


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class MaskNet(nn.Module):
    """`width`: channels at half the side; twice as many at a quarter, thrice at an eighth and a sixteenth."""

    places: Tensor

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        a, b, c = width, 2 * width, 3 * width
        line = torch.linspace(-1, 1, SIDE)
        self.register_buffer("places", torch.stack(torch.meshgrid(line, line, indexing="ij"))[None], persistent=False)
        self.second = nn.Sequential(convolution(5, a, 2), convolution(a, a))
        self.fourth = nn.Sequential(convolution(a, b, 2), convolution(b, b))
        self.eighth = nn.Sequential(convolution(b, c, 2), convolution(c, c))
        self.sixteenth = nn.Sequential(convolution(c, c, 2), convolution(c, c), convolution(c, c))
        self.up_eighth, self.up_quarter, self.up_half = convolution(2 * c, c), convolution(c + b, b), convolution(b + a, a)
        self.masks = nn.ConvTranspose2d(a, 2, 4, 2, 1)
        self.facts = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * c, 2))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """-> logits of hair and head (B, 2, SIDE, SIDE); logit of a covered head, and age in units of 100 years (B, 2)."""
        places = self.places + 0 * image[:, :2]  # `expand` would fix the batch of the exported file
        half = self.second(torch.cat([image, places], 1))
        quarter = self.fourth(half)
        eighth = self.eighth(quarter)
        deep = self.sixteenth(eighth)
        x = self.up_eighth(torch.cat([_twice(deep), eighth], 1))
        x = self.up_quarter(torch.cat([_twice(x), quarter], 1))
        x = self.up_half(torch.cat([_twice(x), half], 1))
        return self.masks(x), self.facts(torch.cat([deep.mean((2, 3)), deep.amax((2, 3))], 1))


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class _InUse(nn.Module):
    """Probabilities for logits."""

    def __init__(self, net: MaskNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        masks, facts = self.net(image)
        return masks.sigmoid(), torch.cat([facts[:, :1].sigmoid(), 100 * facts[:, 1:]], 1)


def masks_onnx(net: MaskNet, about: dict[str, object]) -> bytes:
    """The network as an ONNX file, weights stored as float16."""
    inputs = {"image": torch.zeros(2, 3, SIDE, SIDE)}
    return onnx_of(_InUse(net).cpu(), inputs, ["masks", "facts"], {"kind": KIND, "version": VERSION, "notes": about})
