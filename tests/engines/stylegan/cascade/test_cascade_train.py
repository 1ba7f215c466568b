"""The training of the embedded generator: its stages, resuming, starting from other weights, one generator of two runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from tiny import people, write_faces
from typer.testing import CliRunner

from mimica.cli.export import app as export_app
from mimica.config import choose
from mimica.data.dataset import DatasetWriter, open_datasets
from mimica.engines.stylegan.cascade.body import feature_window
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND
from mimica.engines.stylegan.cascade.options import CascadeOptions, plan, stage_at
from mimica.engines.stylegan.cascade.train import Cascade
from mimica.engines.stylegan.directions import Direction, load_directions, save_directions
from mimica.engines.stylegan.encoder import ENCODER_KIND
from mimica.engines.stylegan.model import fingerprint, load_model
from mimica.errors import DataError, UserError, ValueRangeError, WeightsError
from mimica.model_files.checkpoint import load_weights, module_tensors
from mimica.training.batches import Draw
from mimica.training.loop import Trainer
from mimica.training.run_folder import read_log


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("faces") / "data")


def options(*settings: str) -> CascadeOptions:
    return choose(CascadeOptions, Cascade.presets, "embedded-smoke", ["accelerator=cpu", "sample_every=0", *settings])


def train(data: Path, folder: Path, *settings: str) -> Trainer:
    torch.set_num_threads(1)
    trainer = Trainer(Cascade(options(*settings), data), folder, say=lambda line: None)
    trainer.run()
    return trainer


def weights(folder: Path) -> dict[str, np.ndarray]:
    return dict(load_weights(folder / "weights" / "generator.safetensors", CASCADE_KIND).tensors)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All stages by the command line, as users run it."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    words = [
        "train",
        "stylegan",
        "--preset",
        "embedded-smoke",
        "--data",
        str(data),
        "-o",
        str(folder),
        "--set",
        "accelerator=cpu",
    ]
    done = subprocess.run([sys.executable, "-m", "mimica", *words], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_stages_follow_one_another() -> None:
    stages = plan(options("stages=all", "critics_steps=0", "autoencoder_steps=5"))
    assert [(s.name, s.start, s.stop) for s in stages] == [
        ("autoencoder", 0, 5), ("top", 5, 9), ("top_critics", 9, 13), ("joint", 13, 17), ("encoder", 17, 21),
    ]  # fmt: skip
    assert [stage_at(stages, step).name for step in (0, 4, 5, 8, 9, 99)] == [
        "autoencoder", "autoencoder", "top", "top", "top_critics", "encoder",
    ]  # fmt: skip
    assert [s.name for s in plan(options("stages=body"))] == ["autoencoder", "critics"]
    assert [s.name for s in plan(options("stages=joint"))] == ["joint", "encoder"]
    assert [s.name for s in plan(options("stages=encoder"))] == ["encoder"]
    with pytest.raises(ValueRangeError, match="top_steps"):
        plan(options("stages=top", "top_steps=0", "top_critics_steps=0"))


def test_each_stage_has_a_rate_that_rises_and_falls(data: Path) -> None:
    task = Cascade(options("autoencoder_steps=1000", "top_critics_steps=1000", "critics_steps=0", "top_steps=0", "joint_steps=0",
                           "encoder_steps=0"), data)  # fmt: skip
    assert [task.learning_rate_factor(step) for step in (0, 24, 599, 800, 999)] == pytest.approx([0.02, 0.5, 1.0, 0.5, 0.05])
    assert task.learning_rate_factor(1500) == pytest.approx(2 / 3) and task.options.steps == 2000
    assert Cascade(options("steps=7"), data).options.steps == 7


def test_all_stages_run_and_tell_their_story(whole: Path) -> None:
    log = read_log(whole)
    assert [row["step"] for row in log] == list(range(2, 25, 2))
    assert "prior" in log[0] and "critic" not in log[0]
    assert {"critic", "heads", "fooled", "fooled_heads"} <= set(log[2]) and {"critic", "heads"} <= set(log[7])
    assert {"top_blocks", "top_critic", "pixel", "critic"} <= set(log[9]) and "changes" in log[11]
    story = (whole / "run.md").read_text(encoding="utf-8")
    for stage in ("autoencoder", "critics", "top", "top_critics", "joint", "encoder"):
        assert f": {stage}: " in story and "held-out photos" in story
    assert len(list((whole / "samples").glob("*.jpg"))) == 7
    model = load_model(whole / "weights" / "generator.safetensors")
    assert model.size == 64 and model.encoder is not None
    notes = load_weights(whole / "weights" / "generator.safetensors", CASCADE_KIND).notes
    assert "reader" in notes["features"] and notes["stage"] == "encoder"


def test_seeds_are_blends_of_codes_once_the_critics_begin(whole: Path) -> None:
    model = load_model(whole / "weights" / "generator.safetensors")
    mapping: Any = model.generator.mapping
    assert (mapping.values.abs().sum(1) > 0).sum() == 8, "half of eight people, mirrored"
    counted = 1 / mapping.attention(torch.randn(50, 16)).square().sum(1)
    assert mapping.blended == 1.75
    assert counted.min() > 1.74 and counted.max() < 2.01, "two where a picture and its mirrored copy have one code, as here"
    strengths = [float(layer.noise_strength) for layer in model.generator.synthesis.layers]
    assert all(s == 0 for s in strengths[:7]) and all(s > 0.04 for s in strengths[7:])
    kept = sorted(path.name for path in (whole / "stages").iterdir())
    assert kept == ["0000004", "0000008", "0000012", "0000016", "0000020"]  # what each stage came to
    early = load_model(whole / "stages" / "0000008" / "generator.safetensors")
    assert early.encoder is not None and float(early.generator.synthesis.layers[8].noise_strength) == 0


@pytest.mark.parametrize("cut", [2, 6, 9, 14, 17, 21])
def test_a_run_that_was_cut_goes_on_bit_for_bit(data: Path, whole: Path, tmp_path: Path, cut: int) -> None:
    train(data, tmp_path / "run", f"steps={cut}")
    train(data, tmp_path / "run")
    resumed, uncut = weights(tmp_path / "run"), weights(whole)
    assert all(np.array_equal(resumed[name], uncut[name]) for name in uncut)
    encoders = [load_weights(f / "weights" / "encoder.safetensors", ENCODER_KIND).tensors for f in (tmp_path / "run", whole)]
    assert all(np.array_equal(encoders[0][name], encoders[1][name]) for name in encoders[0])
    assert np.abs(encoders[0]["changes.weight"]).sum() > 0


def test_a_stage_moves_its_own_weights_only(data: Path, tmp_path: Path) -> None:
    body = train(data, tmp_path / "body", "stages=body", "critics_steps=0")
    synthesis: Any = body.parts.modules["generator"].synthesis
    tops = {f"synthesis.{name}" for name in synthesis.top_names()}
    assert all(p.grad is None for p in synthesis.top_parameters())
    assert all(p.grad is not None for p in synthesis.body_parameters() if p.dim() > 0)  # strengths of noise that is off
    critics = train(data, tmp_path / "critics", "stages=body", "autoencoder_steps=0", "encoder_share=0",
                    f"start={tmp_path / 'body' / 'weights'}")  # fmt: skip
    old, new = weights(tmp_path / "body"), module_tensors(critics.parts.modules["generator"])
    still = {name for name in old if name.startswith("synthesis.") and np.array_equal(old[name], new[name])}
    assert {"synthesis.base.weight", "synthesis.base.bias"} <= still and tops <= still
    assert "synthesis.layers.3.weight" not in still and "synthesis.enter.first.weight" not in still
    before, after = (
        load_weights(tmp_path / name / "weights" / "encoder.safetensors", ENCODER_KIND).tensors for name in ("body", "critics")
    )
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_body_and_top_become_one_generator(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "body", "stages=body", "critics_steps=2")
    train(data, tmp_path / "top", "stages=top", "seed=1")
    words = ["embedded", str(tmp_path / "body" / "weights"), "--top", str(tmp_path / "top" / "weights"), "-o", str(tmp_path)]
    result = CliRunner().invoke(export_app, words)
    assert result.exit_code == 0, result.output
    model = load_model(tmp_path / "stylegan.safetensors", tmp_path / "stylegan_encoder.safetensors")
    tensors, body, top = module_tensors(model.generator), weights(tmp_path / "body"), weights(tmp_path / "top")
    assert np.allclose(tensors["synthesis.layers.7.weight"], top["synthesis.layers.7.weight"], atol=1e-2)
    assert np.allclose(tensors["synthesis.layers.3.weight"], body["synthesis.layers.3.weight"], atol=1e-2)
    assert not np.allclose(top["synthesis.layers.3.weight"], body["synthesis.layers.3.weight"], atol=1e-2)
    assert np.allclose(tensors["mapping.values"], body["mapping.values"], atol=1e-2)
    stored = load_weights(tmp_path / "stylegan.safetensors", CASCADE_KIND)
    assert {t.dtype for t in stored.tensors.values()} == {np.dtype(np.float16), np.dtype(np.float32)}  # small ones stay
    assert stored.tensors["mapping.w_average"].dtype == np.float32 and stored.notes["top_stage"] == "top_critics"
    _new_top_keeps_what_belongs(tmp_path, data)
    again = Cascade(options(f"start={tmp_path / 'body' / 'weights'}", f"start_top={tmp_path / 'top' / 'weights'}"), data)
    built = module_tensors(again.build(again.options).modules["generator"])
    assert np.array_equal(built["synthesis.layers.7.weight"], top["synthesis.layers.7.weight"])
    assert np.array_equal(built["synthesis.layers.3.weight"], body["synthesis.layers.3.weight"])
    onward = Cascade(options(f"start={tmp_path}", f"start_top={tmp_path}"), data)  # from the exported files
    built = module_tensors(onward.build(onward.options).modules["generator"])
    assert np.allclose(built["synthesis.layers.7.weight"], top["synthesis.layers.7.weight"], atol=1e-2)
    train(data, tmp_path / "other", "stages=top", "top_steps=1", "top_critics_steps=0", "top_width=4")
    words[3] = str(tmp_path / "other" / "weights")
    failed = CliRunner().invoke(export_app, words)
    assert isinstance(failed.exception, WeightsError) and "top_width" in str(failed.exception)


def _new_top_keeps_what_belongs(folder: Path, data: Path) -> None:
    """Directions of a body's w are stamped for the generator that it becomes under another top; those of others are not."""
    before = fingerprint(load_weights(folder / "stylegan.safetensors", CASCADE_KIND))
    vector, places = np.eye(1, 16, dtype=np.float32), 10
    fitted = [
        Direction(name, name, vector, 1.0, 0.0, (0, 1), places, stamp) for name, stamp in (("mine", before), ("theirs", "x"))
    ]
    save_directions(folder / "directions.safetensors", fitted)
    train(data, folder / "second", "stages=top", "seed=2")
    words = ["embedded", str(folder), "--top", str(folder / "second" / "weights"), "-o", str(folder / "new")]
    (folder / "new").mkdir()
    (folder / "half").mkdir()
    shutil.copy(folder / "directions.safetensors", folder / "new")
    result = CliRunner().invoke(export_app, words)
    assert result.exit_code == 0 and "directions.safetensors" in result.output, result.output
    after = fingerprint(load_weights(folder / "new" / "stylegan.safetensors", CASCADE_KIND))
    stamps = {name: one.generator for name, one in load_directions(folder / "new" / "directions.safetensors", places).items()}
    (folder / "half" / "foreign.safetensors").write_bytes(b"no model file")
    half = CliRunner().invoke(export_app, [*words[:-1], str(folder / "half"), "--share", "0.5"])
    assert half.exit_code == 0, half.output
    mixed, first, last = (
        load_weights(folder / place / "stylegan.safetensors", CASCADE_KIND).tensors["synthesis.layers.7.weight"].astype(float)
        for place in ("half", ".", "new")
    )
    assert np.allclose(mixed, (first + last) / 2, atol=2e-3) and not np.allclose(first, last, atol=2e-3)
    alone = CliRunner().invoke(export_app, ["embedded", str(folder), "--share", "0.5", "-o", str(folder / "half")])
    assert isinstance(alone.exception, ValueRangeError) and "--top" in str(alone.exception)
    assert before != after and stamps == {"mine": after, "theirs": "x"}


def test_held_out_people_are_not_trained_on_and_photos_count_more(data: Path) -> None:
    task = Cascade(options("originals=3"), data)
    source = task.source()
    drawn = [source.faces.subjects[i] for i in source.items]
    assert set(drawn) == set(people(False, 8)) and len(source) == 8 * (3 + 1)
    assert set(task.sample_source().faces.subjects) == set(people(True, 2))
    assert task.sample_source().faces.photos == ("", "")
    assert len(Cascade(options("originals=1"), data).source()) == 16
    mirrored = task.small_pictures(32)
    assert mirrored.shape == (16, 3, 32, 32) and torch.equal(mirrored[8], mirrored[0].flip(2))


def test_a_top_may_learn_from_given_pictures(data: Path, tmp_path: Path) -> None:
    """For a restoring network of an engine's own: the small pictures come from another set, found by name."""
    faces = open_datasets([data])
    (tmp_path / "given").mkdir()
    with DatasetWriter(tmp_path / "given", "given", 32, faces.controls, crop="ffhq") as writer:
        for row in reversed(range(len(faces))):
            small = faces.images([row], 32)[0] // 2
            writer.add(small, {"AU12": 0.5}, faces.names[row], faces.subjects[row], "", faces.names[row])
    settings = ["stages=top", f"given={tmp_path / 'given'}", "top_steps=1", "top_critics_steps=2", "dirt=0"]
    task = Cascade(options(*settings), data)
    draws = [Draw(item, seed) for seed, item in enumerate((0, 3, 5, 7))]
    batch = task.source().batch(draws)
    shrunk = np.stack([cv2.resize(one, (32, 32), interpolation=cv2.INTER_AREA) for one in batch["image"]])
    assert np.abs(batch["given"].astype(int) - shrunk // 2).max() <= 1, "the same faces, mirrored alike"
    trainer = train(data, tmp_path / "run", *settings)
    assert trainer.step == 3 and not np.array_equal(
        weights(tmp_path / "run")["synthesis.layers.7.weight"],
        _trained_top(data, tmp_path / "plain", settings)["synthesis.layers.7.weight"],
    )
    with pytest.raises(ValueRangeError, match="stages=top"):
        Cascade(options(f"given={tmp_path / 'given'}"), data)
    with pytest.raises(DataError, match="are not in it"):
        Cascade(options("stages=top", f"given={data}"), data).source()


def _trained_top(data: Path, folder: Path, settings: list[str]) -> dict[str, np.ndarray]:
    """The same training without the given pictures."""
    train(data, folder, *(one for one in settings if not one.startswith("given=")))
    return weights(folder)


def test_other_sizes_are_another_training(data: Path, tmp_path: Path) -> None:
    settings: list[Any] = ["stages=top", "top_steps=1", "top_critics_steps=0"]
    train(data, tmp_path / "run", *settings)
    with pytest.raises(UserError, match="top_width"):
        train(data, tmp_path / "run", *settings, "top_width=4")
    longer = train(data, tmp_path / "run", "stages=top", "top_steps=2", "top_critics_steps=0", "learning_rate=0.001")
    assert longer.step == 2


def test_weights_of_terms_reach_the_loss(data: Path, tmp_path: Path) -> None:
    """Every weight changes what one step makes of the generator."""
    shared = ["stages=body", "autoencoder_steps=1", "critics_steps=2", "ema=0", "penalty_every=1"]

    def result(*settings: str, stages: str = "body") -> np.ndarray:
        trainer = Trainer(Cascade(options(*shared, f"stages={stages}", *settings), data), tmp_path, say=lambda line: None)
        trainer.prepare()
        for _ in range(trainer.options.steps):
            trainer._one_step(trainer.first_batch())
        synthesis: Any = trainer.parts.modules["generator"].synthesis
        return torch.cat([p.detach().flatten() for p in synthesis.parameters()]).numpy()

    usual = result()
    for setting in (
        "spread=0.3", "prior=10", "face=5", "perceptual=0", "adversarial=1", "projected=1", "gamma=50", "blended=6",
        "sampled=0.8", "encoder_share=1", "mapping_every=1", "learning_rate=0.01", "critics_learning_rate=0.01",
        "critic_learning_rate=0.1",
    ):  # fmt: skip
        assert not np.array_equal(result(setting), usual), setting
    top = ["top_steps=1", "top_critics_steps=2"]
    joint = ["joint_steps=2", "encoder_steps=0"]
    usual = result(*joint, stages="joint")
    for setting in ("perceptual=0", "adversarial=1", "projected=1", "sampled=0.8", "top_learning_rate=0.01", "encoder_share=1"):
        assert not np.array_equal(result(*joint, setting, stages="joint"), usual), setting
    usual = result(*top, stages="top")
    for setting in (
        "dirt=0",
        "noise=false",
        "perceptual=0",
        "adversarial=1",
        "projected=1",
        "gamma=50",
        "top_learning_rate=0.01",
    ):
        assert not np.array_equal(result(*top, setting, stages="top"), usual), setting


def test_options_of_the_encoders_own_stage_count(data: Path, tmp_path: Path) -> None:
    def result(*settings: str) -> np.ndarray:
        task = Cascade(options("stages=encoder", "encoder_steps=3", *settings), data)
        trainer = Trainer(task, tmp_path, say=lambda line: None)
        trainer.prepare()
        before = [p.detach().clone() for p in trainer.parts.modules["generator"].parameters()]
        for _ in range(3):
            trainer._one_step(trainer.first_batch())
        after = trainer.parts.modules["generator"].parameters()
        assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        return torch.cat([p.detach().flatten() for p in trainer.parts.modules["encoder"].parameters()]).numpy()

    usual = result()
    for setting in ("changes=100", "encoder_learning_rate=0.1"):
        assert not np.array_equal(result(setting), usual), setting


def test_windows_for_features_wander() -> None:
    torch.manual_seed(0)
    windows = [feature_window(64) for _ in range(400)]
    assert all(y >= 0 and x >= 0 and y + side <= 64 and x + side <= 64 for y, x, side in windows)
    faces = [(y, x, side) for y, x, side in windows if side < 48]
    assert 120 < len(faces) < 280 and all(y <= 0.6 * 64 < y + side and x < 24 and x + side > 40 for y, x, side in faces)
    assert {y % 2 for y, _, _ in windows} == {0, 1} and {x % 2 for _, x, _ in windows} == {0, 1}
    assert len({side for _, _, side in windows}) > 15
