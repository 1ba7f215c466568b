"""The refiner's network: what the first network (`mimica.reader.networks`) read of an aligned face, corrected by a closer look
at eyes and mouth.

    gray (B, 160, 160), first outputs (B, OUTPUT_SIZE)
    -> eye patch (64 x 112 px, fixed, as the eyes lie where the alignment puts them), mouth patch (80 x 112 px, about the lips
       that the first network found)
    -> each through the first network's early layers (64 channels at 1/4, 128 at 1/8), trained on
    -> at each landmark, where the first network saw it, the features there -> its displacement and a few numbers about its
       surroundings, linear for each landmark
    -> those numbers, each patch at 1/16, and the first outputs -> a hidden layer -> a correction of everything

Small movements of lids and lips are what the first network's 112 pixels show least of and what every edit hangs on. A cascade,
as in Sun, Wang and Tang, "Deep convolutional network cascade for facial point detection" (CVPR 2013); features at the
landmarks, as in Ren et al., "Face alignment at 3000 fps" (CVPR 2014).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.reader.networks import Bottleneck, conv_block
from mimica.reader.outputs import DETAIL_SIZE, EYE_DISTANCE, LIPS, OUTPUT_SIZE, POINTS, SLICES

EYES_TOP, EYES_LEFT = 28, 24
"""Where the eye patch begins in the crop."""
EYES_SHAPE, MOUTH_SHAPE = (64, 112), (80, 112)
EYE_POINTS = (*range(17, 31), *range(36, 48), 68, 69)
"""Brows, bridge of the nose, lids, irises."""
MOUTH_POINTS = (*range(3, 14), *range(31, 36), *range(48, 68))
"""Chin, nostrils, lips."""
_PLACES = [(*EYE_POINTS, *MOUTH_POINTS).index(i) if i in EYE_POINTS or i in MOUTH_POINTS else -1 for i in range(POINTS)]
"""Where among the displacements, eyes' then mouth's then a zero, that of each point stands."""
_AROUND = 8
"""Numbers about the surroundings of each point."""
_BELOW = 24
"""Rows added below the crop, repeating its last one: a wide open mouth's patch reaches beyond it."""


class Early(nn.Module):
    """A patch (B, 1, H, W) -> features at 1/4, (B, w, H/4, W/4), and at 1/8, (B, 2w, H/8, W/8): the first network's layers with
    their batch norms folded in, so that its weights fit (`load_folded`)."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.quarter = nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(16, width, 3, 1, 1), nn.ReLU())
        self.eighth = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU(), *[_FoldedBottleneck(2 * width) for _ in range(depth)]
        )

    def forward(self, patch: Tensor) -> tuple[Tensor, Tensor]:
        quarter = self.quarter(patch)
        return quarter, self.eighth(quarter)

    def load_folded(self, convolutions: list[tuple[Tensor, Tensor]]) -> None:
        """Takes over (weight, bias) of the first network's convolutions, in order."""
        layers = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
        for layer, (weight, bias) in zip(layers, convolutions, strict=False):
            layer.load_state_dict({"weight": weight, "bias": bias})


class _FoldedBottleneck(nn.Module):
    """`mimica.reader.networks.Bottleneck` with its batch norms folded into the convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.body = nn.Sequential(
            nn.Conv2d(channels, half, 1), nn.ReLU(), nn.Conv2d(half, half, 3, 1, 1), nn.ReLU(), nn.Conv2d(half, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class RefinerNet(nn.Module):
    """gray (B, 1, DETAIL_SIZE, DETAIL_SIZE) in [-1, 1] and first outputs (B, OUTPUT_SIZE) -> (B, OUTPUT_SIZE). `width` scales
    the channels, `depth` are the early residual blocks: as the first network's, if its weights are to be taken over."""

    def __init__(self, width: int = 64, depth: int = 3, hidden: int = 256, dropout: float = 0.1) -> None:
        super().__init__()
        self.early = Early(width, depth)
        deep, thin = 2 * width, width // 4
        self.eyes, self.mouth = (
            nn.Sequential(conv_block(2 * width, deep, 3, 2), *[Bottleneck(deep) for _ in range(2)], conv_block(deep, thin, 1))
            for _ in range(2)
        )
        self.eye_points = _PointHead(len(EYE_POINTS), 3 * width)
        self.mouth_points = _PointHead(len(MOUTH_POINTS), 3 * width)
        cells = sum((h // 16) * (v // 16) for h, v in (EYES_SHAPE, MOUTH_SHAPE))
        around = _AROUND * (len(EYE_POINTS) + len(MOUTH_POINTS))
        self.head = nn.Sequential(
            nn.Linear(thin * cells + around + OUTPUT_SIZE, hidden),
            nn.SiLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, OUTPUT_SIZE),
        )
        nn.init.zeros_(self.head[-1].weight)  # type: ignore[arg-type]  # it begins by changing nothing
        nn.init.zeros_(self.head[-1].bias)  # type: ignore[arg-type]

    def forward(self, gray: Tensor, first: Tensor) -> Tensor:
        points = points_in_crop(first)
        corner = mouth_corner(points)
        eye_maps, mouth_maps = self.early(eye_patch(gray)), self.early(mouth_patch(gray, corner))
        at_eyes = points[:, EYE_POINTS] - points.new_tensor([EYES_LEFT, EYES_TOP])
        at_mouth = points[:, MOUTH_POINTS] - corner[:, None].to(points.dtype)
        eyes, around_eyes = self.eye_points(eye_maps, at_eyes, EYES_SHAPE)
        mouth, around_mouth = self.mouth_points(mouth_maps, at_mouth, MOUTH_SHAPE)
        moved = torch.cat([eyes, mouth, 0 * points[:, :1]], 1)[:, _PLACES]
        features = [self.eyes(eye_maps[1]), self.mouth(mouth_maps[1]), around_eyes, around_mouth, bounded(first)]
        correction: Tensor = self.head(torch.cat([f.flatten(1) for f in features], 1))
        return first + correction + F.pad(moved.flatten(1), (0, OUTPUT_SIZE - 2 * POINTS))


class _PointHead(nn.Module):
    """Feature maps of a patch and `count` points in it (B, count, 2), pixels -> their displacements (B, count, 2), eye distances,
    and what is around them (B, count, _AROUND)."""

    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(count, channels, 2 + _AROUND)), nn.Parameter(torch.zeros(count, 2))
        nn.init.normal_(self.weight[..., 2:], std=channels**-0.5)

    def forward(self, maps: tuple[Tensor, Tensor], points: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
        grid = points / points.new_tensor([shape[1] / 2, shape[0] / 2]) - 1
        sampled = [F.grid_sample(m, grid[:, None], padding_mode="border", align_corners=False)[:, :, 0] for m in maps]
        out = torch.einsum("bcp,pcd->bpd", torch.cat(sampled, 1), self.weight)
        return out[..., :2] + self.bias, F.silu(out[..., 2:])


def points_in_crop(outputs: Tensor) -> Tensor:
    """(B, OUTPUT_SIZE) -> the points, (B, POINTS, 2), in pixels of the crop of DETAIL_SIZE."""
    return outputs[:, SLICES["points"]].unflatten(1, (POINTS, 2)) * (EYE_DISTANCE * DETAIL_SIZE) + DETAIL_SIZE / 2


def eye_patch(gray: Tensor) -> Tensor:
    """(B, 1, 64, 112) of (B, 1, DETAIL_SIZE, DETAIL_SIZE)."""
    return gray[:, :, EYES_TOP : EYES_TOP + EYES_SHAPE[0], EYES_LEFT : EYES_LEFT + EYES_SHAPE[1]]


def mouth_corner(points: Tensor) -> Tensor:
    """Points in the crop -> (B, 2), whole numbers: x and y where the mouth patch begins, so that it lies about the lips."""
    height, width = MOUTH_SHAPE
    corner = (points[:, LIPS].mean(1) - points.new_tensor([width / 2, height / 2])).round()
    left, top = corner[:, 0].clamp(0, DETAIL_SIZE - width), corner[:, 1].clamp(0, DETAIL_SIZE + _BELOW - height)
    return torch.stack([left, top], 1).long()


def mouth_patch(gray: Tensor, corner: Tensor) -> Tensor:
    """(B, 1, 80, 112) from `corner` (B, 2) on; cut at whole pixels, so that nothing is resampled."""
    height, width = MOUTH_SHAPE
    padded = F.pad(gray, (0, 0, 0, _BELOW), mode="replicate")
    rows = corner[:, 1:] + torch.arange(height, device=gray.device)
    columns = corner[:, :1] + torch.arange(width, device=gray.device)
    places = (rows[:, :, None] * DETAIL_SIZE + columns[:, None, :]).flatten(1)
    return padded.flatten(1).gather(1, places).view(-1, 1, height, width)


def bounded(first: Tensor) -> Tensor:
    """First outputs as features: intensities and probabilities instead of logits."""
    parts = [first[:, SLICES["points"]], first[:, SLICES["pose"]], first[:, SLICES["aus"]].sigmoid()]
    return torch.cat([*parts, first[:, SLICES["emotions"]].softmax(1), first[:, SLICES["face"]].sigmoid()], 1)
