"""The losses of the two-decoder VAE: small pure functions.

Source: R. de S. Toledo, "Manipulação de atributos faciais" (UFSC 2021): picture SSIM + mean absolute error; mask binary
cross-entropy + Dice; latent Kullback-Leibler divergence, scaled by 1/1000.

Pictures come in [-1, 1] and are measured in [0, 1]: SSIM's luminance term knows no negative values, and the mean absolute
error keeps the slides' scale.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mimica.engines.vae.networks import Coded

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
"""Side and standard deviation in pixels of SSIM's Gaussian window, as its paper has them."""
FACE_CENTRE, FACE_RADII = (0.5, 0.57), (0.27, 0.25)
"""Where an ffhq crop has brows, eyes and mouth: the middle and the half axes of an ellipse, shares of the side."""
_C1, _C2 = 0.01**2, 0.03**2


def _unit(image: Tensor) -> Tensor:
    """[-1, 1] -> [0, 1]."""
    return (image + 1) / 2


def gaussian_window(size: int = SSIM_WINDOW, sigma: float = SSIM_SIGMA) -> Tensor:
    """(size,) weights of sum 1."""
    x = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    weights = torch.exp(-x.square() / (2 * sigma**2))
    return weights / weights.sum()


def _local_means(maps: Tensor, window: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H - n + 1, W - n + 1): weighted means in the window of n x n, without padding.

    As products with banded matrices: on a CPU many times faster than convolutions channel by channel."""
    bands = [_band(length, window.to(maps)) for length in maps.shape[-2:]]
    return bands[0] @ maps @ bands[1].T


def _band(length: int, window: Tensor) -> Tensor:
    """(length - n + 1, length): row i holds the window from column i on."""
    n = len(window)
    rows = torch.arange(length - n + 1, device=window.device)
    band = window.new_zeros(length - n + 1, length)
    band[rows[:, None], rows[:, None] + torch.arange(n, device=window.device)] = window
    return band


def ssim_map(a: Tensor, b: Tensor, window: Tensor | None = None) -> Tensor:
    """Structural similarity of pictures (B, C, H, W) in [-1, 1] at each place of the window: (B, C, H', W').

    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004), equation (13)."""
    window = gaussian_window() if window is None else window
    a, b = _unit(a), _unit(b)
    mean_a, mean_b, aa, bb, ab = _local_means(torch.cat([a, b, a * a, b * b, a * b], 1), window).chunk(5, 1)
    variance_a, variance_b, covariance = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return luminance * (2 * covariance + _C2) / (variance_a + variance_b + _C2)


def pixel_weights(mask: Tensor, head: float, face: float) -> Tensor:
    """(B, 1, S, S) weights of mean 1 a picture, for head masks in [0, 1]: 1 in the background, `head` on the head, `face` times
    as much again in the ellipse where an ffhq crop has brows, eyes and mouth. Both at 1 are the slides' plain means."""
    side = mask.shape[-1]
    place = (torch.arange(side, device=mask.device, dtype=mask.dtype) + 0.5) / side
    x, y = (place[None, :] - FACE_CENTRE[0]) / FACE_RADII[0], (place[:, None] - FACE_CENTRE[1]) / FACE_RADII[1]
    weights = (1 + (head - 1) * mask) * (1 + (face - 1) * (x**2 + y**2 < 1))
    return weights / weights.mean((-1, -2), keepdim=True)


def ssim_loss(a: Tensor, b: Tensor, weights: Tensor | None = None) -> Tensor:
    """1 - mean SSIM: 0 for equal pictures. `weights` (B, 1, H, W) are those of the windows' middles."""
    similarity = ssim_map(a, b)
    if weights is not None:
        rim = (weights.shape[-1] - similarity.shape[-1]) // 2
        inner = weights[..., rim:-rim, rim:-rim]
        return 1 - (similarity * inner).mean() / inner.mean()
    return 1 - similarity.mean()


def mae_loss(a: Tensor, b: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute error of pictures in [-1, 1], in units of the [0, 1] scale; weighted if asked for."""
    error = (a - b).abs()
    return (error if weights is None else error * weights).mean() / 2


def mask_cross_entropy(logits: Tensor, mask: Tensor) -> Tensor:
    """Mean binary cross-entropy of mask logits against a mask in [0, 1]."""
    return F.binary_cross_entropy_with_logits(logits, mask)


def dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """1 - 2 |A and B| / (|A| + |B|), mean over the batch; A is the soft mask (F. Milletari et al., "V-Net", 2016)."""
    chance = logits.sigmoid()
    both, sizes = (chance * mask).flatten(1).sum(1), (chance + mask).flatten(1).sum(1)
    return (1 - (2 * both + 1e-3) / (sizes + 1e-3)).mean()


def kl_divergence(coded: Coded) -> Tensor:
    """KL(q(z|x) || N(0, 1)) of each latent number, mean over the batch: (Z,) nats (Kingma and Welling 2014, appendix B)."""
    mean, log_variance = coded
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0)


def kl_loss(coded: Coded, free_bits: float = 0.0) -> Tensor:
    """Sum of the divergences; a number whose own is below `free_bits` (nats) is not pushed any further (D. P. Kingma et al.,
    "Improved variational inference with inverse autoregressive flow", 2016, equation 15)."""
    return kl_divergence(coded).clamp(min=free_bits).sum()


def warm_up(step: int, steps: int) -> float:
    """Share of the divergence's weight at `step`: rises evenly from 0 to 1 over `steps`; 1 throughout where `steps` is 0."""
    return 1.0 if steps <= 0 else min(1.0, step / steps)
