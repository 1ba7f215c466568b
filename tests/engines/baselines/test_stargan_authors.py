"""Checkpoints in the layout of StarGAN's authors: the same pictures as from the same network written in their way."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from bright_mouth import reading
from torch import Tensor, nn

from mimica.animation import prepare, render_frame
from mimica.engines.base import Face, load_engine
from mimica.engines.baselines.authors import CELEBA, load_checkpoint
from mimica.errors import ValueRangeError, WeightsError
from mimica.facs import SIDED_AU_NAMES, emotion_controls


def norm(width: int) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(width, affine=True, track_running_stats=True)


class TheirBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        convs = [nn.Conv2d(width, width, 3, 1, 1, bias=False) for _ in range(2)]
        self.main = nn.Sequential(convs[0], norm(width), nn.ReLU(), convs[1], norm(width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.main(x)


class Theirs(nn.Module):
    """Only `main`, as in their files."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)


def their_generator(labels: int, width: int = 4, blocks: int = 2) -> Theirs:
    w = width
    layers: list[nn.Module] = [nn.Conv2d(3 + labels, w, 7, 1, 3, bias=False), norm(w), nn.ReLU()]
    for n in (1, 2):
        layers += [nn.Conv2d(w * n, 2 * w * n, 4, 2, 1, bias=False), norm(2 * w * n), nn.ReLU()]
    layers += [TheirBlock(4 * w) for _ in range(blocks)]
    for n in (2, 1):
        layers += [nn.ConvTranspose2d(2 * w * n, w * n, 4, 2, 1, bias=False), norm(w * n), nn.ReLU()]
    network = Theirs(*layers, nn.Conv2d(w, 3, 7, 1, 3, bias=False), nn.Tanh())
    for name, parameter in network.named_parameters():
        nn.init.normal_(parameter, 1.0 if re.search(r"\.[14]\.weight$", name) and parameter.ndim == 1 else 0.0, 0.1)
    return network


def their_discriminator(labels: int, width: int = 2) -> Theirs:
    layers, inputs = [], 3
    for i in range(6):
        layers += [nn.Conv2d(inputs, width * 2**i, 4, 2, 1), nn.LeakyReLU(0.01)]
        inputs = width * 2**i
    network = Theirs(*layers)
    network.conv1 = nn.Conv2d(inputs, 1, 3, 1, 1, bias=False)
    network.conv2 = nn.Conv2d(inputs, labels, 2, bias=False)
    return network


def face_of(picture: np.ndarray, controls: dict[str, float]) -> Face:
    return Face(picture, np.zeros((68, 2), np.float32), controls)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)


@pytest.mark.parametrize(("labels", "place"), [(8, 0), (15, 5)])
def test_emotions_are_painted_as_by_their_network(tmp_path: Path, picture: np.ndarray, labels: int, place: int) -> None:
    torch.manual_seed(0)
    theirs = their_generator(labels)
    torch.save({f"module.{k}": v for k, v in theirs.state_dict().items()}, tmp_path / "200000-G.ckpt")
    engine = load_engine("stargan", tmp_path / "200000-G.ckpt")
    face = face_of(picture, dict.fromkeys(SIDED_AU_NAMES, 0.0))
    ours = engine.render(engine.encode(face), emotion_controls("happiness")).image
    label = torch.zeros(1, labels)
    label[0, place + 4] = 1  # angry, contemptuous, disgusted, fearful, happy
    if labels == 15:
        label[0, 14] = 1
    image = torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1
    made = theirs.main(torch.cat([image, label[:, :, None, None].expand(-1, -1, 128, 128)], 1))
    expected = ((made[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).detach().numpy()
    assert np.abs(ours - expected).max() <= 1


def test_attributes_are_changed_from_what_the_critic_sees(tmp_path: Path, astronaut: np.ndarray) -> None:
    torch.manual_seed(0)
    theirs, judge = their_generator(5), their_discriminator(5)
    torch.save(theirs.state_dict(), tmp_path / "9-G.ckpt")
    with pytest.raises(WeightsError, match=r"put 9-D\.ckpt beside it"):
        load_engine("stargan", tmp_path / "9-G.ckpt")
    torch.save(judge.state_dict(), tmp_path / "9-D.ckpt")
    engine = load_engine("stargan", tmp_path / "9-G.ckpt")
    assert engine.controls == CELEBA and engine.image_size == 128
    prepared = prepare(astronaut, [reading()], engine)
    assert np.array_equal(render_frame(prepared, [{}]), astronaut)
    blond, black, half = (render_frame(prepared, [d]) for d in ({"blond_hair": 1}, {"black_hair": 1}, {"blond_hair": 0.5}))
    assert (blond != black).any() and (blond != half).any() and (half != astronaut).any()
    with pytest.raises(ValueRangeError, match="hat"):
        engine.render(prepared.faces[0].state, {"hat": 1.0})


def test_other_files_are_refused(tmp_path: Path) -> None:
    network = their_generator(4)
    torch.save(network.state_dict(), tmp_path / "four-G.ckpt")
    with pytest.raises(WeightsError, match="has 4 labels"):
        load_checkpoint(tmp_path / "four-G.ckpt")
    state = network.state_dict()
    torch.save({**state, "main.99.weight": state["main.0.weight"]}, tmp_path / "more-G.ckpt")
    with pytest.raises(WeightsError, match=r"main\.99\.weight"):
        load_checkpoint(tmp_path / "more-G.ckpt")
    torch.save({"a": torch.zeros(2)}, tmp_path / "none-G.ckpt")
    with pytest.raises(WeightsError, match="authors' layout"):
        load_checkpoint(tmp_path / "none-G.ckpt")
    torch.save(network, tmp_path / "object-G.ckpt")
    with pytest.raises(WeightsError):
        load_checkpoint(tmp_path / "object-G.ckpt")
