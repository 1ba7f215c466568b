"""Checkpoints in both layouts, built here, against a plain expression of each network; and the engine that runs them."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mimica.engines.base import Engine, Face
from mimica.engines.ganimation.paper.authors import load_checkpoint
from mimica.engines.ganimation.paper.benchmark import PlainCritic, PlainGenerator
from mimica.engines.ganimation.paper.edit import PaperEngine, load
from mimica.engines.ganimation.paper.networks import Critic, Generator
from mimica.errors import ValueRangeError, WeightsError
from mimica.facs import AU_NAMES
from mimica.model_files.checkpoint import fill_module

WIDTH, BLOCKS = 4, 2
State = dict[str, torch.Tensor]


def randomised(network: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0.1, 0.2)
    return network


def authors_generator() -> tuple[nn.Module, State]:
    plain = randomised(PlainGenerator(17, WIDTH, BLOCKS))
    names = {"color.0": "img_reg.0", "attention.0": "attetion_reg.0"}
    state = {}
    for name, tensor in plain.state_dict().items():
        start = next((old for old in names if name.startswith(old)), None)
        state[name.replace(start, names[start]) if start else name] = tensor
    return plain, state


class Replica(nn.Module):
    """The re-implementation's generator: biases in the trunk, norms without affine."""

    def __init__(self) -> None:
        super().__init__()

        def block(kind: Any, a: int, b: int, kernel: int, stride: int, relu: bool = True) -> list[nn.Module]:
            return [kind(a, b, kernel, stride, (kernel - 1) // 2), nn.InstanceNorm2d(b), *([nn.ReLU()] if relu else [])]

        class Residual(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                inner = block(nn.Conv2d, 16, 16, 3, 1) + block(nn.Conv2d, 16, 16, 3, 1, relu=False)
                self.conv_block = nn.Sequential(*inner)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x + self.conv_block(x)

        layers = block(nn.Conv2d, 20, 4, 7, 1) + block(nn.Conv2d, 4, 8, 4, 2) + block(nn.Conv2d, 8, 16, 4, 2)
        layers += [Residual() for _ in range(BLOCKS)]
        layers += block(nn.ConvTranspose2d, 16, 8, 4, 2) + block(nn.ConvTranspose2d, 8, 4, 4, 2)
        self.model = nn.Sequential(*layers)
        self.color_top = nn.Sequential(nn.Conv2d(4, 3, 7, padding=3, bias=False), nn.Tanh())
        self.au_top = nn.Sequential(nn.Conv2d(4, 1, 7, padding=3, bias=False), nn.Sigmoid())

    def forward(self, image: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.model(torch.cat([image, values[:, :, None, None].expand(-1, -1, *image.shape[2:])], 1))
        return self.color_top(features), self.au_top(features)


def compare(path: Path, plain: nn.Module) -> None:
    weights = load_checkpoint(path)
    assert weights.kind == "ganimation-generator" and weights.controls == AU_NAMES
    assert (weights.config["width"], weights.config["blocks"]) == (WIDTH, BLOCKS)
    ours = Generator(17, WIDTH, BLOCKS)
    fill_module(ours, weights.tensors, path)
    image, values = torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 17)
    with torch.no_grad():
        for a, b in zip(ours(image, values), plain(image, values), strict=True):
            assert torch.allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_authors_generator(tmp_path: Path, zipped: bool, prefix: str) -> None:
    plain, state = authors_generator()
    path = tmp_path / "net_epoch_30_id_G.pth"
    state = OrderedDict((prefix + name, tensor) for name, tensor in state.items())
    state[prefix + "main.1.running_mean"], state[prefix + "main.1.running_var"] = torch.ones(4), torch.ones(4)
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    compare(path, plain)


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_tensors_as_torch_before_0_4_wrote_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`_rebuild_tensor` with four arguments, not `_rebuild_tensor_v2`."""

    def reduce(self: torch.Tensor, _protocol: int) -> tuple[Any, ...]:
        return torch._utils._rebuild_tensor, (
            self.storage(),
            0,
            self.shape,
            self.stride(),
        )

    plain, state = authors_generator()
    path = tmp_path / "old.pth"
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "__reduce_ex__", reduce)
        torch.save(OrderedDict(state), path, _use_new_zipfile_serialization=False)
    assert b"_rebuild_tensor\n" in path.read_bytes()
    compare(path, plain)


def test_the_re_implementations_generator(tmp_path: Path) -> None:
    plain = randomised(Replica())
    torch.save(plain.state_dict(), tmp_path / "30_net_gen.pth")
    compare(tmp_path / "30_net_gen.pth", plain)


@pytest.mark.parametrize("trunk, patches, values", [("main", "conv1", "conv2"), ("model", "dis_top", "aus_top")])
def test_both_critics(tmp_path: Path, trunk: str, patches: str, values: str) -> None:
    plain = randomised(PlainCritic(17, 64, WIDTH))
    names = {"main.": f"{trunk}.", "patches.": f"{patches}.", "values.": f"{values}."}
    state = {names[n.split(".")[0] + "."] + n.split(".", 1)[1]: t for n, t in plain.state_dict().items()}
    torch.save(state, tmp_path / "critic.pth")
    weights = load_checkpoint(tmp_path / "critic.pth")
    assert weights.config == {"image_size": 64, "width": WIDTH} and weights.kind == "ganimation-critic"
    ours = Critic(17, 64, WIDTH)
    fill_module(ours, weights.tensors, "critic.pth")
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    for a, b in zip(ours(image), plain(image), strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)
    with pytest.raises(WeightsError, match="is a critic"):
        load(tmp_path / "critic.pth")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code has run",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.pth"
    with pytest.raises(WeightsError, match="no model file"):
        load_checkpoint(path)
    for content, words in [
        ({"a": Evil()}, "nothing in it was run"),
        ({"epoch": 3}, "no state dict"),
        ({"fc.weight": torch.zeros(2)}, "no GANimation checkpoint"),
        (authors_generator()[1] | {"extra.weight": torch.zeros(1)}, "extra.weight"),
        ({n: t for n, t in authors_generator()[1].items() if not n.startswith("main.0")}, "5 convolutions"),
    ]:
        torch.save(content, path)
        with pytest.raises(WeightsError, match=words):
            load_checkpoint(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(WeightsError, match="nothing in it was run"):
        load_checkpoint(path)
    path.write_bytes(b"not a model")
    with pytest.raises(WeightsError):
        load_checkpoint(path)
    assert "code has run" not in capsys.readouterr().out


def engine(tmp_path: Path) -> PaperEngine:
    torch.save(authors_generator()[1], tmp_path / "G.pth")
    return load(tmp_path / "G.pth")


def test_the_engine_renders_what_the_network_says(tmp_path: Path) -> None:
    one = engine(tmp_path)
    assert isinstance(one, Engine) and one.image_size == 128 and one.crop == "tight"
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    face = Face(image, np.zeros((68, 2), np.float32), dict.fromkeys(AU_NAMES, 0.2))
    state = one.encode(face)
    same = one.render(state, {})
    assert np.array_equal(same.image, image) and same.mask.max() == 0
    shown = one.render(state, {"AU12": 1.0}, layers=True)
    values = torch.full((1, 17), 0.2)
    values[0, AU_NAMES.index("AU12")] = 1.0
    x = torch.from_numpy(image).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        color, attention = authors_generator()[0](x, values)
    expected = ((1 - attention) * color + attention * x)[0].permute(1, 2, 0).numpy() * 127.5 + 127.5
    assert np.abs(shown.image - expected).max() < 0.6
    assert np.allclose(shown.layers["attention"], attention[0, 0], atol=1e-4)
    assert shown.mask[0].max() == 0 and shown.mask[64, 64] == pytest.approx(
        min(1, 10 * (1 - attention[0, 0, 64, 64].item())), abs=1e-4
    )
    half = one.render(state, {"AU12": 0.225})
    assert half.mask[64, 64] == pytest.approx(0.5 * min(1, 10 * (1 - half_attention(one, state, 0.225))), abs=1e-3)
    with pytest.raises(ValueRangeError, match="no control 'AU12L'"):
        one.render(state, {"AU12L": 1.0})


def half_attention(one: PaperEngine, state: Any, smile: float) -> float:
    values = torch.full((1, 17), 0.2)
    values[0, AU_NAMES.index("AU12")] = smile
    with torch.no_grad():
        return float(one.generator(state.image, values)[1][0, 0, 64, 64])
