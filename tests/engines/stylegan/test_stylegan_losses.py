"""The losses against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from mimica.engines.stylegan import losses


def test_adversarial_losses_by_hand() -> None:
    real, fake = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [-1.0]])
    softplus = [math.log(1 + math.exp(x)) for x in (0.0, -2.0, 0.0, -1.0, 1.0)]
    assert losses.discriminator_loss(real, fake).item() == pytest.approx(sum(softplus[:4]) / 2)
    assert losses.generator_loss(fake).item() == pytest.approx((softplus[2] + softplus[4]) / 2)


def test_r1_is_half_the_squared_gradient() -> None:
    """D(x) = 3 x_1 + x_2^2 at x_2 = 2: gradient (3, 4), 25 / 2; the other sample (3, 0): 9 / 2."""
    pictures = torch.zeros(2, 1, 1, 2, requires_grad=True)
    with torch.no_grad():
        pictures[0, 0, 0, 1] = 2.0
    scores = 3 * pictures[..., 0] + pictures[..., 1] ** 2
    assert losses.r1_penalty(scores, pictures).item() == pytest.approx((12.5 + 4.5) / 2)


def test_path_length_of_a_linear_generator() -> None:
    """Four pixels equal to sum_p a_p . w_p: J^T y = sum(y) / 2 (a_1, a_2); squares averaged over the two num_ws."""
    w_plus = torch.zeros(1, 2, 3, requires_grad=True)
    a = torch.tensor([[1.0, 2.0, 2.0], [0.0, 0.0, 4.0]])
    pictures = (w_plus * a).sum() * torch.ones(1, 1, 2, 2)
    lengths = losses.path_lengths(pictures, w_plus, torch.full((1, 1, 2, 2), 0.5))
    # y = 0.5 / 2 each, sum 1: squared lengths 9 and 16, mean 12.5
    assert lengths.item() == pytest.approx(math.sqrt(12.5))
    assert losses.path_penalty(torch.tensor([1.0, 3.0]), torch.tensor(2.0)).item() == 1.0


def test_noise_penalty_sees_correlation() -> None:
    stripes = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(2).expand(1, 1, 8, 8)
    # rolled down: correlation 1; rolled sideways: 0
    assert losses.noise_penalty([stripes]).item() == pytest.approx(1.0)
    torch.manual_seed(0)
    white = torch.randn(1, 1, 64, 64)
    assert losses.noise_penalty([white]).item() < 0.1
    smooth = torch.nn.functional.avg_pool2d(torch.randn(1, 1, 66, 66), 3, 1) * 3
    assert losses.noise_penalty([smooth]).item() > 0.5


def test_feature_distance_by_hand() -> None:
    """Unit vectors at right angles are sqrt(2) apart, equal directions 0, whatever their length."""
    a = torch.tensor([[3.0, 0.0], [1.0, 1.0]]).t().reshape(1, 2, 1, 2)
    b = torch.tensor([[0.0, 5.0], [2.0, 2.0]]).t().reshape(1, 2, 1, 2)
    assert losses.feature_distance([a], [b]).item() == pytest.approx(1.0)  # (2 + 0) / 2
    assert losses.feature_distance([a, a], [b, a]).item() == pytest.approx(0.5)


def test_pixel_distance_by_hand() -> None:
    a, b = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    a[0, 0, 0, 0], a[0, 0, 1, 1] = 1.6, -1.6
    assert losses.pixel_distance(a, b).item() == pytest.approx(0.2)  # 3.2 / 16, and the mean is 0
