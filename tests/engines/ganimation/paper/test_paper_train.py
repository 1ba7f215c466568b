"""The training of the paper: one step against a plain one, smoke training, resume, two processes, variants, speed."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_paper_networks import same_weights

from mimica.config import choose
from mimica.data.dataset import DatasetWriter, open_datasets
from mimica.engines.ganimation.paper.benchmark import PlainTraining, measure, synthetic_faces
from mimica.engines.ganimation.paper.edit import load
from mimica.engines.ganimation.paper.networks import GENERATOR_KIND
from mimica.engines.ganimation.paper.train import PRESETS, Ganimation, GanimationOptions, TripletSource
from mimica.errors import DataError, UserError, WeightsError
from mimica.model_files.checkpoint import load_weights
from mimica.training.batches import Draw
from mimica.training.loop import Trainer
from mimica.training.run_folder import read_log

TINY = GanimationOptions(
    steps=12, batch_size=4, image_size=64, width=4, blocks=1, accelerator="cpu", log_every=1, sample_every=0, checkpoint_minutes=0
)


def drawn_face(smile: float, brow: float, shade: int) -> np.ndarray:
    """A sketch of a face, 64 px: the mouth's corners and the brows move with the values."""
    rows, columns = np.mgrid[0:64, 0:64]
    picture = np.full((64, 64, 3), shade, np.uint8)
    mouth = 44 - smile * 10 * ((columns - 32) / 14.0) ** 2
    picture[(np.abs(rows - mouth) < 2) & (np.abs(columns - 32) < 14)] = (200, 30, 30)
    for centre in (20, 44):
        picture[(np.abs(rows - 27) < 3) & (np.abs(columns - centre) < 4)] = 20
        picture[(np.abs(rows - (20 - 8 * brow)) < 2) & (np.abs(columns - centre) < 7)] = 40
    return picture


def write_faces(folder: Path, count: int = 48) -> Path:
    folder.mkdir()
    random = np.random.default_rng(0)
    with DatasetWriter(folder, "sketches", 64, ("AU02", "AU12")) as writer:
        for i in range(count):
            brow, smile = random.random(2)
            picture = drawn_face(smile, brow, int(random.integers(120, 220)))
            writer.add(picture, {"AU02": brow, "AU12": smile}, f"{i}", f"person {i}")
    return folder


def write_pairs(folder: Path, count: int = 12) -> Path:
    """Three expressions of each photo; the last picture's photo has no other."""
    folder.mkdir()
    random = np.random.default_rng(0)
    with DatasetWriter(folder, "sketched pairs", 64, ("AU02", "AU12")) as writer:
        for i in range(3 * count + 1):
            (brow, smile), shade = random.random(2), 120 + i // 3
            writer.add(drawn_face(smile, brow, shade), {"AU02": brow, "AU12": smile}, f"{i}", f"person {i // 3}", "", f"{i // 3}")
    return folder


def train(data: Path, folder: Path, options: GanimationOptions) -> Trainer:
    trainer = Trainer(Ganimation(options, data), folder, say=lambda _: None)
    trainer.run()
    return trainer


def test_a_smoke_training_learns_the_aus(tmp_path: Path) -> None:
    """200 steps of the preset; the critic's error on the photos' AUs falls, and the run can be used."""
    options = replace(choose(GanimationOptions, PRESETS, "smoke", ["accelerator=cpu"]))
    train(write_faces(tmp_path / "data"), tmp_path / "run", options)
    rows = read_log(tmp_path / "run")
    errors = [row["critic_au_mse"] for row in rows]
    assert len(rows) == 20 and np.mean(errors[-4:]) < 0.6 * np.mean(errors[:2])
    assert all(0 < row["attention_mean"] < 1 for row in rows)
    engine = load(tmp_path / "run" / "weights" / "generator.safetensors")
    assert engine.controls == ("AU02", "AU12") and engine.image_size == 64
    about = load_weights(tmp_path / "run" / "weights" / "generator.safetensors", GENERATOR_KIND)
    assert about.notes["variant"] == "paper" and about.notes["data"] == "sketches"
    assert len(list((tmp_path / "run" / "samples").glob("*.jpg"))) == 3


def task_with_noise(options: GanimationOptions) -> tuple[Ganimation, Trainer]:
    task = Ganimation(options, Path("noise"))
    task.faces = synthetic_faces(8, options.image_size)
    trainer = Trainer(task, Path("unused"))
    trainer.prepare()
    return task, trainer


def gradients(network: torch.nn.Module) -> list[torch.Tensor]:
    return [p.grad for p in network.parameters() if p.grad is not None]


def test_one_step_has_the_gradients_of_the_plain_training() -> None:
    """Critic and generator, against a plain float64 expression of equation (5), to 1e-5."""
    options = replace(TINY, critic_steps=1, learning_rate=1e-12, flip=False, channels_last=False)
    task, trainer = task_with_noise(options)
    plain = PlainTraining(17, torch.device("cpu"), 64, 4, 1)
    modules = trainer.parts.modules
    for module in modules.values():
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, 0.0, 0.1)
    same_weights(modules["generator"], plain.generator)  # type: ignore[arg-type]
    for target, value in zip(plain.critic.parameters(), modules["critic"].parameters(), strict=True):
        target.data.copy_(value)
    batch = trainer.first_batch()
    task.step(batch, trainer)
    plain.generator.double(), plain.critic.double()
    image = batch["image"].permute(0, 3, 1, 2).double() / 127.5 - 1
    values, targets, mix = (batch[name].double() for name in ("values", "targets", "mix"))
    color, attention = plain.generator(image, targets)
    fake = ((1 - attention) * color + attention * image).detach()
    plain.critic_loss(image, fake, values, mix).backward()
    for ours, theirs in zip(gradients(modules["critic"]), gradients(plain.critic), strict=True):
        assert torch.allclose(ours.double(), theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())
    plain.generator.zero_grad()
    plain.generator_loss(image, values, targets).backward()
    ours = {id(p): p.grad for p in modules["generator"].parameters()}
    scale = max(p.grad.abs().max().item() for p in plain.generator.parameters())
    for mine, other in (
        (modules["generator"].color, plain.generator.color[0]),
        (modules["generator"].stem, plain.generator.main[0]),
    ):
        assert torch.allclose(ours[id(mine.weight)].double(), other.weight.grad, rtol=1e-4, atol=1e-5 * scale)


def test_the_generator_moves_at_every_fifth_step_only(tmp_path: Path) -> None:
    task, trainer = task_with_noise(TINY)
    batch = trainer.first_batch()
    before = trainer.parts.modules["generator"].stem.weight.clone()
    moved = []
    for trainer.step in range(10):
        scalars = task.step(batch, trainer)
        now = trainer.parts.modules["generator"].stem.weight.clone()
        moved.append(not torch.equal(before, now))
        before = now
        assert ("generator_cycle" in scalars) == moved[-1]
        assert all(p.requires_grad for p in trainer.parts.modules["critic"].parameters())
    assert [i for i, is_moved in enumerate(moved) if is_moved] == [4, 9]


def test_resumed_equals_unbroken_bit_for_bit(tmp_path: Path) -> None:
    data = write_faces(tmp_path / "data", 16)
    whole = train(data, tmp_path / "whole", TINY)
    train(data, tmp_path / "broken", replace(TINY, minutes=1e-6))
    parts = train(data, tmp_path / "broken", TINY)
    assert parts.step == whole.step == 12 and len(read_log(tmp_path / "broken")) == 12
    for name, module in whole.parts.modules.items():
        for a, b in zip(module.parameters(), parts.parts.modules[name].parameters(), strict=True):
            assert torch.equal(a, b)
    for a, b in zip(whole.averages["generator"].parameters(), parts.averages["generator"].parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["paper", "authors-code"])
def test_two_processes_equal_one(tmp_path: Path, variant: str) -> None:
    data = write_faces(tmp_path / "data", 16)
    train(data, tmp_path / "1", replace(TINY, variant=variant, steps=6))
    here = Path(__file__).parent
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{here}{os.pathsep}{here.parents[3]}"}
    command = [sys.executable, str(here / "run_paper.py"), str(data), str(tmp_path / "2"), "2", variant]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    for stem, kind in (("generator", GENERATOR_KIND), ("critic", "ganimation-critic")):
        one, two = (load_weights(tmp_path / n / "weights" / f"{stem}.safetensors", kind).tensors for n in "12")
        apart = {name: np.abs(one[name] - two[name]) for name in one}
        # Adam takes full steps (1e-4) along gradients that are nothing but rounding: a weight in thousands may differ by some
        assert np.mean(np.concatenate([difference.ravel() for difference in apart.values()]) > 1e-4) < 1e-3
        assert max(difference.max() for difference in apart.values()) < 1e-3
    rows = [read_log(tmp_path / n)[-1] for n in "12"]
    assert rows[0]["critic_au_mse"] == pytest.approx(rows[1]["critic_au_mse"], abs=1e-4)


def test_variants_have_their_own_schedule_and_targets() -> None:
    paper, code = (Ganimation(replace(TINY, steps=3000, variant=v), Path("none")) for v in ("paper", "authors-code"))
    assert [paper.learning_rate_factor(s) for s in (0, 2000, 2500, 3000)] == pytest.approx([1, 1, 0.5, 0])
    assert [code.learning_rate_factor(s) for s in (0, 2099, 2100, 2200, 2999)] == pytest.approx([1, 1, 0.9, 0.8, 0.1])
    faces = synthetic_faces(200, 64)
    draws = [Draw(i, i) for i in range(200)]
    limits = {
        variant: TripletSource(faces, replace(TINY, variant=variant)).batch(draws)["targets"]
        for variant in ("paper", "authors-code")
    }
    assert limits["paper"].min() == 0 and limits["paper"].max() == 1
    assert -0.1 <= limits["authors-code"].min() < 0 and 1 < limits["authors-code"].max() <= 1.1
    quiet = TripletSource(faces, replace(TINY, target_noise=0.0)).batch(draws)["targets"]
    assert all((faces.values == row).all(1).any() for row in quiet)


def test_the_codes_penalty_is_a_step_of_its_own() -> None:
    steps: dict[str, int] = {}
    for variant in ("paper", "authors-code"):
        task, trainer = task_with_noise(replace(TINY, variant=variant))
        task.step(trainer.first_batch(), trainer)
        state: Any = next(iter(trainer.parts.optimisers["critic"].state.values()))
        steps[variant] = int(state["step"])
    assert steps == {"paper": 1, "authors-code": 2}


def test_half_of_the_pictures_are_mirrored() -> None:
    faces = synthetic_faces(100, 64)
    draws = [Draw(i, i) for i in range(100)]
    images = TripletSource(faces, TINY).batch(draws)["image"]
    mirrored = [np.array_equal(image, faces.shards[0][i][:, ::-1]) for i, image in enumerate(images)]
    same = [np.array_equal(image, faces.shards[0][i]) for i, image in enumerate(images)]
    assert 30 < sum(mirrored) < 70 and sum(mirrored) + sum(same) == 100


def test_pairs_are_of_one_photo_and_exact(tmp_path: Path) -> None:
    faces = open_datasets([write_pairs(tmp_path / "data")])
    for seed in range(3):
        batch = TripletSource(faces, replace(TINY, pair_weight=1.0)).batch([Draw(i, 100 * seed + i) for i in range(37)])
        for i, (image, wanted) in enumerate(zip(batch["image"], batch["wanted"], strict=True)):
            mirrored = not np.array_equal(image, faces.images([i], 64)[0])
            sisters = [j for j in range(37) if j // 3 == i // 3 and j != i]
            found = [j for j in sisters if np.array_equal(wanted[:, ::-1] if mirrored else wanted, faces.images([j], 64)[0])]
            assert batch["paired"][i] == len(found) == (i < 36)
            assert all(np.array_equal(batch["targets"][i], faces.values[j]) for j in found)


def test_mirrored_pairs_change_sides() -> None:
    noise = synthetic_faces(2, 64)
    faces = replace(noise, controls=("AU14L", "AU14R"), values=noise.values[:, :2], photos=("a", "a"))
    source = TripletSource(faces, replace(TINY, pair_weight=1.0))
    for seed in range(8):
        batch = source.batch([Draw(0, seed)])
        mirrored = not np.array_equal(batch["image"][0], faces.images([0], 64)[0])
        order = [1, 0] if mirrored else [0, 1]
        assert np.array_equal(batch["values"][0], faces.values[0, order])
        assert np.array_equal(batch["targets"][0], faces.values[1, order])


def test_pairs_alone_first_then_the_papers_losses_too(tmp_path: Path) -> None:
    options = replace(TINY, pair_weight=100.0, critic_from=0.5, critic_steps=2)
    trainer = train(write_pairs(tmp_path / "data"), tmp_path / "run", options)
    rows = read_log(tmp_path / "run")
    paired = [not math.isnan(row.get("generator_pair", math.nan)) for row in rows]
    critic = [not math.isnan(row.get("critic_distance", math.nan)) for row in rows]
    assert paired == [True] * 6 + [False, True] * 3 and critic == [False] * 6 + [True] * 6
    step = next(iter(trainer.parts.optimisers["generator"].state.values()))["step"]
    assert int(step) == 9


def test_pairs_alone_teach_what_was_wanted(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data")
    options = replace(TINY, steps=60, batch_size=8, width=8, learning_rate=2e-3, pair_weight=1000.0, critic_from=1.0)
    train(data, tmp_path / "run", options)
    distances = [row["generator_pair"] for row in read_log(tmp_path / "run")]
    assert np.mean(distances[-5:]) < 0.5 * np.mean(distances[:5])


def test_pairs_that_are_not_there_are_told(tmp_path: Path) -> None:
    data = write_faces(tmp_path / "data", 8)
    with pytest.raises(DataError, match="no two pictures of one photo"):
        train(data, tmp_path / "run", replace(TINY, pair_weight=1.0))
    with pytest.raises(UserError, match="give pair_weight"):
        train(data, tmp_path / "other", replace(TINY, critic_from=0.5))


def test_a_training_starts_from_a_generator_of_another_size(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "data")
    train(data, tmp_path / "small", replace(TINY, steps=4))
    made = tmp_path / "small" / "weights" / "generator.safetensors"
    options = replace(TINY, image_size=128, start=made, minutes=1e-6, learning_rate=1e-12, ema=0.0)
    train(data, tmp_path / "large", options)
    small, large = (load_weights(tmp_path / n / "weights" / "generator.safetensors", GENERATOR_KIND) for n in ("small", "large"))
    assert large.config["image_size"] == 128
    assert all(np.allclose(large.tensors[name], small.tensors[name], atol=1e-6) for name in small.tensors)
    train(data, tmp_path / "gain", replace(options, au_gain=5.0))
    stem = load_weights(tmp_path / "gain" / "weights" / "generator.safetensors", GENERATOR_KIND).tensors["stem.weight"]
    assert np.allclose(stem[:, :3], small.tensors["stem.weight"][:, :3], atol=1e-6)
    assert np.allclose(stem[:, 3:], 5 * small.tensors["stem.weight"][:, 3:], atol=1e-6)
    with pytest.raises(WeightsError, match="does not fit"):
        train(data, tmp_path / "wider", replace(options, width=8))
    faces = tmp_path / "faces"
    faces.mkdir()
    with DatasetWriter(faces, "one AU", 64, ("AU12",)) as writer:
        writer.add(drawn_face(0.5, 0.5, 150), {"AU12": 0.5}, "a", "a")
    with pytest.raises(WeightsError, match="not those of the data"):
        train(faces, tmp_path / "others", options)


def test_saturated_attention_is_told() -> None:
    task = Ganimation(TINY, Path("none"))
    assert "near 1" in task.warnings({"attention_mean": 0.97})[0] and "near 0" in task.warnings({"attention_mean": 0.01})[0]
    assert not task.warnings({"attention_mean": 0.5})
    assert not Ganimation(replace(TINY, pair_weight=1.0), Path("none")).warnings({"attention_mean": 0.97})


def test_the_benchmark_measures_both() -> None:
    result = measure(replace(TINY, ema=0.0))
    assert result["ratio"] == pytest.approx(result["plain"] / result["ours"]) and math.isfinite(result["ratio"])


def test_the_race_keeps_people_for_the_classifier(tmp_path: Path) -> None:
    from mimica.data.dataset import is_kept_for_judging

    data = write_faces(tmp_path / "data")
    apart = Ganimation(replace(TINY, people="race"), data).source().faces.subjects
    assert not any(is_kept_for_judging(s) for s in apart)
    assert any(is_kept_for_judging(s) for s in Ganimation(TINY, data).source().faces.subjects)
    assert choose(GanimationOptions, PRESETS, "small").people == "race"
