"""The loop: exact resume, order of the data, two processes, logs, stopping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mimica.config import TrainingOptions, option
from mimica.errors import UserError, WeightsError
from mimica.model_files.checkpoint import Weights, load_weights, module_tensors
from mimica.pictures.pixels import as_input, as_pictures
from mimica.training.batches import Batch, Draw, Order, StepBatches, fixed_batch
from mimica.training.loop import Parts, Task, Trainer, update_average
from mimica.training.run_folder import read_log


@dataclass(frozen=True)
class ToyOptions(TrainingOptions):
    poison: int = option(-1, "step whose loss is not a number")
    interrupt: int = option(-1, "step that sends SIGTERM to its own process")


class ToySource:
    def __len__(self) -> int:
        return 37

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        rows = []
        for draw in draws:
            random = np.random.default_rng(draw.seed)
            rows.append([np.sin(draw.item), np.cos(3 * draw.item), random.normal(), random.uniform()])
        return {"x": np.array(rows, np.float32)}


class Toy(Task):
    """Fits a small network with dropout to a function of its input; two optimisers, a running mean."""

    name = "toy"
    options_type = ToyOptions

    def source(self) -> ToySource:
        return ToySource()

    def build(self, options: Any) -> Parts:
        dropout = nn.Dropout(0.2 if options.devices == 1 and not os.environ.get("NO_DROPOUT") else 0.0)
        modules = {
            "a": nn.Sequential(nn.Linear(4, 8), nn.Tanh(), dropout, nn.Linear(8, 1)),
            "b": nn.Linear(4, 1),
        }
        return Parts(modules, {n: torch.optim.Adam(m.parameters(), 1e-2) for n, m in modules.items()}, ("a",))

    def learning_rate_factor(self, step: int) -> float:
        return 1 - step / self.options.steps

    def step(self, batch: Batch, trainer: Trainer) -> dict[str, torch.Tensor]:
        wanted = batch["x"].prod(1, keepdim=True)
        time.sleep(float(os.environ.get("TOY_SECONDS", "0")))
        losses = {n: (m(batch["x"]) - wanted).square().mean() for n, m in trainer.parts.modules.items()}
        for name, loss in losses.items():
            trainer.update(name, loss)
        if trainer.step == self.options.poison:
            losses["a"] = losses["a"] * float("nan")
        if trainer.step == self.options.interrupt:
            os.kill(os.getpid(), signal.SIGTERM)
        return {name: loss.detach() for name, loss in losses.items()}

    def sample(self, batch: Batch, trainer: Trainer) -> np.ndarray:
        shade = (batch["x"][:, :3].abs().clamp(max=1) * 255).byte().numpy()
        return np.broadcast_to(shade[:, None, None, None], (len(shade), 2, 8, 8, 3))

    def warnings(self, scalars: Any) -> list[str]:
        return ["a is above zero"] if scalars["a"] > 0 else []

    def weights(self, trainer: Trainer) -> dict[str, Weights]:
        return {"toy": Weights("toy", 1, ("AU12",), {}, module_tensors(trainer.best("a")))}


OPTIONS = ToyOptions(steps=30, batch_size=6, log_every=5, checkpoint_minutes=0, sample_every=10, accelerator="cpu", ema=0.9)


def train(folder: Path, **changes: Any) -> Trainer:
    trainer = Trainer(Toy(replace(OPTIONS, **changes), Path("none")), folder, say=lambda _: None)
    trainer.run()
    return trainer


def everything(trainer: Trainer) -> list[torch.Tensor]:
    modules = [*trainer.parts.modules.values(), *trainer.averages.values()]
    states = [v for o in trainer.parts.optimisers.values() for s in o.state_dict()["state"].values() for v in s.values()]
    return [p for m in modules for p in m.state_dict().values()] + states


def same(left: Trainer, right: Trainer) -> bool:
    pairs = list(zip(everything(left), everything(right), strict=True))
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    stopped = train(tmp_path / "broken", interrupt=12)
    assert stopped.step == 13 and not same(whole, stopped)
    config = tmp_path / "broken" / "config.json"
    config.write_text(config.read_text().replace('"interrupt": 12', '"interrupt": -1'))
    resumed = train(tmp_path / "broken")
    assert resumed.step == 30 and same(whole, resumed)
    steps = [row["step"] for row in read_log(tmp_path / "broken")]
    assert steps == sorted(set(steps)) and steps[-1] == 30


def test_a_run_killed_between_checkpoints_goes_back_to_the_last_one(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(UserError, match=r"'a' is nan at step 23.*step-00000020"):
        train(tmp_path / "broken", poison=23, checkpoint_every=10)
    assert [int(r["step"]) for r in read_log(tmp_path / "broken")] == [5, 10, 15, 20]
    config = tmp_path / "broken" / "config.json"
    config.write_text(config.read_text().replace('"poison": 23', '"poison": -1'))
    assert same(whole, train(tmp_path / "broken", checkpoint_every=10))
    assert len(list((tmp_path / "broken" / "checkpoints").iterdir())) == 2


def test_the_run_folder_tells_its_story(tmp_path: Path) -> None:
    train(tmp_path / "run")
    story = (tmp_path / "run" / "run.md").read_text()
    for part in ("# toy", "batch_size = 6", "Started", "torch ", "a is above zero", "Finished at step 30 of 30"):
        assert part in story
    assert sorted(p.name for p in (tmp_path / "run" / "samples").iterdir()) == [
        "0000001.jpg", "0000010.jpg", "0000020.jpg", "0000030.jpg",
    ]  # fmt: skip
    assert any((tmp_path / "run" / "tensorboard").iterdir())
    weights = load_weights(tmp_path / "run" / "weights" / "toy.safetensors", "toy")
    assert weights.controls == ("AU12",) and weights.tensors["0.weight"].shape == (8, 4)


def test_another_training_is_not_mixed_into_a_folder(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=5)
    with pytest.raises(UserError, match="batch_size was 6 and is 12"):
        train(tmp_path / "run", steps=5, batch_size=12)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(UserError, match="other files"):
        train(tmp_path / "mine")


def test_minutes_of_the_processor_stop_a_run_with_a_checkpoint(tmp_path: Path) -> None:
    trainer = train(tmp_path / "run", processor_minutes=1e-6)
    assert trainer.step == 1 and "minutes of the processor are over" in trainer.notes.last_words
    assert train(tmp_path / "run", processor_minutes=10.0).step == OPTIONS.steps, "the limit may change, and counts anew"


def test_minutes_stop_a_run_with_a_checkpoint(tmp_path: Path) -> None:
    trainer = train(tmp_path / "run", minutes=1e-6)
    assert trainer.step == 1 and "minutes are over" in trainer.notes.last_words
    assert trainer.notes.newest_checkpoint() is not None


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    text = Trainer(Toy(OPTIONS, Path("none")), tmp_path / "run").dry_run()
    assert "a: 49 parameters" in text and "x: float32 (6, 4)" in text and not (tmp_path / "run").exists()


def test_a_dry_run_tells_how_fast_data_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = ToySource.batch

    def slow(self: ToySource, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        time.sleep(0.02)
        return fast(self, draws)

    monkeypatch.setattr(ToySource, "batch", slow)
    text = Trainer(Toy(OPTIONS, Path("none")), tmp_path / "run").dry_run()
    rate = float(text.split("reading: ")[1].split()[0].replace(",", ""))
    assert 0 < rate <= OPTIONS.batch_size / 0.02


def test_an_epoch_sees_every_sample_once_and_shares_are_disjoint() -> None:
    order = Order(10, seed=3)
    first, second = [order[i].item for i in range(10)], [order[i].item for i in range(10, 20)]
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    assert Order(10, seed=3)[17] == order[17] and Order(10, seed=4)[17].seed != order[17].seed
    options = replace(OPTIONS, batch_size=4)
    whole = StepBatches(ToySource(), options)[5]["x"]
    shares = [StepBatches(ToySource(), options, rank, 2)[5]["x"] for rank in (0, 1)]
    assert torch.equal(torch.stack(shares, 1).reshape(4, 4), whole)


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(UserError, match="batch size 6 cannot be shared by 4"):
        StepBatches(ToySource(), OPTIONS, 0, 4)


def test_pictures_go_to_the_network_and_back() -> None:
    pictures = torch.randint(0, 256, (2, 5, 4, 3), dtype=torch.uint8)
    images = as_input(pictures)
    assert images.shape == (2, 3, 5, 4) and images.min() >= -1 and images.max() <= 1
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(as_pictures(images), pictures.numpy())
    assert fixed_batch(ToySource(), 8)["x"].shape == (8, 4)


def test_the_running_mean_is_the_weighted_mean() -> None:
    mean, module = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.constant_(mean.weight, 1.0)
    nn.init.constant_(module.weight, 3.0)
    update_average(mean, module, 0.9, step=10_000)
    assert mean.weight.item() == pytest.approx(0.9 * 1 + 0.1 * 3)
    update_average(mean, module, 0.9, step=0)
    assert mean.weight.item() == pytest.approx(0.1 * 1.2 + 0.9 * 3)


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same global batch, shared by two processes, gives the same weights to 1e-5."""
    here = Path(__file__).parent
    monkeypatch.setenv("NO_DROPOUT", "1")
    train(tmp_path / "1", devices=1)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{here}{os.pathsep}{here.parents[1]}"}
    command = [sys.executable, str(here / "run_toy.py"), str(tmp_path / "2"), "2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    one, two = (load_weights(tmp_path / n / "weights" / "toy.safetensors", "toy").tensors for n in "12")
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=1e-5)
    logs = [[row["a"] for row in read_log(tmp_path / n)] for n in "12"]
    assert logs[0] == pytest.approx(logs[1], abs=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker in /proc")
def test_a_killed_worker_ends_the_run_and_the_same_command_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 of the second of two processes: the first one ends too, does not wait for ever, and the run goes on from the last
    checkpoint to the weights of an undisturbed one."""
    here = Path(__file__).parent
    monkeypatch.setenv("NO_DROPOUT", "1")
    train(tmp_path / "1", devices=1)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{here}{os.pathsep}{here.parents[1]}"}
    command = [sys.executable, str(here / "run_toy.py"), str(tmp_path / "2"), "2", "5"]
    first = subprocess.Popen(command, env=environment | {"TOY_SECONDS": "0.3"}, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "2").glob("checkpoints/step-*.pt")) and time.monotonic() < deadline:
            time.sleep(0.05)
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert first.wait(60) != 0
    finally:
        first.kill()
    assert read_log(tmp_path / "2")[-1]["step"] < OPTIONS.steps
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    one, two = (load_weights(tmp_path / n / "weights" / "toy.safetensors", "toy").tensors for n in "12")
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=1e-5)


# --- checkpoints that are not what they should be ---------------------------------------------------------------------


def test_a_row_of_the_log_after_a_resume_is_the_mean_since_the_row_before(tmp_path: Path) -> None:
    train(tmp_path / "whole")
    with pytest.raises(UserError):
        train(tmp_path / "broken", poison=16, checkpoint_every=8)  # stopped between two rows, after a checkpoint between two
    config = tmp_path / "broken" / "config.json"
    config.write_text(config.read_text().replace('"poison": 16', '"poison": -1'))
    train(tmp_path / "broken", checkpoint_every=8)
    whole, broken = ([row["a"] for row in read_log(tmp_path / n)] for n in ("whole", "broken"))
    assert whole == broken


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("evil",)


def _rewritten(path: Path, **changes: Any) -> None:
    torch.save({**torch.load(path, weights_only=True), **changes}, path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "random bytes": lambda p: p.write_bytes(np.random.default_rng(0).bytes(400)),
    "nothing": lambda p: p.write_bytes(b""),
    "cut": lambda p: p.write_bytes(p.read_bytes()[:-700]),
    "code": lambda p: torch.save({"step": 20, "modules": Evil()}, p),
    "a plain pickle": lambda p: p.write_bytes(b"\x80\x04}\x8c\x04stepK\x14s."),
    "no network at all": lambda p: _rewritten(p, modules={"a": 3, "b": [1]}),
    "no step": lambda p: _rewritten(p, step="x"),
    "optimisers of something else": lambda p: _rewritten(p, optimisers={"a": {"state": 3}, "b": 4}),
    "deep": lambda p: p.write_bytes(b"\x80\x04N" + b"\x85" * 100_000 + b"."),
}


FITS_NOT = ("a plain pickle", "no network at all", "optimisers of something else")
"""Whole files, of which only the training itself can say that they are another's."""


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_told_and_the_last_good_one_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = train(tmp_path / "run", checkpoint_every=10)
    good, last = sorted((tmp_path / "run" / "checkpoints").glob("*.pt"))[-2:]
    DAMAGES[damage](last)
    with pytest.raises(WeightsError, match=rf"{last.name} is damaged; delete it to resume from {good.name}"):
        train(tmp_path / "run", checkpoint_every=10)
    assert not Path("evil").exists()
    last.unlink()
    assert same(whole, train(tmp_path / "run", checkpoint_every=10))
    if damage in FITS_NOT:
        return
    for path in (good, last):
        DAMAGES[damage](path)
    with pytest.raises(WeightsError, match="no good one before"):
        train(tmp_path / "run", checkpoint_every=10)


def _other(path: Path, part: str, change: Callable[[dict[str, Any]], object]) -> None:
    state = torch.load(path, weights_only=True)[part]
    change(state["a"])
    _rewritten(path, **{part: state})


@pytest.mark.parametrize("part", ["modules", "averages"])
@pytest.mark.parametrize(
    "change, words",
    [
        (lambda a: a.update({"0.weight": torch.zeros(5, 3)}), r"a\.0\.weight is \(5, 3\) instead of \("),
        (lambda a: a.pop("0.weight"), r"a\.0\.weight is missing"),
        (lambda a: a.update(gate=torch.zeros(2)), r"a\.gate is unknown"),
        (lambda a: a.clear(), r"a\.0\.weight is missing"),
    ],
)
def test_a_checkpoint_of_other_networks_is_not_called_damaged(tmp_path: Path, part: str, change: Any, words: str) -> None:
    train(tmp_path / "run", checkpoint_every=10)
    last = max((tmp_path / "run" / "checkpoints").glob("*.pt"))
    _other(last, part, change)
    with pytest.raises(WeightsError, match=rf"{last.name} is whole, but of another version.*: {words}.*run\.md") as told:
        train(tmp_path / "run", checkpoint_every=10)
    assert "damaged" not in str(told.value)
