"""The embedded generator: its equations, its layers, its parts, and that every tool can use it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import generator
from torch.nn import functional as F

from mimica.engines.stylegan.cascade.networks import CASCADE_KIND, CascadeGenerator
from mimica.engines.stylegan.export import export
from mimica.engines.stylegan.layers import StyledConv, activate, upsample
from mimica.engines.stylegan.model import load_model, seed_w
from mimica.errors import ValueRangeError
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights
from mimica.model_files.onnx_session import open_session

W = torch.randn(3, 16, generator=torch.Generator().manual_seed(5))


def test_the_shipped_size_has_stylegans_fourteen_places() -> None:
    with torch.device("meta"):
        synthesis = CascadeGenerator().synthesis
    assert synthesis.num_ws == 14 and synthesis.w_size == 512 and len(synthesis.layers) == 13 and len(synthesis.to_rgb) == 7
    assert [layer.size for layer in synthesis.layers] == [4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256]


def test_an_untrained_body_draws_the_base_enlarged_and_the_base_is_linear_in_w() -> None:
    synthesis = generator(trained=False).synthesis
    base = synthesis.base(W).unflatten(1, (3, 8, 8))
    assert torch.allclose(synthesis.small(W), upsample(upsample(base)), atol=1e-6)
    zero = synthesis.base(torch.zeros(1, 16))
    assert torch.allclose(synthesis.base(2 * W[:1] - 3 * W[1:2]) - zero, 2 * (base[:1] - zero.view(1, 3, 8, 8)).flatten(1)
                          - 3 * (base[1:2] - zero.view(1, 3, 8, 8)).flatten(1), atol=1e-5)  # fmt: skip
    assert torch.allclose(synthesis(W), upsample(synthesis.small(W)), atol=1e-6)


def test_the_body_equals_its_equations() -> None:
    synthesis = generator().double().synthesis
    w = torch.randn(2, 10, 16, dtype=torch.float64)
    net, lay, rgb = synthesis.enter, synthesis.layers, synthesis.to_rgb

    def conv(layer, x):
        return activate(F.conv2d(x, layer.weight * layer.scale, layer.bias, padding=1))

    def styled(k, x):
        return lay[k](x, lay[k].style(w[:, k]), None)

    def output(j, x):
        return rgb[j](x, rgb[j].style(w[:, 2 * j + 1]))

    base = synthesis.base(w[:, 0]).view(2, 3, 8, 8)
    e8 = conv(net.convs[1], conv(net.first, base))
    e4 = conv(net.convs[0], F.avg_pool2d(e8, 2))
    x = styled(0, synthesis.constant + e4)
    picture = output(0, x)
    x = styled(2, (styled(1, x) + e8) / math.sqrt(2))
    picture = upsample(picture) + output(1, x) + base
    for j in (2, 3):
        x = styled(2 * j, styled(2 * j - 1, x))
        picture = upsample(picture) + output(j, x)
    assert torch.allclose(synthesis.small(w, "none"), picture, atol=1e-10)


def test_styles_w_and_w_plus_are_three_ways_to_one_picture() -> None:
    synthesis = generator().synthesis
    plus = W[:, None].expand(-1, synthesis.num_ws, -1)
    picture = synthesis(W)
    assert picture.shape == (3, 3, 64, 64)
    assert torch.equal(picture, synthesis(plus)) and torch.equal(picture, synthesis.from_styles(synthesis.styles(plus)))
    assert synthesis.styles(W)[-1].shape == (3, 3 * 8 * 8)
    with pytest.raises(ValueRangeError):
        synthesis(W[:, None].expand(-1, 11, -1))


def test_a_place_moves_its_own_styles_only() -> None:
    synthesis = generator().synthesis
    plus = synthesis.spread(W).clone()
    before = synthesis.styles(plus)
    for k in range(synthesis.num_ws):
        changed = plus.clone()
        changed[:, k] += 1
        moved = {i for i, (a, b) in enumerate(zip(before, synthesis.styles(changed), strict=True)) if not torch.equal(a, b)}
        wanted = {k} if k < 9 else set()  # nine layers, then five picture outputs, then the base
        wanted |= {9 + k // 2} if k % 2 else set()
        wanted |= {14} if k == 0 else set()
        assert moved == wanted


def test_an_up_layer_has_a_low_pass() -> None:
    torch.manual_seed(0)
    layer = StyledConv(4, 4, 16, 8, up=True)
    out = layer(torch.ones(1, 4, 8, 8), torch.ones(1, 4), None)[:, :, 3:-3, 3:-3]
    assert (out - out.mean((2, 3), keepdim=True)).abs().max() < 1e-5  # without it the four phases of a pixel differ


def test_w_does_nothing_in_a_new_top_and_the_parts_make_the_whole() -> None:
    synthesis = generator(trained=False).synthesis
    for rgb in synthesis.to_rgb:
        torch.nn.init.normal_(rgb.weight)
    small = synthesis.small(W, "none")
    assert torch.allclose(synthesis.enlarged(small), synthesis(W, "none"), atol=1e-5)
    assert synthesis.enlarged(small[:, :, :16, :16], "random").shape == (3, 3, 32, 32)
    top, body = synthesis.top_parameters(), synthesis.body_parameters()
    assert len(top) + len(body) == len(list(synthesis.parameters())) and not {id(p) for p in top} & {id(p) for p in body}
    assert len(body) - len(synthesis.body_parameters(base=False)) == 2
    names = synthesis.top_names()
    assert "top_enter.first.weight" in names and "layers.7.noise" in names and "to_rgb.4.bias" in names
    assert not {"layers.6.weight", "to_rgb.3.weight", "enter.first.weight", "constant"} & names


def test_noise_modes() -> None:
    synthesis = generator().synthesis
    assert torch.equal(synthesis(W), synthesis(W, "fixed"))
    fixed = [layer.noise[None, None] for layer in synthesis.layers]
    assert torch.equal(synthesis(W, fixed), synthesis(W)) and not torch.equal(synthesis(W, "none"), synthesis(W))
    assert not torch.equal(synthesis(W, "random"), synthesis(W, "random"))


def test_the_base_is_fitted_to_pictures() -> None:
    synthesis = generator().synthesis
    w, matrix = torch.randn(300, 16), torch.randn(16, 192)
    pictures = (w @ matrix + 0.5).view(-1, 3, 8, 8)
    synthesis.fit_base(w, pictures, ridge=1e-6)
    assert torch.allclose(synthesis.base(w), pictures.flatten(1), atol=1e-3)


# --- as the tools use it --------------------------------------------------------------------------------------------


def test_a_model_file_comes_back(tmp_path: Path) -> None:
    made = generator()
    path = tmp_path / "generator.safetensors"
    save_weights(path, Weights(CASCADE_KIND, 1, (), made.config, module_tensors(made)))
    model = load_model(path)
    assert model.size == 64 and model.num_ws == 10 and isinstance(model.generator, CascadeGenerator)
    w = seed_w(model, [1, 2], 0.7)
    assert w.shape == (2, 10, 16)
    assert torch.equal(model.generator.synthesis(w), made.synthesis(w))
    export(model, tmp_path / "g.onnx")
    drawn = open_session(tmp_path / "g.onnx", 1).run({"w_plus": w.numpy()}, (2, 64, 64, 3))[0]
    wanted = made.synthesis(w).clamp(-1, 1).add(1).mul(127.5).round().permute(0, 2, 3, 1).numpy()
    assert np.abs(drawn.astype(float) - wanted).max() <= 2  # weights of half precision
