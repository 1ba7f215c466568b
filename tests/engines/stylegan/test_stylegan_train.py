"""The paper's training runs, resumes and starts from other weights; the encoder; the data source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mimica.config import choose
from mimica.data.dataset import DatasetWriter, open_datasets
from mimica.engines.stylegan.encoder import Encoder
from mimica.engines.stylegan.networks import Generator
from mimica.engines.stylegan.pictures import PictureSource
from mimica.engines.stylegan.train import Stylegan, StyleganOptions, lazy_adam
from mimica.model_files.checkpoint import fill_module, load_weights, module_tensors
from mimica.training.batches import Draw
from mimica.training.loop import Trainer
from mimica.training.run_folder import read_log


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with DatasetWriter(folder, "spots", 64, ("AU12",), crop="ffhq") as writer:
        for i in range(16):
            picture = np.full((64, 64, 3), 30 + 10 * i, np.uint8)
            picture[16:48, 16:48] = (200, 12 * i, 60)
            writer.add(picture, {"AU12": 0.5}, f"{i}", f"{i}")
    return folder


def run(task: type[Any], options: Any, data: Path, folder: Path) -> list[dict[str, float]]:
    Trainer(task(options, data), folder, say=lambda line: None).run()
    return read_log(folder)


def test_the_encoder_takes_any_size_and_keeps_moments() -> None:
    torch.manual_seed(0)
    encoder = Encoder(10, 4, width=2, hidden=6)
    assert encoder.w_plus(torch.randn(2, 3, 128, 128)).shape == (2, 10, 4)
    w = torch.randn(4000, 4) @ torch.diag(torch.tensor([1.0, 2.0, 0.5, 1.0])) + 3.0
    for part in w.split(20):
        encoder.update_moments(part, 0.95)
    assert torch.allclose(encoder.w_mean, torch.full((4,), 3.0), atol=0.3)
    assert torch.allclose(encoder.w_covariance.diag(), torch.tensor([1.0, 4.0, 0.25, 1.0]), rtol=0.3)


def test_pictures_are_mirrored_by_their_draw(data: Path) -> None:
    faces = open_datasets([data])
    source = PictureSource(faces, 32)
    made = [source.batch([Draw(3, seed)])["image"][0] for seed in range(8)]
    plain = faces.images([3], 32)[0]
    assert made[0].shape == (32, 32, 3)
    assert all(np.array_equal(image, plain) or np.array_equal(image, plain[:, ::-1]) for image in made)


def paper_options(*settings: str) -> StyleganOptions:
    return choose(StyleganOptions, Stylegan.presets, "smoke", ["accelerator=cpu", "channels_last=no", *settings])


def test_the_papers_training_runs_and_resumes_bit_for_bit(tmp_path: Path, data: Path) -> None:
    settings = ("image_size=16", "path_every=2", "penalty_every=2", "ada_every=1", "log_every=1", "sample_every=0")
    run(Stylegan, paper_options("steps=3", *settings), data, tmp_path / "a")
    run(Stylegan, paper_options("steps=5", *settings), data, tmp_path / "a")
    log = run(Stylegan, paper_options("steps=5", *settings), data, tmp_path / "b")
    a, b = (load_weights(tmp_path / name / "weights" / "generator.safetensors", "stylegan2-generator") for name in "ab")
    assert all(np.array_equal(a.tensors[name], b.tensors[name]) for name in a.tensors)
    assert {"generator", "discriminator", "r1", "path_length", "r_t", "ada"} <= {name for row in log for name in row}
    generator = Generator(**a.config)
    fill_module(generator, a.tensors, "a")
    assert generator.mapping.w_average.abs().sum() > 0


def test_a_training_starts_from_other_weights(tmp_path: Path, data: Path) -> None:
    settings = ("image_size=16", "sample_every=0")
    run(Stylegan, paper_options("steps=1", *settings), data, tmp_path / "a")
    start = tmp_path / "a" / "weights"
    task = Stylegan(replace(paper_options(*settings), start=start), data)
    saved = load_weights(start / "generator.safetensors", "stylegan2-generator").tensors
    built = module_tensors(task.build(task.options).modules["generator"])
    assert all(np.array_equal(built[name], saved[name]) for name in saved)


def test_lazy_regularisation_slows_adam() -> None:
    optimiser = lazy_adam(torch.nn.Linear(2, 2), 0.002, every=4)
    assert optimiser.defaults["lr"] == pytest.approx(0.0016)
    assert optimiser.defaults["betas"] == pytest.approx((0.0, 0.99**0.8))


def test_w_starts_as_principal_components() -> None:
    torch.manual_seed(0)
    hidden, mixing = torch.randn(200, 3), torch.randn(3, 3 * 32 * 32)
    pictures = (0.1 * hidden @ mixing + 0.2).unflatten(1, (3, 32, 32))
    encoder = Encoder(4, 6, width=2, hidden=6)
    encoder.start_with_components(pictures, deviation=0.5)
    w, changes = encoder(pictures)
    assert w.mean(0)[:3].abs().max() < 1e-3 and changes.abs().max() == 0
    covariance = torch.cov(w.t())
    assert torch.allclose(covariance[:3, :3], 0.25 * torch.eye(3), atol=0.01)  # as many components as there are causes
    encoder.start_with_components(pictures, deviation=0.5, power=1.0)
    spread = encoder(pictures)[0][:, :3].std(0)
    lengths = torch.linalg.svdvals((pictures - pictures.mean(0)).flatten(1))[:3]
    assert torch.allclose(spread / spread[0], lengths / lengths[0], atol=0.01)  # as far apart as in the pictures
    recovered = torch.linalg.lstsq(w[:, :3], hidden - hidden.mean(0)).solution
    assert torch.allclose(w[:, :3] @ recovered, hidden - hidden.mean(0), atol=1e-2)
