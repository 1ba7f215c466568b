"""ADA: nothing at p 0, legal changes at p 1, gradients, and the controller."""

from __future__ import annotations

import torch

from mimica.engines.stylegan.augment import Augment, random_colour, random_geometry


def test_nothing_happens_at_probability_0() -> None:
    pictures = torch.rand(2, 3, 8, 8)
    assert Augment()(pictures) is pictures
    assert torch.equal(random_geometry(3, 8, 0.0), torch.eye(3).expand(3, 3, 3))
    assert torch.allclose(random_colour(3, 0.0), torch.eye(4).expand(3, 4, 4), atol=1e-6)


def test_every_picture_changes_at_probability_1_and_gradients_pass() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(8, 3, 16, 16, requires_grad=True)
    out = Augment(1.0)(pictures)
    assert out.shape == pictures.shape and ((out - pictures).abs().mean((1, 2, 3)) > 0.01).all()
    out.sum().backward()
    assert pictures.grad is not None and pictures.grad.abs().sum() > 0


def test_geometry_keeps_orientation_and_size_within_reason() -> None:
    torch.manual_seed(0)
    determinants = torch.linalg.det(random_geometry(2000, 64, 1.0)).abs()
    assert determinants.min() > 0.2 and determinants.max() < 5  # scale 2^(2 x 0.2 N(0, 1))
    assert abs(determinants.log2().std().item() - 0.4) < 0.05


def test_colour_keeps_gray_gray_but_for_brightness_contrast_and_flip() -> None:
    torch.manual_seed(0)
    gray = torch.tensor([0.3, 0.3, 0.3, 1.0])
    out = random_colour(200, 1.0) @ gray
    assert (out[:, :3].amax(1) - out[:, :3].amin(1)).max() < 1e-5


def test_the_controller_moves_p() -> None:
    augment = Augment(0.5)
    r_t = augment.steer(torch.tensor([1.0, 1.0, 1.0, -1.0]), target=0.4, pictures=5000)
    assert r_t.item() == 0.5 and abs(augment.probability.item() - 0.51) < 1e-6
    augment.steer(torch.tensor([-1.0]), target=0.4, pictures=10_000)
    assert abs(augment.probability.item() - 0.49) < 1e-6
    augment.steer(torch.tensor([-1.0]), target=0.4, pictures=10**9)
    assert augment.probability.item() == 0.0
