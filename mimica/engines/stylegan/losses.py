"""The losses of StyleGAN2 and of projection as pure functions of tensors.

T. Karras et al., "Analyzing and improving the image quality of StyleGAN" (CVPR 2020): non-saturating logistic loss with R1,
path length regularisation (4), lazy regularisation (section 3.1), noise regularisation of projection (appendix D).
Scores are (B, 1), pictures (B, 3, H, W), w (B, w_size) or w_plus (B, num_ws, w_size).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log sigma(D(x))] - E[log(1 - sigma(D(G(z))))]."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """Non-saturating: -E[log sigma(D(G(z)))]."""
    return F.softplus(-fake).mean()


def r1_penalty(scores: Tensor, pictures: Tensor) -> Tensor:
    """E[|grad_x D(x)|^2] / 2 over real pictures, which must require gradients; to be multiplied with gamma.

    L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually converge?" (ICML 2018), (9)."""
    (gradient,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean() / 2


def path_lengths(pictures: Tensor, w_plus: Tensor, direction: Tensor) -> Tensor:
    """|J_w^T y|_2 of (4) for each sample, (B,). `direction` is a random picture y of unit normal pixels; it is divided by the
    square root of the number of pixels. The squares are averaged over the layers, as in the paper's code."""
    y = direction / math.sqrt(pictures.shape[2] * pictures.shape[3])
    (gradient,) = torch.autograd.grad((pictures * y).sum(), w_plus, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


def path_penalty(lengths: Tensor, mean: Tensor) -> Tensor:
    """E[(|J_w^T y|_2 - a)^2], (4), for the running mean a."""
    return (lengths - mean).square().mean()


def noise_penalty(noises: Sequence[Tensor]) -> Tensor:
    """How far noise pictures (1, 1, r, r) are from white: squared correlation with themselves shifted by one pixel, at every
    scale down to 8 pixels; appendix D, L_ij."""
    total = noises[0].new_zeros(())
    for noise in noises:
        while True:
            for axis in (2, 3):
                total = total + (noise * noise.roll(1, axis)).mean().square()
            if noise.shape[2] <= 8:
                break
            noise = F.avg_pool2d(noise, 2) * 2  # keeps the variance of white noise
    return total


def feature_distance(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Distance of feature maps (B, C_l, h_l, w_l) for each sample, (B,): at every position the squared difference of the
    channel vectors, each of unit length, averaged over positions and maps.

    R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric" (CVPR 2018), (1), unweighted."""
    maps = [
        (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1).mean((1, 2))
        for a, b in zip(features, wanted, strict=True)
    ]
    return torch.stack(maps).mean(0)


def pixel_distance(pictures: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute difference for each sample, at full size and averaged over 4 x 4 pixels, (B,)."""
    difference = pictures - wanted
    return difference.abs().mean((1, 2, 3)) + F.avg_pool2d(difference, 4).abs().mean((1, 2, 3))
