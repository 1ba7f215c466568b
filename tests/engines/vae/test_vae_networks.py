"""The VAE's networks: the paper's size, shapes, an independent expression of the decoder, reproducible draws."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mimica.config import choose
from mimica.engines.vae.networks import Coded, Shape, TwoDecoderVae, counted_layers, sample_latent, summary
from mimica.engines.vae.train import PRESETS, Vae, VaeOptions
from mimica.errors import ValueRangeError

TINY = Shape(image_size=16, patch=2, channels=(8, 8, 16), blocks=1, latent=5, mask_share=0.5)


def _shape(preset: str) -> Shape:
    return Vae(choose(VaeOptions, PRESETS, preset), []).shape()


def test_the_papers_preset_has_its_size():
    net = TwoDecoderVae(_shape("paper"))
    assert sum(counted_layers(net).values()) == 145
    assert sum(p.numel() for p in net.parameters()) == pytest.approx(16.6e6, rel=0.005)
    assert net.shape.image_size == 128
    lines = summary(net).splitlines()
    assert lines[-2].split()[:2] == ["together", "145"]


def test_the_small_preset_ships_in_15_megabytes():
    net = TwoDecoderVae(_shape("small"))
    assert 2 * sum(p.numel() for p in net.parameters()) < 15e6, "stored as float16"


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_shapes_and_ranges(share):
    net = TwoDecoderVae(Shape(16, 2, (8, 8, 16), 1, 5, share)).eval()
    coded, decoded = net(torch.rand(3, 3, 16, 16) * 2 - 1)
    assert coded.mean.shape == coded.log_variance.shape == (3, 5)
    assert decoded.image.shape == (3, 3, 16, 16) and decoded.mask_logits.shape == (3, 1, 16, 16)
    assert decoded.image.abs().max() <= 1


def test_a_shape_survives_its_config():
    assert Shape.from_config(TINY.as_config()) == TINY


def test_the_decoder_written_out():
    """The picture's decoder as plain operations on the same weights, in evaluation mode."""
    torch.manual_seed(3)
    net = TwoDecoderVae(TINY)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.running_mean, std=0.1)
    net.eval()
    w = net.image_decoder.state_dict()

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.batch_norm(x, *(w[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")))

    def conv(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.leaky_relu(norm(F.conv2d(x, w[f"{name}.0.weight"], padding=1), f"{name}.1"), 0.1)

    z = torch.randn(2, 5)
    x = (z @ w["dense.weight"].T + w["dense.bias"]).reshape(2, 16, 2, 2)
    for first in (0, 3):
        x = conv(x.repeat_interleave(2, 2).repeat_interleave(2, 3), f"body.{first + 1}")
        block = f"body.{first + 2}.body"
        y = norm(F.conv2d(conv(x, f"{block}.0"), w[f"{block}.1.weight"], padding=1), f"{block}.2")
        x = F.leaky_relu(x + y, 0.1)
    x = F.conv2d(x, w["body.6.weight"], w["body.6.bias"], padding=1)
    x = x.reshape(2, 3, 2, 2, 8, 8).permute(0, 1, 4, 2, 5, 3).reshape(2, 3, 16, 16)
    assert torch.allclose(net.decode(z).image, torch.tanh(x), atol=1e-6)


def test_draws_are_reproducible_by_seed_and_have_their_moments():
    coded = Coded(torch.full((50_000, 1), 2.0), torch.full((50_000, 1), -1.0))
    first, again, other = (sample_latent(coded, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.mean().item() == pytest.approx(2, abs=0.02) and first.var().item() == pytest.approx(0.3679, abs=0.02)


def test_a_side_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueRangeError, match="multiple of 32"):
        Vae(choose(VaeOptions, PRESETS, "small", ["image_size=100"]), []).shape()


def _with_components() -> tuple[TwoDecoderVae, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A network with a linear path started from 5 orthonormal components of 8 px pictures."""
    shape = Shape(image_size=16, patch=2, channels=(8, 8, 16), blocks=1, latent=5, mask_share=0.5, linear_side=8)
    torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(192, 5))[0].T
    mean, deviations = 0.1 * torch.randn(3, 8, 8), torch.tensor([0.5, 0.4, 0.3, 0.2, 0.1])
    net = TwoDecoderVae(shape)
    net.start_linear(mean, basis, deviations)
    return net.eval(), basis, mean, deviations


def test_the_linear_path_starts_as_principal_components():
    """A picture made of components comes back, and its latent are the whitened coefficients."""
    net, basis, mean, deviations = _with_components()
    z = torch.randn(2, 5)
    small = mean.flatten() + (z * deviations) @ basis
    image = small.view(2, 3, 8, 8).repeat_interleave(2, 2).repeat_interleave(2, 3)
    coded = net.encode(image)
    assert torch.allclose(coded.mean, z, atol=1e-4)
    assert torch.allclose(coded.log_variance.exp(), torch.full((2, 5), 0.1), atol=1e-5)
    decoded = net.decode(coded.mean).image
    reference = F.interpolate(small.view(2, 3, 8, 8), scale_factor=2, mode="bilinear").clamp(-1, 1)
    assert torch.allclose(decoded, reference, atol=1e-4)


def test_components_may_weigh_pixels():
    """Encoding with w * basis and decoding with basis / w finds the coefficients of the weighted picture."""
    net, basis, mean, deviations = _with_components()
    weight = torch.rand(192) + 0.5
    net.start_linear(mean, torch.stack([basis * weight, basis / weight]), deviations)
    z = torch.randn(1, 5)
    small = mean.flatten() + (z * deviations) @ (basis / weight)
    image = small.view(1, 3, 8, 8).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(net.encode(image).mean, z, atol=1e-4)


def test_a_network_without_a_linear_path_says_so():
    with pytest.raises(ValueError, match="no linear path"):
        TwoDecoderVae(TINY).start_linear(torch.zeros(3, 8, 8), torch.zeros(5, 192), torch.ones(5))
