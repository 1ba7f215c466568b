"""The fast generator's networks in torch, for training only: perceptrons for the geometry, a small U-Net for the patches, and
its critic."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from mimica.engines.ganimation.fast.rig import LANDMARK_SCALE

ATTENTION_START = 3.0
"""The attention's logit in a fresh painter: near 1, and not yet where its gradient vanishes."""
ATTENTION, SHARE, GAIN, COLOR = slice(0, 1), slice(1, 2), slice(2, 5), slice(5, 8)
"""Channels of a painter's output: A, w, g and C of `mimica.engines.ganimation.fast.painter`."""
WARPED, STILL, DRAWING, OPENING = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 10)
"""Channels of its pictures: W, S, D and alpha there; the last channel, `SHOWN`, is the opening of the photo itself."""
SHOWN = slice(-1, None)
GAIN_LOW, GAIN_HIGH = -2.5, 1.2
"""Limits of the log gain: light falls to e^-2.5 = 8 % (the back of an open mouth) and rises to e^1.2 = 3.3 times (a wet tooth) at
most. Ours; GANimation has no gain."""
_GAIN_MIDDLE, _GAIN_REACH = (GAIN_LOW + GAIN_HIGH) / 2, (GAIN_HIGH - GAIN_LOW) / 2
_GAIN_START = 0.36696
"""About atanh(-_GAIN_MIDDLE / _GAIN_REACH) = 0.36698: where the network gives 0, so is the gain, to within 5e-5. Kept as the
shipped weights were trained with it."""
SHOWN_HALF, SHOWN_STEEPNESS = 0.7, 12
"""In a fresh painter, from which opening of the photo on its own pixels have the larger share, and how fast that changes: the
share is 0.03 at an opening of 0.4 and 0.97 at 1. Ours; what a smaller opening shows is mostly the soft edge of lips and lids."""


class ChangePerceptron(nn.Sequential):
    """Landmarks and Action Units before and after -> coefficients; the counterpart of `rig.Perceptron`."""

    def __init__(
        self,
        outputs: int,  # Coefficients that come out.
        landmark_mean: torch.Tensor,  # (136,), of the training faces: subtracted from what goes in.
        controls: int = 34,  # Action Units by side.
        width: int = 256,  # Units of each of the two hidden layers.
    ):
        inputs = 136 + 3 * controls
        super().__init__(
            nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, outputs)
        )  # fmt: skip
        self.landmark_mean: torch.Tensor
        self.register_buffer("landmark_mean", landmark_mean)

    def change(self, landmarks: torch.Tensor, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(B, 136), (B, 34), (B, 34) -> (B, outputs), zero where target equals source."""
        place = (landmarks - self.landmark_mean) * LANDMARK_SCALE
        after, before = (self(torch.cat([place, source, goal, goal - source], 1)) for goal in (target, source))
        return after - before


class PatchPainter(nn.Module):
    """A U-Net on a patch: pictures (B, 11, h, w) in [0, 1] and a condition (B, Q) -> (B, 8, h, w): attention A and share w in
    [0, 1], log gain g (3) in [-2.5, 1.2], colour C (3) in [0, 1] (see `mimica.engines.ganimation.fast.painter`)."""

    def __init__(
        self,
        condition: int,  # Q, numbers in the condition: 68 for an eye, 204 for the mouth (`painter.condition_of`).
        width: int = 16,  # Channels at half the patch's side; twice as many at a quarter, three times at an eighth.
        pictures: int = 11,  # Channels of the pictures: W, S, D (3 each), the opening, the opening in the photo.
    ):
        super().__init__()
        c = width
        self.encode1 = nn.Sequential(_convolution((pictures + 2) * 4, c), _convolution(c, c))
        self.encode2 = nn.Sequential(_convolution(c, 2 * c, stride=2), _convolution(2 * c, 2 * c))
        self.encode3 = nn.Sequential(_convolution(2 * c, 3 * c, stride=2), _convolution(3 * c, 3 * c), _convolution(3 * c, 3 * c))
        self.condition = nn.Linear(condition, 3 * c)
        self.decode2 = _convolution(5 * c, 2 * c)
        self.decode1 = nn.Sequential(_convolution(3 * c, c), _convolution(c, c))
        self.output = nn.Conv2d(c, 8, 3, 1, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(self.output.weight)
        self.output.bias = nn.Parameter(torch.tensor([ATTENTION_START] + [0.0] * 7))

    def forward(self, pictures: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        return self.decoded(self.encode1(F.pixel_unshuffle(torch.cat([pictures, _place(pictures)], 1), 2)), pictures, condition)

    def decoded(self, one: torch.Tensor, pictures: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """What `encode1` gave (B, c, h / 2, w / 2) -> the maps."""
        two = self.encode2(one)
        three = self.encode3(two) + self.condition(condition)[..., None, None]
        up = self.decode2(torch.cat([F.interpolate(three, scale_factor=2.0, mode="bilinear"), two], 1))
        up = self.decode1(torch.cat([F.interpolate(up, scale_factor=2.0, mode="bilinear"), one], 1))
        y = F.interpolate(self.output(up), scale_factor=2.0, mode="bilinear")  # smooth: details come from W, S and D
        gain = _GAIN_REACH * torch.tanh(y[:, GAIN] + _GAIN_START) + _GAIN_MIDDLE
        shown_before = SHOWN_STEEPNESS * (pictures[:, SHOWN] - SHOWN_HALF)  # a logit of w
        share = torch.sigmoid(y[:, SHARE] + shown_before)
        return torch.cat([torch.sigmoid(y[:, ATTENTION]), share, gain, torch.sigmoid(y[:, COLOR])], 1)


class ShippedPainter(nn.Module):
    """A `PatchPainter` as it is shipped: its first convolution looks at the pictures themselves, six pixels wide in steps of two,
    which is the same as three wide on unshuffled ones, and saves moving every pixel (a quarter of the time of ONNX Runtime)."""

    def __init__(self, painter: PatchPainter):
        super().__init__()
        (first, *after), *rest = (list(block.children()) for block in painter.encode1)
        assert isinstance(first, nn.Conv2d)
        self.painter, self.rest = painter, nn.Sequential(*after, *(layer for block in rest for layer in block))
        self.bias = first.bias
        self.first = nn.Parameter(on_pictures(first.weight))

    def forward(self, pictures: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        one = F.conv2d(torch.cat([pictures, _place(pictures)], 1), self.first, self.bias, stride=2, padding=2)
        return self.painter.decoded(self.rest(one), pictures, condition)


def on_pictures(weight: torch.Tensor) -> torch.Tensor:
    """A convolution of unshuffled pictures, (O, 4 C, 3, 3) -> the same of the pictures, (O, C, 6, 6) in steps of two."""
    outputs, channels, height, width = weight.shape
    apart = weight.reshape(outputs, channels // 4, 2, 2, height, width)  # pixel_unshuffle: channel, row, column
    return apart.permute(0, 1, 4, 2, 5, 3).reshape(outputs, channels // 4, 2 * height, 2 * width)


def on_unshuffled(weight: torch.Tensor) -> torch.Tensor:
    """The way back from `on_pictures`."""
    outputs, channels, height, width = weight.shape
    apart = weight.reshape(outputs, channels, height // 2, 2, width // 2, 2)
    return apart.permute(0, 1, 3, 5, 2, 4).reshape(outputs, 4 * channels, height // 2, width // 2)


class PatchCritic(nn.Module):
    """GANimation's critic for patches: pictures (B, 3, h, w) in [0, 1] -> scores (B, 1, h / 8, w / 8) and Action Units (B, N).
    No normalisation, as in the paper; the receptive field of a score is 54 pixels, some teeth or an eye's half."""

    def __init__(
        self,
        controls: int = 34,  # N, Action Units by side that it reads.
        width: int = 24,  # Channels at half the patch's side; twice as many at a quarter, four times at an eighth.
    ):
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width]
        self.layers = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in itertools.pairwise(sizes))
        self.score = nn.Conv2d(4 * width, 1, 5, 1, 2)
        self.values = nn.Sequential(nn.Conv2d(4 * width, 4 * width, 4, 2, 1), nn.LeakyReLU(0.1), nn.AdaptiveAvgPool2d(3),
                                    nn.Flatten(), nn.Linear(36 * width, controls))  # fmt: skip

    def features(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """What its layers give, the finest first."""
        x, found = 2 * pictures - 1, []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            found.append(x)
        return found

    def judge(self, features: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """`features` -> scores and Action Units."""
        return self.score(features[-1]), self.values(features[-1])

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.judge(self.features(pictures))


def compose(maps: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """The painted patch (B, 3, h, w) in [0, 1]: the equation of `mimica.engines.ganimation.fast.painter`."""
    attention, share, factor, color = maps[:, ATTENTION], maps[:, SHARE], maps[:, GAIN].exp(), maps[:, COLOR]
    warped, still, drawing, alpha = (pictures[:, channels] for channels in (WARPED, STILL, DRAWING, OPENING))
    base = (1 - alpha) * factor * warped + alpha * (share * still + (1 - share) * factor * drawing)
    return attention * base + (1 - attention) * color


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.ReLU())


def _place(pictures: torch.Tensor) -> torch.Tensor:
    """(B, 2, h, w): y and x of each pixel, -1 to 1."""
    batch, _, height, width = pictures.shape
    y = torch.linspace(-1, 1, height, device=pictures.device)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=pictures.device)[None].expand(height, width)
    return torch.stack([y, x])[None].expand(batch, 2, height, width)
