"""The reader's network: a small residual network over a gray crop, every quantity from one trunk.

    gray (B, 1, 112, 112) in [-1, 1] -> space-to-depth by 4 -> 64 channels at 28 px -> 128 at 14 -> 256 at 7
    -> 64 channels at 7 px, flattened (where things are matters, so no pooling) -> 384 -> outputs of `mimica.reader.outputs`

Residual blocks are bottlenecks (He et al., "Deep residual learning", 2016). Gray, because colour tells a reader of
expression little and three quarters of the photos it learns from have none: it cannot come to lean on it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from mimica.pictures.pixels import to_signed
from mimica.reader.outputs import INPUT_SIZE, OUTPUT_SIZE


def conv_block(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Bottleneck(nn.Module):
    """(B, C, H, W) -> (B, C, H, W): 1x1 down to C/2, 3x3, 1x1 back, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.body = nn.Sequential(
            conv_block(channels, half, 1),
            conv_block(half, half),
            nn.Conv2d(half, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        nn.init.zeros_(self.body[-1].weight)  # type: ignore[arg-type]  # the block starts as the identity

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class ReaderNet(nn.Module):
    """gray (B, 1, S, S) in [-1, 1] -> (B, OUTPUT_SIZE); S is `INPUT_SIZE`. `width` scales the channels (tests use less)."""

    def __init__(self, width: int = 64, depth: int = 3, hidden: int = 384) -> None:
        super().__init__()
        w = width
        self.trunk = nn.Sequential(
            nn.PixelUnshuffle(4),
            conv_block(16, w),
            conv_block(w, 2 * w, 3, 2),
            *[Bottleneck(2 * w) for _ in range(depth)],
            conv_block(2 * w, 4 * w, 3, 2),
            *[Bottleneck(4 * w) for _ in range(depth)],
            conv_block(4 * w, w, 1),
        )
        side = INPUT_SIZE // 16
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(w * side * side, hidden),
            nn.SiLU(inplace=True),
            nn.Linear(hidden, OUTPUT_SIZE),
        )
        nn.init.normal_(self.head[-1].weight, std=0.01)  # type: ignore[arg-type]

    def forward(self, gray: Tensor) -> Tensor:
        return self.head(self.trunk(gray))

    def features(self, gray: Tensor) -> list[Tensor]:
        """What the trunk sees at 28, 14 and 7 px: (B, w, 28, 28), (B, 2w, 14, 14), (B, 4w, 7, 7). For perceptual losses."""
        maps, x = [], gray
        for layer in list(self.trunk.children())[:-1]:
            x = layer(x)
            maps.append(x)
        return [[m for m in maps if m.shape[-1] == side][-1] for side in sorted({m.shape[-1] for m in maps}, reverse=True)]


def to_input(gray: Tensor) -> Tensor:
    """uint8 (B, S, S) -> float32 (B, 1, S, S) in [-1, 1]."""
    signed: Tensor = to_signed(gray[:, None])
    return signed
