"""Adaptive discriminator augmentation (ADA), for training from few pictures.

T. Karras, M. Aittala, J. Hellsten, S. Laine, J. Lehtinen, T. Aila, "Training generative adversarial networks with limited data"
(NeurIPS 2020): every picture that the discriminator sees, real or not, goes through random changes, each with probability p,
which is steered so that the discriminator does not overfit (section 3, heuristic r_t). The changes are those of appendix B
called "bgc": pixel blitting, geometry, colour; with bilinear sampling instead of wavelet filters.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SPEED = 500_000
"""Pictures in which p can go from 0 to 1 (the paper's section 3)."""
_LUMA = 1 / math.sqrt(3)


class Augment(nn.Module):
    """Pictures (B, 3, S, S) -> changed ones; differentiable. `probability` is p, kept with the checkpoint."""

    probability: Tensor

    def __init__(self, probability: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("probability", torch.tensor(probability))

    def forward(self, pictures: Tensor) -> Tensor:
        p = float(self.probability)
        if p <= 0:
            return pictures
        count, size = len(pictures), pictures.shape[-1]
        grid = F.affine_grid(random_geometry(count, size, p).to(pictures)[:, :2], list(pictures.shape), align_corners=False)
        moved = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
        colour = random_colour(count, p).to(pictures)
        flat = torch.einsum("bij,bjhw->bihw", colour[:, :3, :3], moved)
        return flat + colour[:, :3, 3, None, None]

    @torch.no_grad()
    def steer(self, real_scores: Tensor, target: float, pictures: int) -> Tensor:
        """Move p by what `pictures` are worth, up where r_t = E[sign(D(real))] is above `target`; gives r_t."""
        r_t = real_scores.sign().mean()
        step = float(torch.sign(r_t - target)) * pictures / _SPEED
        self.probability.add_(step).clamp_(0.0, 1.0)
        return r_t


def _chosen(count: int, p: float, value: Tensor, still: float) -> Tensor:
    """`value` with probability p, otherwise `still`."""
    return torch.where(torch.rand(count) < p, value, torch.full((count,), still))


def _matrix(rows: list[list[Tensor | float]], count: int) -> Tensor:
    cells = [[torch.as_tensor(cell, dtype=torch.float32).expand(count) for cell in row] for row in rows]
    return torch.stack([torch.stack(row, dim=-1) for row in cells], dim=1)


def _turn(angle: Tensor) -> Tensor:
    c, s = angle.cos(), angle.sin()
    return _matrix([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], len(angle))


def _scale(x: Tensor, y: Tensor) -> Tensor:
    return _matrix([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]], len(x))


def _shift(x: Tensor, y: Tensor) -> Tensor:
    return _matrix([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]], len(x))


def random_geometry(count: int, size: int, p: float) -> Tensor:
    """Affine matrices (B, 3, 3) in the coordinates of `affine_grid`, [-1, 1]: mirror, quarter turns, whole-pixel shifts, then
    scale, turn, stretch, turn, shift; appendix B's order and spreads."""
    one = torch.ones(count)
    mirror = _chosen(count, p, 1 - 2.0 * torch.randint(0, 2, (count,)), 1.0)
    quarter = _chosen(count, p, torch.randint(0, 4, (count,)) * (math.pi / 2), 0.0)
    blit = [_chosen(count, p, ((torch.rand(count) * 2 - 1) * 0.125 * size).round() * 2 / size, 0.0) for _ in "xy"]
    scale = _chosen(count, p, torch.exp2(0.2 * torch.randn(count)), 1.0)
    p_turn = 1 - math.sqrt(1 - p)  # so that one of the two turns happens with probability p
    before, after = (_chosen(count, p_turn, (torch.rand(count) * 2 - 1) * math.pi, 0.0) for _ in range(2))
    stretch = _chosen(count, p, torch.exp2(0.2 * torch.randn(count)), 1.0)
    shift = [_chosen(count, p, torch.randn(count) * 0.125 * 2, 0.0) for _ in "xy"]
    steps = [
        _scale(mirror, one), _turn(quarter), _shift(*blit), _scale(scale, scale), _turn(before), _scale(stretch, 1 / stretch),
        _turn(after), _shift(*shift),
    ]  # fmt: skip
    matrix = torch.eye(3).expand(count, 3, 3)
    for step in steps:
        matrix = step @ matrix
    return matrix


def random_colour(count: int, p: float) -> Tensor:
    """Colour matrices (B, 4, 4) for RGB in [-1, 1]: brightness, contrast, luma flip, hue, saturation."""
    eye = torch.eye(4).expand(count, 4, 4)
    axis = torch.tensor([_LUMA, _LUMA, _LUMA, 0.0])
    along = torch.outer(axis, axis)
    matrix = eye.clone()
    matrix[:, :3, 3] = _chosen(count, p, 0.2 * torch.randn(count), 0.0)[:, None]
    contrast = _chosen(count, p, torch.exp2(0.5 * torch.randn(count)), 1.0)
    matrix = torch.diag_embed(torch.stack([contrast, contrast, contrast, torch.ones(count)], dim=1)) @ matrix
    flip = _chosen(count, p, torch.randint(0, 2, (count,)).float(), 0.0)[:, None, None]
    matrix = (eye - 2 * along * flip) @ matrix
    matrix = _hue(_chosen(count, p, (torch.rand(count) * 2 - 1) * math.pi, 0.0)) @ matrix
    saturation = _chosen(count, p, torch.exp2(torch.randn(count)), 1.0)[:, None, None]
    return (along + (eye - along) * saturation) @ matrix


def _hue(angle: Tensor) -> Tensor:
    """Turns RGB about the gray axis (Rodrigues' formula)."""
    v = torch.full((3,), _LUMA)
    cross = torch.tensor([[0.0, -_LUMA, _LUMA], [_LUMA, 0.0, -_LUMA], [-_LUMA, _LUMA, 0.0]])
    c, s = angle.cos()[:, None, None], angle.sin()[:, None, None]
    turn = torch.eye(4).repeat(len(angle), 1, 1)
    turn[:, :3, :3] = c * torch.eye(3) + s * cross + (1 - c) * torch.outer(v, v)
    return turn
