"""The VAE's losses against numbers worked out by hand, scikit-image and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from mimica.engines.vae.losses import (
    dice_loss,
    gaussian_window,
    kl_divergence,
    kl_loss,
    mae_loss,
    mask_cross_entropy,
    ssim_loss,
    ssim_map,
    warm_up,
)
from mimica.engines.vae.networks import Coded, sample_latent


def _pictures(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two similar float64 pictures (24, 30, 3) in [0, 1]."""
    rng = np.random.default_rng(seed)
    a = rng.random((24, 30, 3))
    return a, np.clip(0.7 * a + 0.3 * rng.random(a.shape), 0, 1)


def _tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(2 * picture.transpose(2, 0, 1)[None] - 1)


def test_ssim_is_scikit_images():
    a, b = _pictures(0)
    ours = ssim_map(_tensor(a), _tensor(b)).mean().item()
    _, full = structural_similarity(
        a, b, data_range=1.0, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    assert ours == pytest.approx(float(full[5:-5, 5:-5].mean()), abs=1e-6)


def test_ssim_with_an_even_window_is_scikit_images():
    a, b = _pictures(1)
    _, full = structural_similarity(a, b, data_range=1.0, channel_axis=2, win_size=7, use_sample_covariance=False, full=True)
    ours = ssim_map(_tensor(a), _tensor(b), torch.full((7,), 1 / 7)).mean().item()
    assert ours == pytest.approx(float(full[3:-3, 3:-3].mean()), abs=1e-6)


def test_ssim_of_even_pictures_by_hand():
    """Gray 0.2 and 0.6 have no variance: (2 * 0.12 + C1) / (0.04 + 0.36 + C1), C1 = 1e-4."""
    a, b = (torch.full((1, 1, 12, 12), gray, dtype=torch.float64) * 2 - 1 for gray in (0.2, 0.6))
    assert ssim_loss(a, b).item() == pytest.approx(1 - 0.2401 / 0.4001, abs=1e-5)
    assert ssim_loss(a, a).item() == pytest.approx(0, abs=1e-6)


def test_the_window_is_a_gaussian_of_sum_one():
    window = gaussian_window()
    assert window.sum().item() == pytest.approx(1) and len(window) == 11
    assert (window[6] / window[5]).item() == pytest.approx(math.exp(-1 / 4.5), rel=1e-5)


def test_mean_absolute_error_is_on_the_scale_of_0_to_1():
    assert mae_loss(torch.full((1, 3, 2, 2), -1.0), torch.full((1, 3, 2, 2), 0.5)).item() == pytest.approx(0.75)


def test_mask_losses_by_hand():
    """Chances 0.8 and 0.2 for a pixel that is head and one that is not."""
    logits = torch.tensor([[[[math.log(4), -math.log(4)]]]])
    mask = torch.tensor([[[[1.0, 0.0]]]])
    assert mask_cross_entropy(logits, mask).item() == pytest.approx(-math.log(0.8), abs=1e-6)
    assert dice_loss(logits, mask).item() == pytest.approx(1 - (2 * 0.8 + 1e-3) / (1.0 + 1.0 + 1e-3), abs=1e-6)


def test_divergence_by_hand_and_against_torch():
    """Mean 1 and variance 1: 1/2; mean 0 and variance e: (e - 2) / 2."""
    coded = Coded(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    assert kl_divergence(coded).tolist() == pytest.approx([0.5, (math.e - 2) / 2], abs=1e-6)
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    reference = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).mean(0)
    assert torch.allclose(kl_divergence(Coded(mean, log_variance)), reference, atol=1e-5)


def test_free_bits_cost_the_same_and_push_nothing():
    mean = torch.tensor([[0.2, 2.0]], requires_grad=True)  # divergences 0.02 and 2
    loss = kl_loss(Coded(mean, torch.zeros(1, 2)), free_bits=0.5)
    loss.backward()
    assert loss.item() == pytest.approx(2.5) and mean.grad is not None
    assert mean.grad.tolist() == [[0.0, 2.0]]


@pytest.mark.parametrize(("step", "steps", "share"), [(0, 10, 0.0), (5, 10, 0.5), (20, 10, 1.0), (0, 0, 1.0)])
def test_warm_up(step, steps, share):
    assert warm_up(step, steps) == share


def test_elbo_of_a_linear_model_is_its_closed_form():
    """x = w z + noise of variance s2, z ~ N(0, 1): with the exact posterior, of variance v = s2 / (w2 + s2) and mean w x v / s2,
    the evidence lower bound is log N(x; 0, w2 + s2) itself."""
    w, s2, x = 1.7, 0.3, torch.tensor(0.9, dtype=torch.float64)
    variance = s2 / (w * w + s2)
    coded = Coded((w * x * variance / s2).view(1, 1), torch.full((1, 1), math.log(variance), dtype=torch.float64))
    many = Coded(coded.mean.expand(400_000, 1), coded.log_variance.expand(400_000, 1))
    z = sample_latent(many, torch.Generator().manual_seed(0))
    likelihood = torch.distributions.Normal(w * z, math.sqrt(s2)).log_prob(x).mean()
    evidence = torch.distributions.Normal(0.0, math.sqrt(w * w + s2)).log_prob(x)
    assert (likelihood - kl_loss(coded)).item() == pytest.approx(evidence.item(), abs=5e-3)
