"""The painter's losses against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from mimica.engines.ganimation.fast import losses


def picture(*rows: list[float]) -> torch.Tensor:
    """(1, 1, h, w)"""
    return torch.tensor([[list(rows)]])


def test_a_pixel_in_an_opening_counts_ten_times() -> None:
    painted, wanted = picture([0.5, 0.1]), picture([0.3, 0.2])
    opening = picture([1.0, 0.0])
    assert losses.pixel_loss(painted, wanted, opening).item() == pytest.approx((10 * 0.2 + 0.1) / 2)


def test_a_shift_of_all_levels_changes_no_differences_and_a_step_changes_one() -> None:
    flat = torch.full((1, 1, 4, 4), 0.5)
    assert losses.gradient_loss(flat, flat - 0.2).item() == pytest.approx(0.0, abs=1e-7)
    step = flat.clone()
    step[..., 2:] = 0.8  # one of three differences to the right, in each row
    assert losses.gradient_loss(step, flat).item() == pytest.approx(0.3 / 3)


def test_the_picture_loss_is_the_sum_of_its_parts() -> None:
    painted, wanted = torch.full((1, 3, 4, 4), 0.6), torch.full((1, 3, 4, 4), 0.5)
    closed = torch.zeros(1, 1, 4, 4)
    assert losses.picture_loss(painted, wanted, closed).item() == pytest.approx(0.1 + 0.5 * 0 + 2 * 0.1)


def test_attention_pays_for_what_is_repainted_and_for_its_borders() -> None:
    kept, closed = torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    assert losses.attention_loss(kept, closed, 5.0).item() == 0
    half = kept.clone()
    half[:, :, :, 0] = 0.5  # two differences of 0.5 to the right, in each picture of four pixels
    assert losses.attention_loss(half, closed, 5.0).item() == pytest.approx(5 * (2 * 0.25) / 4 + 0.25)
    opening = closed.clone()
    opening[:, :, 0, 0] = 1  # one of the two repainted pixels is the inside of a mouth
    assert losses.attention_loss(half, opening, 5.0).item() == pytest.approx(5 * (2 * 0.25) / 4 + 0.125)


def test_the_pull_on_the_attention_does_not_grow_near_one() -> None:
    pulls = []
    for value in (0.5, 0.999):
        attention = torch.full((1, 1, 2, 2), value, requires_grad=True)
        losses.attention_loss(attention, torch.zeros(1, 1, 2, 2), 1.0).backward()
        pulls.append(attention.grad.flatten()[0].item())
    assert pulls[0] == pytest.approx(-0.25) and pulls[1] == pytest.approx(pulls[0])


def test_a_hinge_is_over_once_scores_are_right() -> None:
    real, fake, all_count = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.0]), torch.ones(2)
    assert losses.hinge_critic_loss(real, fake, all_count, all_count).item() == pytest.approx(0.5 / 2 + 1.0 / 2)
    second = torch.tensor([0.0, 1.0])
    assert losses.hinge_critic_loss(real, fake, second, all_count).item() == pytest.approx(0.5 + 1.0 / 2)
    assert losses.adversarial_loss(fake, 1 - second).item() == pytest.approx(3.0)
    assert losses.adversarial_loss(fake, 0 * second).item() == 0, "a closed mouth has nothing to say"


def test_scores_count_where_something_is_open_nearby() -> None:
    opening, scores = torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 4, 4)
    opening[0, 0, 9, 20] = 1  # cell (1, 2), and within four pixels of cell (0, 2)
    expected = torch.zeros(4, 4)
    expected[0:2, 2] = 1
    expected[0:2, 3] = 1  # column 24 is four pixels to the right
    assert torch.equal(losses.where_it_matters(opening, scores)[0, 0], expected)


def test_r1_is_half_the_mean_squared_length_of_the_gradients() -> None:
    gradient = torch.zeros(2, 3, 1, 1)
    gradient[0, :2, 0, 0] = torch.tensor([3.0, 4.0])
    assert losses.r1_penalty(gradient).item() == pytest.approx(25 / 2 / 2)


def test_expression_loss_is_a_mean_over_units() -> None:
    assert losses.expression_loss(torch.tensor([[0.5, 0.0]]), torch.tensor([[0.1, 0.3]])).item() == pytest.approx(0.125)


def test_feature_loss_is_a_mean_over_layers_and_moves_only_the_painted() -> None:
    painted, wanted = [torch.ones(1, 2, requires_grad=True), torch.ones(1, 4)], [torch.zeros(1, 2), torch.full((1, 4), 0.5)]
    wanted[0].requires_grad_(True)
    loss = losses.feature_loss(painted, wanted)
    loss.backward()
    assert loss.item() == pytest.approx((1.0 + 0.5) / 2) and wanted[0].grad is None
    assert math.isclose(painted[0].grad.sum().item(), 0.5)
