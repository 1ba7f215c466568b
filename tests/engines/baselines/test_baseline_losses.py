"""The baselines' losses against numbers worked out by hand."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from torch import Tensor, nn

from mimica.engines.baselines import losses
from mimica.engines.baselines.stargan import label_vector


def value(loss: Tensor) -> float:
    return float(loss.detach())


class Slope(nn.Module):
    """D(x) = sum of k x: its gradient is k everywhere."""

    def __init__(self, k: float) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k))

    def forward(self, image: Tensor) -> tuple[Tensor, None]:
        return (self.k * image).flatten(1).sum(1), None


def test_wasserstein_and_its_penalty() -> None:
    assert value(losses.wasserstein_critic(torch.tensor([3.0, 1.0]), torch.tensor([-1.0, 0.0]))) == pytest.approx(-2.5)
    real, fake, mix = torch.zeros(2, 3, 2, 2), torch.ones(2, 3, 2, 2), torch.tensor([0.0, 0.5])
    critic = Slope(0.5)
    penalty = losses.gradient_penalty(critic, real, fake, mix)
    assert value(penalty) == pytest.approx((0.5 * 12**0.5 - 1) ** 2)  # 12 numbers an image
    penalty.backward()
    assert critic.k.grad is not None
    assert value(critic.k.grad) == pytest.approx(2 * (0.5 * 12**0.5 - 1) * 12**0.5)


def test_the_penalty_is_taken_between_photo_and_fake() -> None:
    class Square(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image.square().flatten(1).sum(1)

    real, fake = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 1.0)
    for mix, gradient in ((1.0, 4.0), (0.0, 2.0), (0.25, 2.5)):
        assert value(losses.gradient_penalty(Square(), real, fake, torch.tensor([mix]))) == pytest.approx((gradient - 1) ** 2)


def test_least_squares_and_cross_entropy() -> None:
    scores = torch.tensor([[1.0, -1.0]])
    assert value(losses.squares(scores, 1.0)) == pytest.approx(2.0)
    assert value(losses.squares(scores, 0.0)) == pytest.approx(1.0)
    assert value(losses.cross_entropy(torch.zeros(3), 1.0)) == pytest.approx(log(2))
    assert value(losses.cross_entropy(torch.tensor([2.0]), 1.0)) == pytest.approx(log(1 + exp(-2)))
    assert value(losses.cross_entropy(torch.tensor([2.0]), 0.0)) == pytest.approx(2 + log(1 + exp(-2)))


def test_the_domain_loss_counts_what_is_known() -> None:
    scores = torch.tensor([[0.0, 0.0, 9.0, -9.0], [7.0, -7.0, 0.0, 0.0]])
    label = torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]])
    group = torch.tensor([0, 1])
    assert value(losses.domain_loss(scores, label, group, 2)) == pytest.approx((log(2) + 2 * log(2)) / 2)
    only = losses.domain_loss(scores[:, :2], torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 0]), 2)
    assert value(only) == pytest.approx((log(2) + log(1 + exp(-14))) / 2)


def test_the_mask_vector_says_which_label_is_meant() -> None:
    label = label_vector(torch.tensor([1, 0]), 2, torch.tensor([[0.9, 0.1], [0.1, 0.9]]), torch.tensor([0, 1]))
    assert label.tolist() == [[0, 1, 0, 0, 1, 0], [0, 0, 0, 1, 0, 1]]
    assert label_vector(torch.tensor([1]), 3, None, torch.tensor([0])).tolist() == [[0, 1, 0]]


def test_distances() -> None:
    one, other = torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[[[0.0, 0.0]]]])
    assert value(losses.cycle_loss(one, other)) == pytest.approx(2.0)
    assert value(losses.feature_loss([one, 2 * one], [other, other])) == pytest.approx(5.0 + 20.0)
    assert value(losses.squared_distance(torch.tensor([[1.0, 2.0], [0.0, 1.0]]), torch.zeros(2, 2))) == pytest.approx(3.0)
