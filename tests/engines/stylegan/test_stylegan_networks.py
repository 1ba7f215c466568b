"""StyleGAN2's networks against an independent float64 expression of the paper's equations, and their published sizes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from mimica.engines.stylegan.networks import Discriminator, Generator, Synthesis, layer_count, minibatch_deviation
from mimica.errors import ValueRangeError
from mimica.evaluate.synthesis import plain_synthesis

TAPS = np.array([1.0, 3.0, 3.0, 1.0])
FIR = np.outer(TAPS, TAPS) / 64.0


def tiny(size: int = 64, **options: int) -> Generator:
    """A generator whose every parameter has an effect."""
    torch.manual_seed(0)
    generator = Generator(size, **{"z_size": 12, "w_size": 10, "depth": 3, "channel_base": 256, "channel_max": 6, **options})
    for name, parameter in generator.named_parameters():
        if name.endswith(("bias", "noise_strength")) or "to_rgb" in name:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return generator.eval()


# --- the reference: numpy, float64, one sample, one channel at a time -------------------------------------------------


def resample_up(channel: np.ndarray) -> np.ndarray:
    """Zeros between the pixels, then the filter with gain 4; output pixel 0 lies on input pixel 0."""
    spread = np.zeros((2 * len(channel), 2 * len(channel)))
    spread[::2, ::2] = channel
    return convolve2d(np.pad(spread, ((2, 1), (2, 1))), 4 * FIR, mode="valid")


def reference_affine(linear: torch.nn.Module, w: np.ndarray) -> np.ndarray:
    weight, bias = (p.detach().double().numpy() for p in (linear.weight, linear.bias))
    return weight @ w / np.sqrt(weight.shape[1]) + bias


def reference_layer(layer: torch.nn.Module, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    weight = layer.weight.detach().double().numpy() * reference_affine(layer.style, w)[None, :, None, None]  # (1)
    weight = weight / np.sqrt((weight**2).sum((1, 2, 3), keepdims=True) + 1e-8)  # (3)
    out = []
    for kernels in weight:
        if layer.up:
            spread = np.zeros((len(x), 2 * x.shape[1] - 1, 2 * x.shape[1] - 1))
            spread[:, ::2, ::2] = x
            full = sum(convolve2d(channel, kernel, mode="full") for channel, kernel in zip(spread, kernels, strict=True))
            out.append(convolve2d(np.pad(full, 1), 4 * FIR, mode="valid"))
        else:  # networks correlate
            out.append(sum(convolve2d(c, k[::-1, ::-1], mode="same") for c, k in zip(x, kernels, strict=True)))
    y = np.stack(out) + layer.noise_strength.item() * layer.noise.double().numpy()
    y += layer.bias.detach().double().numpy()[:, None, None]
    return np.sqrt(2) * np.where(y > 0, y, 0.2 * y)


def reference_rgb(rgb: torch.nn.Module, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    weight = rgb.weight.detach().double().numpy() * reference_affine(rgb.style, w) / np.sqrt(len(x))
    return np.einsum("oc,chw->ohw", weight, x) + rgb.bias.detach().double().numpy()[:, None, None]


def reference_synthesis(synthesis: Synthesis, w_plus: np.ndarray) -> np.ndarray:
    x, picture = synthesis.constant.detach().double().numpy(), 0.0
    for k, layer in enumerate(synthesis.layers):
        x = reference_layer(layer, x, w_plus[k])
        if k % 2 == 0:
            new = reference_rgb(synthesis.to_rgb[k // 2], x, w_plus[k + 1])
            picture = new if k == 0 else np.stack([resample_up(c) for c in picture]) + new
    return picture


def reference_mapping(generator: Generator, z: np.ndarray) -> np.ndarray:
    w = z / np.sqrt((z**2).mean() + 1e-8)
    for layer in generator.mapping.layers:
        weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
        y = 0.01 * (weight @ w / np.sqrt(len(w)) + bias)
        w = np.sqrt(2) * np.where(y > 0, y, 0.2 * y)
    return w


@pytest.mark.parametrize("training", [False, True])
def test_synthesis_equals_the_equations(training: bool) -> None:
    generator = tiny()
    w_plus = torch.randn(2, 10, 10)
    with torch.set_grad_enabled(training):
        pictures = generator.synthesis(w_plus).detach()
    for picture, w in zip(pictures, w_plus, strict=True):
        expected = reference_synthesis(generator.synthesis, w.double().numpy())
        assert expected.std() > 0.3
        assert np.abs(picture.numpy() - expected).max() < 1e-4


def test_mapping_equals_the_equations() -> None:
    generator = tiny()
    z = torch.randn(3, 12)
    for w, one in zip(generator.mapping(z), z, strict=True):
        assert np.abs(w.detach().numpy() - reference_mapping(generator, one.double().numpy())).max() < 1e-5


def test_grouped_convolutions_give_the_same() -> None:
    generator, w_plus = tiny(), torch.randn(3, 10, 10)
    assert torch.allclose(generator.synthesis(w_plus), plain_synthesis(generator.synthesis, w_plus), atol=1e-5)


@pytest.mark.parametrize(
    "size, base, parameters, num_ws", [(1024, 32768, 30_370_060, 18), (256, 16384, 24_767_458, 14), (4, 32768, None, 2)]
)
def test_published_sizes(size: int, base: int, parameters: int | None, num_ws: int) -> None:
    with torch.device("meta"):
        generator = Generator(size, channel_base=base)
    assert generator.synthesis.num_ws == layer_count(size) == num_ws
    count = sum(p.numel() for p in generator.parameters())
    assert parameters is None or count == parameters


def test_the_discriminator_has_its_published_size() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in Discriminator(1024).parameters()) == 29_012_513


@pytest.mark.parametrize("size", [0, 2, 48, 2048])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueRangeError, match="one of 4, 8"):
        Generator(size)


# --- latents and noise ------------------------------------------------------------------------------------------------


def test_w_w_plus_and_styles_are_the_same_way_in() -> None:
    synthesis = tiny(16).synthesis
    w = torch.randn(2, 10)
    picture = synthesis(w)
    assert torch.equal(picture, synthesis(w[:, None].expand(-1, 6, -1)))
    assert torch.equal(picture, synthesis.from_styles(synthesis.styles(w)))
    with pytest.raises(ValueRangeError, match=r"\(B, 6, 10\)"):
        synthesis(torch.randn(2, 5, 10))


@torch.no_grad()
def test_truncation_pulls_towards_the_mean() -> None:
    mapping = tiny().mapping
    mapping.update_average(torch.full((4, 10), 2.0), decay=0.0)
    w = torch.randn(2, 10)
    assert torch.equal(mapping.truncate(w, 1.0), w)
    assert torch.allclose(mapping.truncate(w, 0.0), torch.full((2, 10), 2.0))
    w_plus = w[:, None].repeat(1, 6, 1)
    cut = mapping.truncate(w_plus, 0.5, num_ws=2)
    assert torch.allclose(cut[:, :2], 0.5 * w_plus[:, :2] + 1.0) and torch.equal(cut[:, 2:], w_plus[:, 2:])


def test_mixing_takes_coarse_then_fine() -> None:
    generator = tiny(16)
    a, b = torch.randn(1, 10), torch.randn(1, 10)
    mixed = generator.mix(a, b, 4)
    assert torch.equal(mixed[0, :4], a.expand(4, -1)) and torch.equal(mixed[0, 4:], b.expand(2, -1))


@torch.no_grad()
def test_noise_is_fixed_random_or_none() -> None:
    synthesis, w = tiny(16).synthesis, torch.randn(1, 10)
    fixed, none = synthesis(w), synthesis(w, "none")
    assert torch.equal(fixed, synthesis(w, "fixed")) and not torch.equal(fixed, none)
    assert not torch.equal(synthesis(w, "random"), synthesis(w, "random"))
    zeros = [torch.zeros(1, 1, layer.size, layer.size) for layer in synthesis.layers]
    assert torch.allclose(synthesis(w, zeros), none, atol=1e-6)
    with pytest.raises(ValueRangeError, match="fixed, random or none"):
        synthesis(w, "some")  # type: ignore[arg-type]


@torch.no_grad()
def test_a_changed_weight_is_noticed() -> None:
    """The kept squares of a weight must not outlive it."""
    layer = tiny(16).synthesis.layers[1]
    style = torch.randn(1, layer.weight.shape[1])
    before = layer.demodulation(style)
    layer.weight.mul_(2.0)
    assert torch.allclose(layer.demodulation(style), before / 2)


@torch.no_grad()
def test_bfloat16_is_near() -> None:
    generator, w = tiny(32), torch.randn(2, 10)
    exact = generator.synthesis(w)
    half = generator.to(torch.bfloat16).synthesis(w.to(torch.bfloat16))
    assert half.dtype == torch.bfloat16
    assert (half.float() - exact).abs().mean() < 0.05 * exact.std()


# --- discriminator ----------------------------------------------------------------------------------------------------


def test_minibatch_deviation_by_hand() -> None:
    x = torch.zeros(4, 1, 1, 1)
    x[:, 0, 0, 0] = torch.tensor([0.0, 10.0, 2.0, 10.0])
    assert torch.allclose(minibatch_deviation(x, group=2).flatten(), torch.tensor([1.0, 1e-4, 1.0, 1e-4]), atol=1e-5)


def test_the_discriminator_equals_its_equations_at_8_pixels() -> None:
    torch.manual_seed(0)
    net = Discriminator(8, channel_base=32, channel_max=4).double()
    for parameter in net.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    pictures = torch.randn(1, 3, 8, 8, dtype=torch.float64)

    def lrelu(x: np.ndarray) -> np.ndarray:
        return np.sqrt(2) * np.where(x > 0, x, 0.2 * x)

    def conv(module: torch.nn.Module, x: np.ndarray, how: str, step: int = 1) -> np.ndarray:
        weight = module.weight.detach().numpy() * module.scale
        maps = [sum(convolve2d(c, k[::-1, ::-1], mode=how) for c, k in zip(x, ks, strict=True))[::step, ::step] for ks in weight]
        bias = 0.0 if module.bias is None else module.bias.detach().numpy()[:, None, None]
        return np.stack(maps) + bias

    def smooth(x: np.ndarray, pad: int) -> np.ndarray:
        return np.stack([convolve2d(np.pad(c, pad), FIR, mode="valid") for c in x])

    (block,) = net.blocks
    x = lrelu(conv(net.from_rgb, pictures[0].numpy(), "same"))
    inner = lrelu(conv(block.conv2, smooth(lrelu(conv(block.conv1, x, "same")), 2), "valid", 2))
    x = (inner + conv(block.skip, smooth(x, 1), "valid", 2)) / np.sqrt(2)
    x = lrelu(conv(net.last_conv, np.concatenate([x, np.full((1, 4, 4), 1e-4)]), "same")).ravel()
    for linear, active in ((net.hidden, True), (net.score, False)):
        x = linear.weight.detach().numpy() @ x / np.sqrt(len(x)) + linear.bias.detach().numpy()
        x = lrelu(x) if active else x
    assert np.abs(net(pictures).detach().numpy() - x).max() < 1e-8


def test_half_precision_gives_nearly_the_same_picture() -> None:
    """Features of float16, as on a GPU: the shape, the type and nearly the values of float32."""
    torch.manual_seed(0)
    synthesis = Generator(64, 16, 16, 2, channel_base=512, channel_max=32).eval().requires_grad_(False).synthesis
    for layer in synthesis.layers:
        layer.noise_strength.fill_(0.1)
        layer.weight.mul_(30)  # as large as sums in float16 could not be
    w = 3 * torch.randn(2, 16)
    with torch.no_grad():
        whole = synthesis(w)
        synthesis.half_precision = True
        halved = synthesis(w)
    assert halved.dtype == torch.float32 and halved.shape == (2, 3, 64, 64) and bool(torch.isfinite(halved).all())
    assert 0 < float((halved - whole).abs().max()) < 0.02 * float(whole.abs().max())
    with torch.enable_grad():
        assert torch.allclose(synthesis(w), whole, atol=1e-4), "a search wants gradients, in float32"


def test_what_float16_cannot_hold_is_cut() -> None:
    synthesis = Generator(32, 8, 8, 0, channel_base=128, channel_max=8).eval().requires_grad_(False).synthesis
    synthesis.half_precision = True
    synthesis.layers[1].bias.fill_(1e6)
    with torch.no_grad():
        assert bool(torch.isfinite(synthesis(torch.randn(1, 8))).all())
