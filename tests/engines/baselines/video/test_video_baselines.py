"""VGAN, TGAN and MoCoGAN: parameters by hand, the clipping of singular values, training, resuming, new clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mimica.cli.train import find_task
from mimica.config import choose
from mimica.data.dataset import is_validation
from mimica.engines.baselines.video.clips import open_clips
from mimica.engines.baselines.video.generate import write_clips
from mimica.engines.baselines.video.networks import (
    ClipDiscriminator,
    ContentAndMotion,
    TemporalGenerator,
    TwoStreams,
    clip_singular_values,
)
from mimica.engines.baselines.video.sizes import FRAMES, SIDE
from mimica.errors import DataError, WeightsError
from mimica.pictures.images import read_photo
from mimica.training.loop import Trainer

METHODS = ("vgan", "tgan", "mocogan")


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def write_set(folder: Path, number: int = 12) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    np.save(folder / "clips.npy", random.integers(0, 256, (number, FRAMES, SIDE, SIDE, 3), np.uint8))
    clips = [{"subject": f"person {i}", "emotion": ("anger", "happiness")[i % 2]} for i in range(number)]
    (folder / "clips.json").write_text(json.dumps({"version": 1, "title": "noise", "clips": clips}))
    return folder


def task_of(name: str, *words: str) -> tuple[Any, Any]:
    kind, preset = find_task(name, "smoke")
    return kind, choose(kind.options_type, kind.presets, preset, ["accelerator=cpu", "sample_every=0", *words])


def test_parameters_by_hand() -> None:
    """64 channels: 512, 256, 128, 64, kernels of 4; batch norms have two numbers a channel."""
    deconvs = 64 * (512 * 256 + 256 * 128 + 128 * 64) + 2 * (256 + 128 + 64)
    back = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 3 + 2 * (512 + 256 + 128 + 64)
    seed, heads = 100 * 512 * 16 + 2 * 512, (64 * 64 * 3 + 3) + (64 * 64 + 1)
    assert count(TwoStreams()) == seed + deconvs + heads + back
    trunk = 64 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 64 + 2 * (128 + 256 + 512)
    assert count(ClipDiscriminator()) == trunk + 512 * 16 + 1
    times = 100 * 512 + 4 * (512 * 256 + 256 * 128 + 128 * 128 + 128 * 100) + 100 + 2 * (512 + 256 + 128 + 128)
    image = 16 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 3 + 2 * (256 + 128 + 64)
    assert count(TemporalGenerator()) == times + 2 * 100 * 4096 + 2 * 512 + image
    gru = 2 * (3 * 10 * 10 + 3 * 10)
    of_picture = 16 * (66 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 3 + 2 * (512 + 256 + 128 + 64)
    assert count(ContentAndMotion(6)) == gru + of_picture


def test_shapes_and_the_mask_chooses_between_the_streams() -> None:
    z = torch.randn(2, 8)
    clip, mask = TwoStreams(8, 2)(z)
    assert clip.shape == (2, 3, FRAMES, SIDE, SIDE) and mask.shape == (2, 1, FRAMES, SIDE, SIDE)
    network = TwoStreams(8, 2)
    nn.init.zeros_(network.mask.weight)
    nn.init.constant_(network.mask.bias, -50.0)
    still = network(z)[0]
    assert torch.allclose(still[:, :, 0], still[:, :, -1]), "where the mask is 0, the picture behind stands still"
    assert TemporalGenerator(8, 2)(z).shape == clip.shape
    moving = ContentAndMotion(2, 5, 3, 2)(torch.randn(2, 5), torch.randn(2, 3), torch.randn(2, FRAMES, 3), torch.eye(2))
    assert moving.shape == clip.shape and not torch.allclose(moving[:, :, 0], moving[:, :, -1])
    assert ClipDiscriminator(2, 6)(clip).shape == (2, 7)


def test_singular_values_are_clipped_and_small_ones_left() -> None:
    layer = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))
    clip_singular_values(layer)
    assert torch.allclose(layer.weight, torch.tensor([[1.0, 0.0], [0.0, 0.5]]), atol=1e-6)
    critic = nn.Sequential(nn.Conv3d(3, 4, 4), nn.BatchNorm3d(4))
    with torch.no_grad():
        critic[0].weight.mul_(50)
        critic[1].running_var.fill_(0.25)  # type: ignore[union-attr, operator]
        critic[1].weight.fill_(2.0)  # type: ignore[operator]
    clip_singular_values(critic)
    assert torch.linalg.matrix_norm(critic[0].weight.flatten(1), 2) < 1.001  # type: ignore[operator]
    assert torch.allclose(critic[1].weight, torch.full((4,), 0.5), atol=1e-4)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", METHODS)
def test_smoke_trains_resumes_and_makes_clips(name: str, tmp_path: Path) -> None:
    data = write_set(tmp_path / "data")
    kind, options = task_of(name, "steps=4", "sample_every=4")
    whole = Trainer(kind(options, data), tmp_path / "whole", say=lambda _: None)
    whole.run()
    half = Trainer(kind(options, data), tmp_path / "parts", say=lambda _: None)
    half._should_stop = lambda: half.step == 2  # type: ignore[method-assign]
    half.run()
    resumed = Trainer(kind(options, data), tmp_path / "parts", say=lambda _: None)
    resumed.run()
    assert resumed.step == 4
    for module, other in zip(whole.parts.modules.values(), resumed.parts.modules.values(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(module.state_dict().values(), other.state_dict().values(), strict=True))
    assert list((tmp_path / "whole" / "samples").glob("*.jpg"))
    write_clips(tmp_path / "whole" / "weights" / "generator.safetensors", tmp_path / "clips", count=3)
    assert sorted(path.name for path in (tmp_path / "clips").iterdir()) == ["0000", "0001", "0002"]
    pictures = [read_photo(path).rgb for path in sorted((tmp_path / "clips" / "0002").iterdir())]
    assert len(pictures) == FRAMES and pictures[0].shape == (SIDE, SIDE, 3)


def test_held_out_people_are_not_trained_on(tmp_path: Path) -> None:
    kind, options = task_of("mocogan")
    source = kind(options, write_set(tmp_path / "data", 40)).source()
    assert 0 < len(source) < 40
    assert not any(is_validation(source.clips.subjects[i]) for i in source.items)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mimica prepare clips"):
        open_clips(tmp_path)
    with pytest.raises(WeightsError):
        write_clips(tmp_path / "none.safetensors", tmp_path / "out")
    data = write_set(tmp_path / "data")
    np.save(data / "clips.npy", np.zeros((12, 8, 32, 32, 3), np.uint8))
    with pytest.raises(DataError, match="16 frames of 64 x 64"):
        open_clips(data)
