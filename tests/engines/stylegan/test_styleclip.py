"""Global directions of StyleCLIP: the relevance of channels by hand, and styles that move in W+ as asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from test_stylegan_model import write_generator
from typer.testing import CliRunner

from mimica.cli import app
from mimica.engines.stylegan.directions import load_directions
from mimica.engines.stylegan.model import Model, load_model, seed_w
from mimica.engines.stylegan.styleclip import global_direction, relevant, style_spread, to_latent
from mimica.errors import WeightsError


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return load_model(write_generator(tmp_path / "g.safetensors"))


def saved(path: Path, values: np.ndarray) -> Path:
    np.save(path, values)
    return path


def widths(model: Model) -> list[int]:
    return [len(layer.style.bias) for layer in model.generator.synthesis.layers]


def test_the_relevance_of_channels_by_hand() -> None:
    deltas = np.array([[1.0, 0.0], [0.3, 0.4], [0.0, 1.0], [-0.8, 0.1]])
    assert np.allclose(relevant(deltas, np.array([1.0, 0.0]), 0.4), [1, 0, 0, -0.8])
    assert np.allclose(relevant(deltas, np.array([0.5, 0.0]), 0.1), [1, 0.3, 0, -0.8])


def test_styles_move_as_asked(model: Model) -> None:
    """Asked is what W+ can give (the change of a w); then it gives it, to the damping."""
    synthesis, count = model.generator.synthesis, len(widths(model))
    w = seed_w(model, [1, 2])
    with torch.no_grad():
        before = [style.numpy() for style in synthesis.styles(w)[:count]]
        wanted = [style[1] - style[0] for style in before]
        step, reached = to_latent(model, wanted)
        after = [style.numpy() for style in synthesis.styles(w[:1] + torch.from_numpy(step).float())[:count]]
    assert reached > 0.99
    for k in range(count):
        assert np.linalg.norm(after[k][0] - before[k][1]) < 0.15 * np.linalg.norm(wanted[k])


def test_a_layer_that_is_not_asked_stays(model: Model, tmp_path: Path) -> None:
    sizes = widths(model)
    change = np.zeros(sum(sizes), np.float32)
    change[sizes[0] : sizes[0] + 3] = 1.0
    found = global_direction(model, saved(tmp_path / "ds.npy", change), name="curly")
    assert found.direction.layers == (1,) and found.channels == 3 and 0 < found.reached <= 1
    assert found.direction.name == "curly" and found.direction.generator == model.fingerprint
    step, _ = to_latent(model, np.split(change * np.concatenate(style_spread(model)), np.cumsum(sizes)[:-1]))
    assert np.allclose(found.direction.step(1.0), step, atol=1e-5), "a dose of 1 is what was asked"


def test_the_command(model: Model, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    fs3 = saved(tmp_path / "fs3.npy", rng.normal(size=(sum(widths(model)), 5)))
    wish = saved(tmp_path / "curly.npy", rng.normal(size=(2, 5)))
    words = ["directions", "styleclip", str(fs3), "--text", str(wish), "--weights", str(tmp_path / "g.safetensors")]
    counts = []
    for threshold in ("0", "1"):
        ended = CliRunner().invoke(app, [*words, "--threshold", threshold, "-o", str(tmp_path / "c.safetensors")])
        assert ended.exit_code == 0, ended.exception
        counts.append(int(ended.stdout.split()[1]))
        assert list(load_directions(tmp_path / "c.safetensors", model.num_ws)) == ["curly"]
    assert counts[0] == sum(widths(model)) > counts[1] > 0


@pytest.mark.parametrize(
    "deltas, text, words",
    [
        (np.ones(7, np.float32), None, "another network"),
        (np.ones((0,), np.float32), None, "another network"),
        ("right", None, "--text"),
        ("right", np.ones(4), "the wish is"),
        ("right", np.ones((2, 5)), "wishes nothing"),
        ("right", np.ones((3, 5)), "the wish is"),
        ("nan", np.ones(5), "finite numbers"),
        ("whole", np.ones(5), "finite numbers"),
        ("nothing", np.ones(5), "moves nothing"),
    ],
)
def test_what_does_not_fit_is_told(model: Model, tmp_path: Path, deltas: object, text: np.ndarray | None, words: str) -> None:
    made = np.ones((sum(widths(model)), 5))
    made = {"right": made, "nan": made * np.nan, "whole": made.astype(int), "nothing": made * 0}.get(str(deltas), deltas)
    with pytest.raises(WeightsError, match=words):
        global_direction(
            model, saved(tmp_path / "d.npy", np.asarray(made)), None if text is None else saved(tmp_path / "t.npy", text)
        )
