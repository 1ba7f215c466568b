"""Each loss against a number worked out by hand and an independent float64 expression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimica.engines.ganimation.paper import losses


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values)


def test_critic_and_generator_terms_by_hand() -> None:
    real, fake = torch.tensor([[[1.0, 3.0]], [[5.0, 7.0]]]), torch.tensor([[[2.0, 0.0]], [[1.0, 1.0]]])
    assert losses.critic_loss(real, fake) == pytest.approx(1.0 - 4.0)
    assert losses.generator_loss(fake) == pytest.approx(-1.0)


def test_gradient_penalty_by_hand() -> None:
    gradient = torch.zeros(2, 3, 2, 2)
    gradient[0, 0, 0, 0], gradient[0, 1, 1, 1] = 3.0, 4.0  # norm 5
    gradient[1, 2, 0, 1] = 0.5
    assert losses.gradient_penalty(gradient) == pytest.approx(((5 - 1) ** 2 + 0.5**2) / 2)


def test_gradient_penalty_of_a_function_with_a_known_gradient() -> None:
    """f(x) = a . x + |x|^2 / 2 has the gradient a + x."""
    torch.manual_seed(0)
    a, x = torch.randn(1, 3, 4, 4).double(), torch.randn(5, 3, 4, 4).double().requires_grad_()
    value = (a * x).sum() + x.square().sum() / 2
    gradient = torch.autograd.grad(value, x, create_graph=True)[0]
    expected = np.mean((np.sqrt(((a + x).detach().numpy() ** 2).sum((1, 2, 3))) - 1) ** 2)
    assert losses.gradient_penalty(gradient).item() == pytest.approx(expected, rel=1e-12)
    (second,) = torch.autograd.grad(losses.gradient_penalty(gradient), x)
    norm = (a + x).flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    assert torch.allclose(second, 2 / 5 * (norm - 1) * (a + x) / norm)


def test_points_of_the_penalty_lie_between() -> None:
    real, fake = torch.ones(3, 1, 2, 2), torch.zeros(3, 1, 2, 2)
    point = losses.interpolate(real, fake, tensor(0.0, 0.25, 1.0))
    assert point[:, 0, 0, 0].tolist() == [0.0, 0.25, 1.0]


def test_attention_terms_by_hand() -> None:
    mask = torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]], [[[1.0, 1.0], [1.0, 1.0]]]])
    # down: 0.25 + 0.25; right: 1 + 0; the second mask is flat
    assert losses.total_variation(mask) == pytest.approx(1.5 / 2)
    assert losses.attention_norm(mask) == pytest.approx((np.sqrt(1.5) + 2.0) / 2)
    assert losses.attention_loss(mask, 0.1) == pytest.approx(0.1 * 0.75 + (np.sqrt(1.5) + 2.0) / 2)
    # the code: mean 0.75; absolute differences 0.5 + 0.5 + 1 + 0, summed over the batch
    assert losses.attention_loss_of_the_code(mask, 0.1, 1e-5, 2) == pytest.approx(0.1 * 0.75 + 1e-5 * 2.0)
    assert losses.attention_loss_of_the_code(mask, 0.0, 1e-5, 4) == pytest.approx(1e-5 * 4.0)  # a share of a batch of 4


def test_expression_terms_by_hand() -> None:
    values, wanted = torch.tensor([[0.0, 1.0], [0.5, 0.5]]), torch.tensor([[0.5, 1.0], [0.5, 0.0]])
    assert losses.expression_loss(values, wanted) == pytest.approx((0.25 + 0.25) / 2)
    assert losses.expression_loss_of_the_code(values, wanted, 2) == pytest.approx(0.5 / 4 / 2)


def test_the_code_weighs_aus_425_times_less() -> None:
    values, wanted = torch.rand(25, 17).double(), torch.rand(25, 17).double()
    paper, code = losses.expression_loss(values, wanted), losses.expression_loss_of_the_code(values, wanted, 25)
    assert (paper / code).item() == pytest.approx(425)
    assert (4000 * code).item() == pytest.approx((160 * (values - wanted).square().mean()).item())


def test_cycle_by_hand() -> None:
    assert losses.cycle_loss(torch.tensor([[[[1.0, -1.0]]]]), torch.tensor([[[[0.5, 1.0]]]])) == pytest.approx(1.25)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 4), st.integers(2, 9), st.integers(2, 9))
def test_losses_equal_plain_float64_expressions(seed: int, batch: int, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    a, i, r = random.random((batch, 1, height, width)), *random.random((2, batch, 3, height, width))
    y, z = random.random((2, batch, 17))
    variation = sum(
        (a[b, 0, u + 1, v] - a[b, 0, u, v]) ** 2 for b in range(batch) for u in range(height - 1) for v in range(width)
    ) + sum((a[b, 0, u, v + 1] - a[b, 0, u, v]) ** 2 for b in range(batch) for u in range(height) for v in range(width - 1))
    norm = np.mean([np.sqrt((a[b] ** 2).sum()) for b in range(batch)])
    single = [torch.from_numpy(x).float() for x in (a, i, r, y, z)]
    assert losses.attention_loss(single[0], 1e-4).item() == pytest.approx(1e-4 * variation / batch + norm, rel=1e-5)
    assert losses.cycle_loss(single[1], single[2]).item() == pytest.approx(np.abs(i - r).mean(), rel=1e-5)
    assert losses.expression_loss(single[3], single[4]).item() == pytest.approx(((y - z) ** 2).sum() / batch, rel=1e-5)
    assert losses.gradient_penalty(single[1]).item() == pytest.approx(
        np.mean((np.sqrt((i**2).sum((1, 2, 3))) - 1) ** 2), rel=1e-4, abs=1e-6
    )


def test_pair_loss_by_hand() -> None:
    """Only the pictures that have a wanted one count; none at all is no loss."""
    fake, wanted = torch.zeros(3, 3, 2, 2), torch.zeros(3, 3, 2, 2)
    wanted[0, 0, 0, 0], wanted[1, :, :, 0], wanted[2] = -6.0, 1.0, 9.0
    assert losses.pair_loss(fake, wanted, tensor(1, 1, 0)) == pytest.approx((6 / 12 + 0.5) / 2)
    assert losses.pair_loss(fake, wanted, tensor(0, 0, 0)) == 0


def test_pair_color_loss_counts_what_differs() -> None:
    """Where photo and wanted picture agree, the color mask is free; equal weights give the plain distance."""
    image = torch.zeros(1, 3, 32, 32)
    wanted = image.clone()
    wanted[..., 12:20, 12:20] = 1.0
    far = wanted.clone()
    far[..., :7, :7] = 9.0
    assert losses.pair_color_loss(far, image, wanted, tensor(1)) == 0
    assert losses.pair_color_loss(image, image, wanted, tensor(1)) > 3 * losses.pair_loss(image, wanted, tensor(1))
    everywhere = torch.ones(2, 3, 8, 8)
    whole = torch.nn.functional.avg_pool2d(everywhere[:, :1], 9, 1, 4)
    distance = (whole / whole.mean() * 0.5).mean().item()
    assert losses.pair_color_loss(0.5 * everywhere, 0 * everywhere, everywhere, tensor(1, 1)).item() == pytest.approx(distance)
    assert losses.pair_color_loss(everywhere, image[..., :8, :8], image[..., :8, :8], tensor(1)) == 0
