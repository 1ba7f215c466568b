"""`mimica evaluate generator`: the distances by hand and by draws, the sets told apart, the sheets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mimica.cli import app
from mimica.data.dataset import DatasetWriter, is_validation
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND, CascadeGenerator
from mimica.engines.stylegan.model import load_model
from mimica.errors import DataError
from mimica.evaluate import generator as measured
from mimica.evaluate.drawing import photos_of
from mimica.metrics import frechet_distance, kernel_distance
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights
from mimica.pictures.images import read_photo

RNG = np.random.default_rng(0)


def test_the_frechet_distance_of_gaussians_is_the_formula() -> None:
    a = RNG.normal(size=(4000, 3)) * (1, 2, 3)
    b = RNG.normal(size=(5000, 3)) * (2, 2, 1) + (1, 0, -2)
    wanted = 5 + (1 - 2) ** 2 + 0 + (3 - 1) ** 2  # |m|^2 + sum of (s1 - s2)^2 of independent axes
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=0.05)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    few, many = a[:3], b[:4]
    assert frechet_distance(np.hstack([few, few]), np.hstack([many, many])) == pytest.approx(2 * frechet_distance(few, many))


def test_the_kernel_distance_is_nothing_for_one_distribution_and_rises_with_the_shift() -> None:
    x, y = RNG.normal(size=(2, 400, 16))
    near, far, further = (kernel_distance(x, y + shift) for shift in (0, 0.5, 1))
    assert abs(near) < 0.02 < far < further
    two, three = np.array([[1.0], [2.0]]), np.array([[0.0], [1.0], [1.0]])
    inside = 27 + (1 + 1 + 8) * 2 / 6  # (1 * 2 + 1)^3, and 0.1, 0.1, 1.1 twice over 3 * 2
    assert kernel_distance(two, three) == pytest.approx(inside - 2 * (1 + 8 + 8 + 1 + 27 + 27) / 6)


def test_the_robust_space_is_ruled_by_no_outlier() -> None:
    reference = RNG.normal(size=(300, 60))
    space = measured.Space(reference)
    odd = RNG.normal(size=(100, 60))
    plain = frechet_distance(space.components(space.levels(odd)), space.reference)
    odd[0, 0] = 1e4
    assert frechet_distance(space.components(space.levels(odd)), space.reference) < plain + 5
    assert space.reference.shape == (300, measured.COMPONENTS)


def features(pictures: torch.Tensor) -> torch.Tensor:
    """Means of 8 x 8 squares in place of a network."""
    return torch.nn.functional.adaptive_avg_pool2d(pictures, 8).flatten(1)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    made = CascadeGenerator(64, 32, 8, (8, 8, 8, 8, 8), 8, 8, 16, 16, 12, 4)
    path = tmp_path_factory.mktemp("generator") / "generator.safetensors"
    save_weights(path, Weights(CASCADE_KIND, 1, (), made.config, module_tensors(made), {}))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "set"
    folder.mkdir()
    with DatasetWriter(folder, "spots", 64, ("AU12",), crop="ffhq") as writer:
        for i in range(60):
            picture = RNG.integers(0, 256, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
            writer.add(picture, {"AU12": 0.5}, f"p{i}", f"p{i}")
        writer.add(picture, {"AU12": 0.5}, "copy", "p0", "happy", "p0")
    return folder


@pytest.fixture(autouse=True)
def fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "LEAST", 20)
    monkeypatch.setattr(measured, "DRAWN", 16)
    monkeypatch.setattr(measured, "WALKS", 2)
    monkeypatch.setattr(measured.Measured, "_finds", lambda self, picture: bool(picture.mean() > 1))


def test_photos_are_the_originals_of_one_part(data: Path) -> None:
    training, held_out = photos_of(data, 64, False), photos_of(data, 64, True)
    assert len(training) + len(held_out) == 60 and len(held_out) == sum(is_validation(f"p{i}") for i in range(60))
    assert photos_of(data, 32, False, 7).shape == (7, 32, 32, 3)


def test_photos_are_nearer_than_samples_and_copies_are_found(data: Path, weights: Path) -> None:
    model, training, held_out = load_model(weights), photos_of(data, 64, False), photos_of(data, 64, True)
    report = measured.evaluate(model, training, held_out, features, count=20, others={"the same": model})
    rows = report.rows
    assert rows["samples"]["frechet"] > 1.2 * rows["training photos, the other half"]["frechet"]
    assert rows["samples"]["kid"] > rows["held-out photos"]["kid"]
    assert rows["held-out photos"]["nearest"] == pytest.approx(1) and "nearest" not in rows["training photos, the other half"]
    assert rows["true faces through the top"]["nearest"] < 0.6, "these are photos that it was trained on, mirrored or not"
    assert rows["true faces of 64 px, cubic"]["sharpness"] == pytest.approx(1, abs=0.2)
    assert report.counts["samples"] == 20 and report.counts["the same"] == 16 and all(row["faces"] == 1 for row in rows.values())
    assert set(report.walks) == {f"{what} in {where}" for what in ("straight", "even") for where in ("w", "z")}
    assert all(0 < value <= 1.0001 for value in report.walks.values())
    assert len(report.neighbours) == 16 and max(max(pair) for pair in report.neighbours) < len(training)


def test_the_nearest_photo_is_found_mirrored_too() -> None:
    photos = RNG.integers(0, 256, (5, 32, 32, 3)).astype(np.float32)
    distances, places = measured._nearest([photos[3], photos[1][:, ::-1] + 2], photos)
    assert places.tolist() == [3, 1] and distances == pytest.approx([0, 2])


def test_too_few_photos_are_refused(data: Path, weights: Path) -> None:
    with pytest.raises(DataError, match="needed"):
        measured.evaluate(load_model(weights), photos_of(data, 64, False, 9), photos_of(data, 64, True), features)


def test_the_command_prints_and_writes_sheets(data: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimica.reader.frozen.load_inception", lambda path: features)
    words = ["evaluate", "generator", "--data", data, "--features", "x", "--weights", weights, "--count", "16", "--photos", "40"]
    done = CliRunner().invoke(app, [str(word) for word in [*words, "--against", weights, "-o", tmp_path / "out", "--json"]])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert "generator.safetensors, enlarged" in told["sets"] and told["counts"]["samples"] == 16
    assert told["counts"]["training photos, the other half"] == 20
    assert read_photo(tmp_path / "out" / "seeds.png").rgb.shape[1] > 8 * 64
    assert read_photo(tmp_path / "out" / "nearest_training_photos.png").rgb.shape[1] > 6 * 64
    table = CliRunner().invoke(app, [str(word) for word in [*words, "-o", tmp_path / "again"]])
    assert "| samples | 16 |" in table.stdout and "Walks:" in table.stdout
