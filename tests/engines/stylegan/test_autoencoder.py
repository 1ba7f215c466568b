"""The pseudo-autoencoder: the paper's network and loss by hand, no change is the identity, training learns, strangers stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted import NUM_WS, W_SIZE, planted

torch = pytest.importorskip("torch")

from mimica.config import choose  # noqa: E402
from mimica.engines.stylegan.autoencoder import (  # noqa: E402
    KIND,
    LatentEditor,
    PseudoAutoencoder,
    action_unit_change,
    latent_distance,
    load_editor,
    to_weights,
    transition,
)
from mimica.engines.stylegan.autoencoder_train import PRESETS, Autoencoder, AutoencoderOptions  # noqa: E402
from mimica.engines.stylegan.latents import LatentSet, save_latents  # noqa: E402
from mimica.errors import DataError, WeightsError  # noqa: E402
from mimica.model_files.checkpoint import load_weights, save_weights  # noqa: E402
from mimica.training.loop import Trainer  # noqa: E402


def _net(form: str, units: int = 3) -> PseudoAutoencoder:
    torch.manual_seed(0)
    net = PseudoAutoencoder(4, 6, units, form, hidden=16)
    net.mean.normal_()
    net.scale.fill_(1.7)
    return net.eval()


def test_the_papers_network_by_hand() -> None:
    net = _net("direct")
    w, u = torch.randn(2, 4, 6), torch.tensor([[1.0, 0, -1], [0, 0, 1]])
    layers = [m for m in net.modules() if isinstance(m, torch.nn.Linear)]
    x = w.reshape(2, 24).double()
    for i, layer in enumerate(layers):
        if i == 2:
            x = torch.cat([x, u.double(), u.double(), u.double(), u.double(), u.double()], dim=1)
        x = x @ layer.weight.T.double() + layer.bias.double()
        x = x.clamp_min(0) if i < 4 else x
    assert torch.allclose(net(w, u).double(), x.reshape(2, 4, 6), atol=1e-5)


def test_sizes_are_the_papers() -> None:
    net = PseudoAutoencoder(18, 512, 43)
    shapes = [tuple(m.weight.shape) for m in net.modules() if isinstance(m, torch.nn.Linear)]
    assert shapes == [(512, 9216), (512, 512), (512, 512 + 5 * 43), (512, 512), (9216, 512)]


def test_no_change_is_the_identity_of_the_residual_form() -> None:
    w = torch.randn(3, 4, 6)
    assert torch.equal(_net("residual")(w, torch.zeros(3, 3)), w)
    assert not torch.allclose(_net("direct")(w, torch.zeros(3, 3)), w, atol=0.1)
    assert not torch.allclose(_net("residual")(w, torch.ones(3, 3)), w, atol=1e-3)


def test_one_w_for_all_layers_is_seen_and_changed() -> None:
    torch.manual_seed(0)
    net = PseudoAutoencoder(4, 6, 3, "residual", hidden=16, one_w=True).eval()
    w, u = torch.randn(2, 4, 6), torch.ones(2, 3)
    step = net(w, u) - w
    assert torch.allclose(step, step[:, :1].expand(-1, 4, -1), atol=1e-6) and float(step.detach().abs().max()) > 1e-3
    spread = torch.randn(2, 4, 6)
    other = w + spread - spread.mean(1, keepdim=True)
    assert torch.allclose(net(other, u) - other, step, atol=1e-5), "only the mean of the rows is seen"
    assert torch.equal(net(w, torch.zeros(2, 3)), w) and net.encoder[0].weight.shape == (16, 6)
    direct = PseudoAutoencoder(4, 6, 3, "direct", hidden=16, one_w=True).eval()
    assert torch.allclose(direct(other, u), direct(w, u), atol=1e-5) and torch.equal(direct(w, u)[:, 0], direct(w, u)[:, 3])


def test_changes() -> None:
    source, target = torch.tensor([[0.0, 0.6, 0.9, 0.2]]), torch.tensor([[0.8, 0.1, 0.4, 0.1]])
    assert action_unit_change(source, target, True).tolist() == [[1, -1, 0, 0]]
    assert torch.allclose(action_unit_change(source, target, False), torch.tensor([[0.8, -0.5, -0.5, -0.1]]))


def test_the_loss_by_hand() -> None:
    out = torch.zeros(2, 2, 2)
    target = torch.tensor([[[3.0, 0], [0, 4]], [[0, 0], [0, 1]]])
    assert latent_distance(out, target).item() == pytest.approx((5 + 1) / 2)


def test_a_transition_meets_its_ends() -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 1, 4, 6)).astype(np.float32)
    assert np.array_equal(transition(a, b, 0), a) and np.array_equal(transition(a, b, 1), b)
    assert np.allclose(transition(a, b, 0.25), 0.75 * a + 0.25 * b, atol=1e-6)


def test_presets_are_the_papers() -> None:
    o = choose(AutoencoderOptions, PRESETS, "paper")
    assert (o.form, o.binary, o.epochs, o.halve_every) == ("direct", True, 150, 10)
    assert (o.hidden, o.copies, o.learning_rate, o.weight_decay, o.identity) == (512, 5, 1e-2, 1e-4, 0)


# --- training -------------------------------------------------------------------------------------------------------


def _people(count: int = 24, faces: int = 6) -> LatentSet:
    """Codes that are a person's own plus one direction for each of two Action Units."""
    latents, _ = planted(count * faces, "w_plus", people=count)
    rng = np.random.default_rng(3)
    units = rng.random((len(latents), 2)).astype(np.float32)
    own = rng.standard_normal((count, NUM_WS, W_SIZE))[np.arange(len(latents)) % count]
    steps = rng.standard_normal((2, NUM_WS, W_SIZE))
    codes = own + np.tensordot(units, steps, 1)
    return replace(latents, codes=codes.astype(np.float32), columns=("AU06", "AU12"), values=units)


def _train(tmp_path: Path, *settings: str) -> LatentEditor:
    torch.set_num_threads(1)
    if not (tmp_path / "set").exists():
        save_latents(tmp_path / "set", _people())
    options = choose(AutoencoderOptions, PRESETS, "autoencoder-smoke", settings)
    run = tmp_path / "-".join(("run", *settings)).replace("=", "")
    Trainer(Autoencoder(options, tmp_path / "set"), run, say=lambda line: None).run()
    return load_editor(run / "weights" / "autoencoder.safetensors", NUM_WS, "abc")


def test_training_learns_and_strangers_stay_themselves(tmp_path: Path) -> None:
    settings = ["steps=250", "learning_rate=0.003", "hidden=32"]
    residual = _train(tmp_path, *settings)
    direct = _train(tmp_path, *settings, "form=direct", "identity=0", "binary=true")
    assert residual.units == ("AU06", "AU12") and not residual.binary and direct.binary
    held_out = _people().part(validation=True)
    w, still = held_out.w_plus(), np.zeros((len(held_out), 2))
    lost = [np.linalg.norm((one.edit(w, still) - w).reshape(len(w), -1), axis=1).mean() for one in (residual, direct)]
    assert lost[0] == 0 and lost[1] > 5
    moved = residual.edit(w, np.tile([0.0, 0.5], (len(w), 1))) - w
    steps = np.random.default_rng(3)
    steps.random((144, 2)), steps.standard_normal((24, NUM_WS, W_SIZE))
    wanted = 0.5 * steps.standard_normal((2, NUM_WS, W_SIZE))[1]
    assert np.sum(moved.mean(0) * wanted) / np.sum(wanted**2) > 0.5, "the step of AU12, on people never seen"


def test_epochs_set_the_steps(tmp_path: Path) -> None:
    save_latents(tmp_path / "set", _people())
    task = Autoencoder(choose(AutoencoderOptions, PRESETS, "paper", ["epochs=20"]), tmp_path / "set")
    assert task.options.steps == round(20 * len(task.source()) / 64)
    at = [task.learning_rate_factor(int(task.steps_an_epoch * epoch) + 1) for epoch in (0, 9, 10, 19)]
    assert at == [1, 1, 0.5, 0.5]
    assert len(task.source()) == len(task.latents.part(False)) * 5, "held-out people are not among the pairs"


def test_the_same_person_is_needed(tmp_path: Path) -> None:
    save_latents(tmp_path / "set", planted(40)[0])
    with pytest.raises(DataError, match="nobody twice"):
        Autoencoder(choose(AutoencoderOptions, PRESETS, "paper"), tmp_path / "set")
    with pytest.raises(DataError, match="2 are named"):
        Autoencoder(choose(AutoencoderOptions, PRESETS, "paper"), [tmp_path, tmp_path])


# --- files ----------------------------------------------------------------------------------------------------------


def test_files(tmp_path: Path) -> None:
    net = _net("residual", units=2)
    path = tmp_path / "a.safetensors"
    save_weights(path, to_weights(net, ("AU06", "AU12"), {"generator": "abc", "binary": False}, {}))
    assert load_weights(path, KIND).tensors["encoder.0.weight"].dtype == np.float16
    editor = load_editor(path, 4, "abc")
    w = np.random.default_rng(0).standard_normal((2, 4, 6)).astype(np.float32)
    change = np.array([[0.5, 0], [0, -1]])
    expected = net(torch.from_numpy(w), torch.from_numpy(change).float()).detach().numpy()
    assert np.abs(editor.edit(w, change) - expected).max() < 0.01
    for num_ws, generator in ((4, "xyz"), (10, "abc")):
        with pytest.raises(WeightsError, match="another generator"):
            load_editor(path, num_ws, generator)
    save_weights(path, to_weights(net, ("AU06",), {"generator": "abc", "binary": False}, {}))
    with pytest.raises(WeightsError, match="names 1 Action Units"):
        load_editor(path, 4, "abc")
