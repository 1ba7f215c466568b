"""What is made of whole pictures for the body and the top: small ones, crops, dirty ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CROP = 2
"""A crop for the top is 1/CROP of the picture's side."""
_NOISE = 0.04
_TURN, _SIZE, _SHIFT, _TONE = 0.05, 0.04, 0.03, 0.05
"""Standard deviations of `jittered` at 1: radians, logarithm of the size, share of half a side, of gain and colour's offset."""


def shrunk(pictures: Tensor, size: int) -> Tensor:
    """(B, 3, S, S) -> (B, 3, size, size), S a multiple of size: means of blocks."""
    return F.avg_pool2d(pictures, pictures.shape[-1] // size)


def random_corners(count: int, side: int, cut_side: int) -> Tensor:
    """Random upper left corners (count, 2), rows then columns, of squares of `cut_side` in pictures of `side` pixels."""
    return torch.randint(0, side - cut_side + 1, (count, 2))


def cut(pictures: Tensor, corners: Tensor, side: int) -> Tensor:
    """The squares with the `corners` (B, 2) of pictures (B, 3, S, S)."""
    parts = [one[:, y : y + side, x : x + side] for one, (y, x) in zip(pictures, corners.tolist(), strict=True)]
    return torch.stack(parts).contiguous(memory_format=torch.channels_last)


def crops(pictures: Tensor, factor: int, given: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """A random crop of 1 / CROP of the side from each picture, its corner on a multiple of `factor`, and the same crop of the
    small picture: of `given` (B, 3, S / factor, S / factor) where that is there."""
    small = shrunk(pictures, pictures.shape[-1] // factor) if given is None else given
    side = small.shape[-1] // CROP
    corners = random_corners(len(pictures), small.shape[-1], side)
    return cut(pictures, factor * corners, factor * side), cut(small, corners, side)


def dirtied(small: Tensor, amount: float) -> Tensor:
    """What the top gets instead of a true small picture, since the body draws no true ones: for half of the pictures a blend with
    a blur of 3 x 3 pixels, by up to a half (times `amount`), and white noise of a deviation of up to `_NOISE` times `amount`."""
    if amount <= 0:
        return small
    batch, device = len(small), small.device
    blurred = F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    share = (amount * (torch.rand(batch, 1, 1, 1) - 0.5)).clamp(0, 1).to(device)
    noise = amount * _NOISE * torch.rand(batch, 1, 1, 1).to(device) * torch.randn_like(small)
    return torch.lerp(small, blurred, share) + noise


def jittered(pictures: Tensor, amount: float) -> Tensor:
    """Pictures (B, 3, S, S) turned, sized, moved and toned at random, mirrored where they end: more faces than there are."""
    if amount <= 0:
        return pictures
    batch, device = len(pictures), pictures.device
    turn, grown, x, y = (amount * spread * torch.randn(batch) for spread in (_TURN, _SIZE, _SHIFT, _SHIFT))
    cosine, sine = turn.cos() * grown.exp(), turn.sin() * grown.exp()
    matrix = torch.stack([cosine, -sine, x, sine, cosine, y], dim=1).view(batch, 2, 3).to(device)
    grid = F.affine_grid(matrix, list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
    gain = 1 + amount * _TONE * torch.randn(batch, 1, 1, 1).to(device)
    offset = amount * _TONE * torch.randn(batch, 3, 1, 1).to(device)
    return (moved * gain + offset).clamp(-1, 1).contiguous(memory_format=torch.channels_last)
