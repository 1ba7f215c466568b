"""The baselines' networks: numbers of parameters worked out by hand, shapes, and what a label does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mimica.engines.baselines.networks import (
    Denoiser,
    DomainCritic,
    Encoder,
    LabelledDiscriminator,
    LatentGenerator,
    PatchDiscriminator,
    ResidualGenerator,
)
from mimica.engines.ganimation.paper.networks import Critic
from mimica.errors import ValueRangeError


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_stargan_has_the_parameters_that_its_authors_code_prints() -> None:
    assert count(ResidualGenerator(5, 64, 6, affine=True)) == 8_430_528
    assert count(DomainCritic(5, 128, 64)) == 44_762_048


def test_cyclegans_parameters_by_hand() -> None:
    stem, ends = 3 * 64 * 49 + 64, 64 * 3 * 49 + 3
    down = (64 * 128 * 9 + 128) + (128 * 256 * 9 + 256)
    up = (256 * 128 * 9 + 128) + (128 * 64 * 9 + 64)
    assert count(ResidualGenerator(0, 64, 6)) == stem + down + 12 * (256 * 256 * 9 + 256) + up + ends == 7_837_699
    widths = [3, 64, 128, 256, 512, 1]
    by_hand = sum(16 * widths[i] * widths[i + 1] + widths[i + 1] for i in range(5))
    assert count(PatchDiscriminator(64)) == by_hand == 2_764_737


def test_diats_parameters_by_hand() -> None:
    one_block = 2 * (256 * 256 * 9 + 256)
    assert count(ResidualGenerator(0, 64, 5)) == 7_837_699 - one_block
    assert count(Denoiser(64)) == (3 * 64 * 9 + 64) + (64 * 3 * 9 + 3)


def test_icgans_parameters_by_hand() -> None:
    """Tables 1 and 2: 512, 256, 128, 64 channels up, the same down, 32 to 256 in the encoders; z 100, 8 labels, 64 px."""
    up = 16 * (108 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 3 + 2 * (512 + 256 + 128 + 64)
    assert count(LatentGenerator(100, 8)) == up
    down = (16 * 3 * 64 + 64) + 16 * ((64 + 8) * 128 + 128 * 256 + 256 * 512) + 2 * (128 + 256 + 512) + 16 * 512 + 1
    assert count(LabelledDiscriminator(8)) == down
    trunk = 25 * (3 * 32 + 32 * 64 + 64 * 128 + 128 * 256) + 2 * (32 + 64 + 128 + 256)
    assert count(Encoder(100, 4096)) == trunk + 256 * 16 * 4096 + 2 * 4096 + 4096 * 100 + 100


def test_shapes() -> None:
    image, label = torch.zeros(2, 3, 64, 64), torch.zeros(2, 5)
    assert ResidualGenerator(5, 4, 1, affine=True)(image, label).shape == image.shape
    assert ResidualGenerator(0, 4, 1)(image).shape == image.shape
    patches, labels = DomainCritic(5, 64, 2)(image)
    assert patches.shape == (2, 1, 1) and labels.shape == (2, 5)
    assert PatchDiscriminator(4)(image).shape == (2, 1, 6, 6) and len(PatchDiscriminator(4).features(image)) == 4
    assert LatentGenerator(7, 5, 32, 4)(torch.zeros(2, 7), label).shape == (2, 3, 32, 32)
    assert LabelledDiscriminator(5, 64, 4)(image, label).shape == (2,)
    assert Encoder(7, 8, 64, 4)(image).shape == (2, 7)


def test_a_score_of_the_patch_discriminator_sees_70_pixels() -> None:
    """The gradient of one score reaches 70 x 70 pixels of a large picture, instance norm aside."""
    network = PatchDiscriminator(2).eval()
    image = torch.randn(1, 3, 128, 128, requires_grad=True)
    x = image
    for conv in network.trunk:
        x = conv(x).abs()
    network.scores(x)[0, 0, 7, 7].backward()
    assert image.grad is not None
    touched = image.grad[0].abs().sum(0) > 0
    assert int(touched.any(0).sum()) == int(touched.any(1).sum()) == 70


def test_the_label_changes_the_picture() -> None:
    torch.manual_seed(0)
    network, image = ResidualGenerator(2, 4, 1, affine=True), torch.rand(1, 3, 32, 32)
    first, second = network(image, torch.tensor([[1.0, 0.0]])), network(image, torch.tensor([[0.0, 1.0]]))
    assert (first - second).abs().max() > 1e-4


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="64 divides"):
        DomainCritic(5, 96)
    with pytest.raises(ValueRangeError, match="power of two"):
        LatentGenerator(8, 2, 48)


@pytest.mark.parametrize("critic", [lambda: DomainCritic(8, 64, 16), lambda: Critic(17, 64, 16)], ids=["stargan", "ganimation"])
def test_signals_do_not_fade_in_a_narrow_critic(critic: Callable[[], nn.Module]) -> None:
    """Else its gradient's norm, which is to become 1, starts at 0, and so does that of the gradient's penalty."""
    torch.manual_seed(0)
    image = (2 * torch.rand(8, 3, 64, 64) - 1).requires_grad_()
    (gradient,) = torch.autograd.grad(critic()(image)[0].sum(), image)
    assert 0.03 < float(gradient.flatten(1).norm(dim=1).mean()) < 10
