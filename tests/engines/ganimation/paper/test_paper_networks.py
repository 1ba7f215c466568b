"""Sizes of the networks, and that the quick ways of computing them give what the plain ways give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mimica.engines.ganimation.paper.benchmark import PlainCritic, PlainGenerator
from mimica.engines.ganimation.paper.networks import LEAK, ControlledConv, Critic, Generator, HalvingConv, InstanceNorm, blend
from mimica.errors import ValueRangeError


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameters_of_the_paper() -> None:
    with torch.device("meta"):
        assert count(Generator(17)) == count(PlainGenerator(17)) == 8_471_296  # 8.47 M
        assert count(Critic(17)) == count(PlainCritic(17)) == 44_860_352  # 44.8 M


def test_blend_keeps_the_photo_where_attention_is_one() -> None:
    color, image = torch.full((1, 3, 2, 2), 0.5), torch.full((1, 3, 2, 2), -0.5)
    attention = torch.tensor([[[[0.0, 1.0], [0.25, 0.5]]]])
    assert torch.allclose(blend(color, attention, image)[0, 0], torch.tensor([[0.5, -0.5], [0.25, 0.0]]))


@pytest.mark.parametrize("height, width", [(7, 9), (8, 64), (64, 64)])
def test_planes_of_control_values_are_as_if_concatenated(height: int, width: int) -> None:
    torch.manual_seed(0)
    layer = ControlledConv(5, 4).double()
    image, values = torch.randn(2, 3, height, width).double(), torch.rand(2, 5).double()
    plain = F.conv2d(torch.cat([image, values[:, :, None, None].expand(-1, -1, height, width)], 1), layer.weight, padding=3)
    assert torch.allclose(layer(image, values), plain, atol=1e-12)


def same_weights(ours: Generator, plain: PlainGenerator) -> None:
    """Copies ours into the plain generator, by order: a trunk of convolutions and norms."""
    trunk: list[nn.Module] = [ours.stem, ours.stem_norm]
    for convs, norms in ((ours.down, ours.down_norm), (ours.blocks, None), (ours.up, ours.up_norm)):
        for i, conv in enumerate(convs):
            trunk += [conv.conv1, conv.norm1, conv.conv2, conv.norm2] if norms is None else [conv, norms[i]]
    weights = [p for module in trunk for p in module.parameters()]
    for target, value in zip(plain.main.parameters(), weights, strict=True):
        target.data.copy_(value)
    plain.color[0].weight.data.copy_(ours.color.weight)
    plain.attention[0].weight.data.copy_(ours.attention.weight)


def test_the_generator_is_the_plain_one() -> None:
    torch.manual_seed(0)
    ours, plain = Generator(3, width=4, blocks=2).double(), PlainGenerator(3, width=4, blocks=2).double()
    for parameter in ours.parameters():
        nn.init.normal_(parameter, 0.3, 0.2)
    same_weights(ours, plain)
    image, values = torch.rand(2, 3, 64, 64).double() * 2 - 1, torch.rand(2, 3).double()
    for a, b in zip(ours(image, values), plain(image, values), strict=True):
        assert torch.allclose(a.double(), b, atol=1e-6)


def critics(size: int = 64) -> tuple[Critic, PlainCritic]:
    torch.manual_seed(0)
    ours, plain = Critic(3, size, width=4).double(), PlainCritic(3, size, width=4).double()
    for target, value in zip(plain.parameters(), ours.parameters(), strict=True):
        nn.init.normal_(value, 0, 0.1)
        target.data.copy_(value)
    return ours, plain


@pytest.mark.parametrize("size", [64, 128])
def test_the_critic_is_the_plain_one(size: int) -> None:
    ours, plain = critics(size)
    image = torch.rand(2, 3, size, size).double() * 2 - 1
    for a, b in zip(ours(image), plain(image), strict=True):
        assert a.shape == b.shape and torch.allclose(a.double(), b, atol=1e-6)
    assert ours(image)[0].shape == (2, size // 64, size // 64) and ours(image)[1].shape == (2, 3)


def test_the_critics_gradient_is_autograds_to_both_orders() -> None:
    ours, plain = critics()
    image = (torch.rand(3, 3, 64, 64).double() * 2 - 1).requires_grad_()
    expected = torch.autograd.grad(plain(image)[0].sum(), image, create_graph=True)[0]
    gradient = ours.input_gradient(image.detach())
    assert torch.allclose(gradient.double(), expected, atol=1e-7)
    trunk = [*(conv.weight for conv in ours.trunk), ours.patches.weight]
    plain_trunk = [*(m.weight for m in plain.main if isinstance(m, nn.Conv2d)), plain.patches.weight]
    first = torch.autograd.grad((gradient.double() ** 2).sum(), trunk)
    second = torch.autograd.grad((expected**2).sum(), plain_trunk)
    for a, b in zip(first, second, strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-9)


def test_a_halving_convolution_and_its_transpose_on_small_maps() -> None:
    torch.manual_seed(0)
    layer = HalvingConv(3, 5).double()
    for side in (2, 4, 8, 16):
        x, g = torch.randn(2, 3, side, side).double(), torch.randn(2, 5, side // 2, side // 2).double()
        assert torch.allclose(layer(x), F.conv2d(x, layer.weight, layer.bias, 2, 1))
        assert torch.allclose(layer.spread(g), F.conv_transpose2d(g, layer.weight, stride=2, padding=1))


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="64 divides"):
        Critic(17, 100)
    color, attention = Generator(2, width=4, blocks=1)(torch.zeros(1, 3, 192, 64), torch.zeros(1, 2))
    assert color.shape == (1, 3, 192, 64) and attention.shape == (1, 1, 192, 64)
    assert 0 < attention.min() <= attention.max() < 1 and -1 < color.min() <= color.max() < 1


def test_initial_weights_are_the_authors() -> None:
    torch.manual_seed(0)
    critic = Critic(17)
    assert np.isclose(critic.trunk[3].weight.std().item(), 0.02, rtol=0.02) and LEAK == 0.01
    assert Critic(17, width=16).trunk[3].weight.std() > 0.03, "a narrow one would stand still"
    assert critic.trunk[3].bias.abs().max() == 0


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_instance_norm_and_its_gradients(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    ours, plain = InstanceNorm(5).double(), nn.InstanceNorm2d(5, affine=True).double()
    for target, value in zip(plain.parameters(), ours.parameters(), strict=True):
        nn.init.normal_(value)
        target.data.copy_(value)
    x = (torch.randn(3, 5, 6, 7).double() * 3 + 1).contiguous(memory_format=layout).requires_grad_()
    weights = torch.randn(3, 5, 6, 7).double()
    found, expected = (torch.autograd.grad((norm(x) * weights).sum(), (x, *norm.parameters())) for norm in (ours, plain))
    assert torch.allclose(ours(x), plain(x))
    for a, b in zip(found, expected, strict=True):
        assert torch.allclose(a, b, atol=1e-10)
