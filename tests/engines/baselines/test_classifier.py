"""The emotion classifier: learns, and from other people than the baselines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from emotion_sketches import sketch, write_emotions

from mimica.cli.train import find_task
from mimica.config import choose
from mimica.data.dataset import is_kept_for_judging, is_validation
from mimica.engines.baselines import classifier
from mimica.engines.baselines.classifier import Classifier, EmotionJudge, jittered
from mimica.model_files.checkpoint import read_about
from mimica.training.loop import Trainer


def test_it_learns_the_sketches_from_people_kept_for_it(tmp_path: Path) -> None:
    data = write_emotions(tmp_path / "data", 200)
    kind, preset = find_task("classifier", "smoke")
    options = choose(kind.options_type, kind.presets, preset, ["accelerator=cpu", "steps=100", "width=8", "learning_rate=3e-3"])
    task = kind(options, data)
    subjects = task.source().faces.subjects  # type: ignore[attr-defined]
    assert subjects and all(is_kept_for_judging(s) and not is_validation(s) for s in subjects)
    Trainer(task, tmp_path / "run", say=lambda _: None).run()
    path = tmp_path / "run" / "weights" / "classifier.safetensors"
    assert read_about(path)["notes"]["held_out_error"] < 0.2
    judge = EmotionJudge(path)
    assert judge.emotions == ("neutral", "happiness", "sadness")
    named = judge.probabilities([sketch(i, 150) for i in range(3)])
    assert named.argmax(1).tolist() == [0, 1, 2] and np.allclose(named.sum(1), 1)


def test_shapes_and_colour() -> None:
    torch.manual_seed(0)
    network = Classifier(8, 4).eval()
    gray = torch.rand(2, 1, 64, 64).expand(-1, 3, -1, -1)
    scores = network(gray)
    assert scores.shape == (2, 8)
    red = torch.stack([gray[:, 0] / 0.299, gray[:, 1] * 0, gray[:, 2] * 0], 1)
    assert torch.allclose(network(red), scores, atol=1e-4), "only the gray picture counts"


def test_training_pictures_are_jittered_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    pictures = torch.nn.functional.interpolate(torch.rand(8, 3, 4, 4), size=(32, 32), mode="bilinear") * 2 - 1
    changed = jittered(pictures)
    assert changed.shape == pictures.shape and changed.abs().max() <= 1
    assert 0.02 < (changed - pictures).abs().mean() < 0.5
    for name in ("_TURN", "_SCALE", "_SHIFT", "_TONE"):
        monkeypatch.setattr(classifier, name, 0.0)
    assert torch.allclose(jittered(pictures), pictures, atol=1e-5), "no deviation, no change"
    monkeypatch.setattr(classifier, "_SHIFT", 0.5)
    assert not torch.allclose(jittered(pictures), pictures, atol=1e-2)


def test_parameters_by_hand() -> None:
    """ResNet-18's 11.17 M, its four stages at 64 to 512 channels, with one channel in, 8 emotions out."""
    w, total = 64, 9 * 64 + 2 * 64
    inputs = w
    for place in range(4):
        c = w * 2**place
        total += 9 * (inputs * c + 3 * c * c) + 8 * c + (inputs * c + 2 * c if place else 0)
        inputs = c
    assert sum(p.numel() for p in Classifier(8, 64).parameters()) == total + 512 * 8 + 8 == pytest.approx(11.17e6, rel=0.01)
