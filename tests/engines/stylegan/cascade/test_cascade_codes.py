"""What the embedded generator's training does with codes: some pictures have one for each place, and the encoder's own stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import write_faces

from mimica.config import choose
from mimica.engines.stylegan.cascade import body
from mimica.engines.stylegan.cascade.body import placed_codes
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND, CascadeSynthesis
from mimica.engines.stylegan.cascade.options import CascadeOptions
from mimica.engines.stylegan.cascade.train import Cascade
from mimica.engines.stylegan.encoder import ENCODER_KIND
from mimica.model_files.checkpoint import load_weights
from mimica.training.loop import Trainer
from mimica.training.run_folder import read_log


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("faces") / "data")


def task(data: Path, *settings: str) -> Cascade:
    how = ["accelerator=cpu", "sample_every=0", *settings]
    return Cascade(choose(CascadeOptions, Cascade.presets, "embedded-smoke", how), data)


def train(data: Path, folder: Path, *settings: str) -> Path:
    """The run's weights."""
    torch.set_num_threads(1)
    Trainer(task(data, *settings), folder, say=lambda line: None).run()
    return folder / "weights"


def test_some_of_the_rebuilt_pictures_have_a_code_for_each_place(data: Path) -> None:
    w, changes = torch.randn(4, 16), torch.randn(4, 10, 16)
    codes = placed_codes(task(data, "placed=0.25", "spread=0"), w, changes)
    assert torch.equal(codes[0], w[0] + changes[0]) and torch.equal(codes[1:], w[1:, None].expand(-1, 10, -1))
    noise = placed_codes(task(data, "placed=0", "spread=0.1"), torch.zeros(4, 16), changes)
    assert torch.equal(noise, noise[:, :1].expand_as(noise)), "one noise for all places"
    assert 0.05 < float(noise[:, 0].std()) < 0.2


def test_the_encoder_learns_w_and_its_changes_while_the_generator_stands(data: Path, tmp_path: Path) -> None:
    start = train(data, tmp_path / "body", "stages=body", "critics_steps=0")
    encoder = train(data, tmp_path / "encoder", "stages=encoder", f"start={start}", f"start_top={start}")
    before, after = (load_weights(folder / "generator.safetensors", CASCADE_KIND).tensors for folder in (start, encoder))
    assert all(np.array_equal(before[name], after[name]) for name in before if name.startswith("synthesis."))
    before, after = (load_weights(folder / "encoder.safetensors", ENCODER_KIND).tensors for folder in (start, encoder))
    assert all(not np.array_equal(before[name], after[name]) for name in ("w.weight", "linear.weight", "changes.weight"))


def test_changes_of_each_place_are_learnt_from_the_first_stage_on(data: Path, tmp_path: Path) -> None:
    learnt, still = (
        load_weights(
            train(data, tmp_path / share, "stages=body", "critics_steps=0", "autoencoder_steps=6", f"placed={share}")
            / "encoder.safetensors",
            ENCODER_KIND,
        ).tensors["changes.weight"]
        for share in ("0.5", "0")
    )
    assert np.abs(learnt).max() > 0 and np.abs(still).max() == 0


@pytest.mark.parametrize("stages", ["stages=body", "stages=encoder"])
def test_jitter_reaches_the_stages_that_rebuild(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stages: str) -> None:
    amounts = []

    def seen(pictures: torch.Tensor, amount: float) -> torch.Tensor:
        amounts.append(amount)
        return pictures

    monkeypatch.setattr(body, "jittered", seen)
    train(data, tmp_path / "run", stages, "critics_steps=0", "jitter=1.5")
    assert amounts == [1.5] * 4, "once in each step"


def test_the_encoders_stage_draws_w_alone_and_with_its_changes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, small = [], CascadeSynthesis.small

    def seen(self: CascadeSynthesis, codes: torch.Tensor, noise: Any = "fixed") -> torch.Tensor:
        drawn.append(codes.detach().clone())
        return small(self, codes, noise)

    monkeypatch.setattr(CascadeSynthesis, "small", seen)
    train(data, tmp_path / "run", "stages=encoder", "encoder_learning_rate=0.1")
    last = [codes for codes in drawn if len(codes) == 8][-1]  # of 4 pictures
    alone, changed = last[:4], last[4:]
    assert torch.equal(alone, alone[:, :1].expand_as(alone)) and not torch.equal(changed, changed[:, :1].expand_as(changed))


def test_joint_enlarges_by_the_codes_that_were_drawn_and_keeps_changes_small(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = train(data, tmp_path / "body", "stages=body", "critics_steps=0", "learning_rate=0.05")
    given, enlarged = [], CascadeSynthesis.enlarged

    def seen(self: CascadeSynthesis, picture: torch.Tensor, noise: str = "none", w: torch.Tensor | None = None) -> torch.Tensor:
        given.append(w)
        return enlarged(self, picture, noise, w)

    monkeypatch.setattr(CascadeSynthesis, "enlarged", seen)
    run = train(data, tmp_path / "joint", "stages=joint", "encoder_steps=0", f"start={start}", f"start_top={start}").parent
    codes = given[0]
    assert codes is not None and codes.shape == (4, 10, 16)
    assert not torch.equal(codes[0], codes[0][:1].expand(10, -1)), "of the first picture each place has its change"
    assert all(row["changes"] > 0 for row in read_log(run))
