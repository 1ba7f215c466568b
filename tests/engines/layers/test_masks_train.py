"""The training of masks: what it learns from, its losses by hand, and that its file runs without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mimica.config import choose  # noqa: E402
from mimica.engines.layers import masks  # noqa: E402
from mimica.engines.layers.masks_train import MaskSource, MaskTask, fact_losses, mask_losses  # noqa: E402
from mimica.errors import DataError  # noqa: E402
from mimica.training.batches import Draw  # noqa: E402
from mimica.training.loop import Trainer  # noqa: E402

COUNT, SIDE = 12, masks.SIDE


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    hair = np.zeros((COUNT, SIDE, SIDE), np.uint8)
    hair[:, 4:20, 12:52] = 255
    hair[0] = 255
    images = rng.integers(0, 255, (COUNT, SIDE, SIDE, 3)).astype(np.uint8)
    images[hair > 0] //= 4
    age, hat = np.full(COUNT, 0.4), np.zeros(COUNT)
    age[1], hat[2], hat[3] = np.nan, 1, np.nan
    validation = np.arange(COUNT) >= 10
    names = np.array([f"{i}.jpg" for i in range(COUNT)])
    return {"images": images, "hair": hair, "head": hair, "hat": hat, "age": age, "validation": validation, "names": names}


def test_a_flooded_label_and_a_missing_fact_count_nothing() -> None:
    batch = MaskSource(arrays(), np.arange(COUNT), 1.0).batch([Draw(i, i) for i in range(4)])
    assert batch["image"].shape == (4, 3, SIDE, SIDE) and batch["masks"].shape == (4, 2, SIDE, SIDE)
    assert batch["image"].min() >= -1 and batch["image"].max() <= 1
    assert batch["known"].tolist() == [[0, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 0, 1]]
    plain = MaskSource(arrays(), np.arange(COUNT), 0.0).batch([Draw(5, 1)])
    assert np.array_equal(plain["masks"][0, 0] > 0.5, arrays()["hair"][5] > 0)


def test_the_losses_are_those_of_their_formulas() -> None:
    wanted = torch.zeros(2, 2, 4, 4)
    wanted[:, :, :2] = 1
    known = torch.tensor([[1.0, 1, 1, 1], [0, 1, 1, 0]])
    batch = {"masks": wanted, "known": known, "facts": torch.tensor([[1.0, 0.5], [0.0, 0.9]])}
    losses = mask_losses(torch.zeros(2, 2, 4, 4), batch)
    dice = (2 * 0.5 * 8 + 1) / (16 * 0.5 + 8 + 1)
    assert float(losses["hair"]) == pytest.approx(np.log(2) + 0.5 * (1 - dice), abs=1e-5)
    sure = mask_losses(20 * (2 * wanted - 1), batch)
    assert float(sure["hair"]) < 1e-4
    facts = fact_losses(torch.tensor([[0.0, 0.3], [0.0, 0.0]]), batch)
    assert float(facts["age"]) == pytest.approx(0.2), "the second age is not known"
    assert float(facts["hat"]) == pytest.approx((6 + 1) / 2 * np.log(2), abs=1e-5)


def test_the_worst_samples_of_a_batch_can_be_left_out() -> None:
    wanted = torch.zeros(6, 2, 4, 4)
    logits = torch.full((6, 2, 4, 4), -20.0)
    logits[0] = 20
    batch = {"masks": wanted, "known": torch.ones(6, 4)}
    assert float(mask_losses(logits, batch)["head"]) > 1
    assert float(mask_losses(logits, batch, leave_worst=1 / 6)["head"]) < 0.01


def test_a_short_training_writes_a_network_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="mimica prepare masks"):
        MaskTask(choose(MaskTask.options_type, MaskTask.presets, "smoke", []), tmp_path).source()
    np.savez(tmp_path / "masks.npz", **arrays())  # type: ignore[arg-type]
    task = MaskTask(choose(MaskTask.options_type, MaskTask.presets, "smoke", ["accelerator=cpu"]), tmp_path)
    Trainer(task, tmp_path / "run", say=lambda line: None).run()
    monkeypatch.setattr(masks, "WEIGHTS", tmp_path / "run" / "weights" / "masks.onnx")
    masks._session.cache_clear()
    found, facts = masks.raw(arrays()["images"][:3])
    masks._session.cache_clear()
    assert found.shape == (3, 2, SIDE, SIDE) and facts.shape == (3, 2)
    assert found.min() >= 0 and found.max() <= 1 and facts[:, 0].min() >= 0


def test_the_shipped_network_finds_hair_where_it_is() -> None:
    about = masks._session().about()
    assert about["kind"] == masks.KIND and about["notes"]["held_out"] == 113
