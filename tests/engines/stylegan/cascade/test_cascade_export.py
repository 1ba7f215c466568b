"""`mimica export embedded`: seeds fitted anew, and what lies between a training's start and its end."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import write_faces
from typer.testing import CliRunner

from mimica.cli.export import app as export_app
from mimica.config import choose
from mimica.engines.stylegan.cascade.assemble import EXPORTED
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND
from mimica.engines.stylegan.cascade.options import CascadeOptions
from mimica.engines.stylegan.cascade.train import Cascade
from mimica.engines.stylegan.encoder import ENCODER_KIND
from mimica.engines.stylegan.model import load_model, seed_w
from mimica.errors import ValueRangeError, WeightsError
from mimica.model_files.checkpoint import load_weights, save_weights
from mimica.training.loop import Trainer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("faces") / "data")


def train(data: Path, folder: Path, *settings: str) -> Path:
    """The weights of a few steps of the body."""
    torch.set_num_threads(1)
    how = ["accelerator=cpu", "sample_every=0", "stages=body", *settings]
    task = Cascade(choose(CascadeOptions, Cascade.presets, "embedded-smoke", how), data)
    Trainer(task, folder, say=lambda line: None).run()
    return folder / "weights"


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(data, tmp_path_factory.mktemp("run") / "run")


def test_export_fits_the_seeds_anew(data: Path, run: Path, tmp_path: Path) -> None:
    photos = write_faces(tmp_path / "photos")
    words = ["embedded", str(run), "--codes", str(photos), "-o", str(tmp_path)]
    result = CliRunner().invoke(export_app, words)
    assert result.exit_code == 0, result.output
    given, made = load_model(run / "generator.safetensors"), load_model(tmp_path / "stylegan.safetensors")
    assert made.generator.config["codes"] == 1024 and made.generator.config["blended"] == 1.75
    w = seed_w(made, [1, 2, 3])
    assert not torch.allclose(w, seed_w(given, [1, 2, 3]), atol=1e-2)
    drawn, before = made.generator.synthesis(w), given.generator.synthesis(w)
    assert torch.allclose(drawn, before, atol=0.05), "what a w draws is the same, but for half precision"
    alone = CliRunner().invoke(export_app, ["embedded", str(run), "--features", "x", "-o", str(tmp_path)])
    assert isinstance(alone.exception, ValueRangeError) and "--codes" in str(alone.exception)


def test_export_goes_a_share_of_the_way_from_where_a_training_started(data: Path, run: Path, tmp_path: Path) -> None:
    photos, start, end = write_faces(tmp_path / "photos"), run, tmp_path / "end"
    names = {"generator": "synthesis.layers.1.weight", "encoder": "w.weight"}
    of_top = "synthesis.layers.7.weight"
    end.mkdir()
    for stem, kind in (("generator", CASCADE_KIND), ("encoder", ENCODER_KIND)):
        one = load_weights(start / f"{stem}.safetensors", kind)
        tensors = {**one.tensors, **{name: one.tensors[name] + 1 for name in (names[stem], of_top) if name in one.tensors}}
        save_weights(end / f"{stem}.safetensors", replace(one, tensors=tensors))
    words = ["embedded", str(end), "--start", str(start), "--share", "0.25", "--top", str(start), "--codes", str(photos)]
    result = CliRunner().invoke(export_app, [*words, "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    for stem, kind in (("generator", CASCADE_KIND), ("encoder", ENCODER_KIND)):
        first = load_weights(start / f"{stem}.safetensors", kind).tensors[names[stem]]
        made = load_weights(tmp_path / f"{EXPORTED[stem]}.safetensors", kind)
        assert np.allclose(made.tensors[names[stem]], first + 0.25, atol=4e-3) and made.notes["share"] == 0.25
    whole, top = (
        load_weights(path, CASCADE_KIND) for path in (tmp_path / "stylegan.safetensors", start / "generator.safetensors")
    )
    assert np.allclose(whole.tensors[of_top], top.tensors[of_top], atol=4e-3) and whole.config["codes"] == 1024
    alone = CliRunner().invoke(export_app, ["embedded", str(end), "--start", str(start), "-o", str(tmp_path)])
    assert isinstance(alone.exception, ValueRangeError) and "--codes" in str(alone.exception)
    words[1] = str(train(data, tmp_path / "other", "encoder_width=8"))
    refused = CliRunner().invoke(export_app, [*words, "-o", str(tmp_path / "none")])
    assert isinstance(refused.exception, WeightsError) and "another network" in str(refused.exception)


def test_a_start_that_lacks_a_tensor_or_has_it_in_another_shape_is_refused(data: Path, run: Path, tmp_path: Path) -> None:
    one, name = load_weights(run / "generator.safetensors", CASCADE_KIND), "synthesis.layers.1.weight"
    shutil.copy(run / "encoder.safetensors", tmp_path)
    for tensors in (
        {key: one.tensors[key] for key in one.tensors if key != name},
        {**one.tensors, name: np.zeros(1, np.float32)},
    ):
        save_weights(tmp_path / "generator.safetensors", replace(one, tensors=tensors))
        words = ["embedded", str(run), "--start", str(tmp_path), "--codes", str(data), "-o", str(tmp_path / "out")]
        refused = CliRunner().invoke(export_app, words)
        assert isinstance(refused.exception, WeightsError) and "another network" in str(refused.exception)
        assert not (tmp_path / "out").exists()
