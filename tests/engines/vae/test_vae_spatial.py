"""The latent map: it begins as principal components, learns from pairs, runs without torch, and brings changes to the photo."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from bright_mouth import ASTRONAUT, reading

from mimica.animation import prepare, render_frame
from mimica.config import choose
from mimica.engines.vae.attributes import fit_file, principal_steps
from mimica.engines.vae.codec import Codec, load_engine_file
from mimica.engines.vae.data import open_all, open_data
from mimica.engines.vae.edit import VaeEngine, load_vae
from mimica.engines.vae.export import export, load_network
from mimica.engines.vae.pair_source import PairSource, drawn_pairs, frame_pairs, switches_of
from mimica.engines.vae.pairs import switch_names
from mimica.engines.vae.spatial import Recent, SpatialShape, SpatialVae
from mimica.engines.vae.spatial_train import layer_loss, pictures_of, start_steps
from mimica.engines.vae.stages import cut, erased_by, sorted_steps
from mimica.engines.vae.train import PRESETS, Vae, VaeOptions
from mimica.engines.vae.translate import fitted
from mimica.errors import DataError
from mimica.evaluate.vae import evaluate
from mimica.facs import SIDED_AU_NAMES
from mimica.training.batches import Draw
from mimica.training.loop import Trainer
from mimica.training.run_folder import read_log

SMALL = ["image_size=16", "patch=1", "channels=8,8,16", "code=12", "steps=60", "log_every=10", "sample_every=0"]
SMALL += ["accelerator=cpu", "perceptual_weight=0", "late=0.8", "learning_rate=3e-3"]


@pytest.fixture(scope="module")
def run(tiny_pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "drawn"
    options = choose(VaeOptions, PRESETS, "drawn", SMALL)
    return Trainer(Vae(options, tiny_pairs), folder, say=lambda _: None).run()


@pytest.fixture(scope="module")
def weights(run: Path, tiny_pairs: Path) -> Path:
    """An engine file with what was trained and what labels say."""
    export(run / "weights" / "vae.safetensors", run / "bare.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mimica.engines.vae.translate.fitted", partial(fitted, steps=80))
        fit_file(tiny_pairs, run / "engine.safetensors", run / "bare.safetensors")
    return run / "engine.safetensors"


@pytest.fixture(scope="module")
def engine(weights: Path) -> VaeEngine:
    return load_vae(weights)


def _network(data: Path) -> SpatialVae:
    torch.manual_seed(0)
    net = SpatialVae(SpatialShape(16, 1, (8, 8, 16), 12, 0.5, ("beard", "glasses")))
    faces = open_data(data)
    net.start(pictures_of(faces, np.arange(len(faces))))
    start_steps(net, faces, net.shape.switches)
    return net.eval()


def test_it_begins_as_principal_components_and_mean_differences(tiny_pairs: Path):
    faces, net = open_data(tiny_pairs), _network(tiny_pairs)
    pairs = [pair for pair in drawn_pairs(faces, net.shape.switches, validation=True) if pair.switch == 1]
    x, y = (pictures_of(faces, np.array([getattr(pair, name) for pair in pairs])) for name in ("photo", "row"))
    with torch.no_grad():
        coded = net.encode(x)
        own, edited = net.decode(coded.mean), net.decode(coded.mean + net.switches[1])
    assert (own.image - x).abs().mean() < 0.25 * (x - x.mean()).abs().mean()
    assert (edited.image - own.image - y + x).abs().mean() < 0.5 * (x - y).abs().mean()
    assert (coded.log_variance.exp() < 1).all() and edited.layer[:, 0].max() < -3
    assert torch.allclose(net.erased(coded.mean, torch.zeros(len(x), dtype=torch.long)), coded.mean), "it takes nothing yet"


def test_it_learns_from_pairs(run: Path):
    rows = read_log(run)
    for name in ("changed", "undone", "erase", "layer", "mask_dice"):
        assert rows[-1][name] < rows[0][name], name
    assert "sharpen" in rows[-1] and "sharpen" not in rows[0], "the critic comes late"


def test_a_stopped_run_goes_on_as_if_it_had_not(run: Path, tiny_pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    options = choose(VaeOptions, PRESETS, "drawn", [*SMALL, "checkpoint_every=20"])
    first = Trainer(Vae(options, tiny_pairs), tmp_path / "again", say=lambda _: None)
    monkeypatch.setattr(first, "_should_stop", lambda: first.step >= 52)
    first.run()
    Trainer(Vae(options, tiny_pairs), tmp_path / "again", say=lambda _: None).run()
    once, twice = (load_network(folder / "weights" / "vae.safetensors")[0] for folder in (run, tmp_path / "again"))
    assert all(torch.equal(a, b) for a, b in zip(once.state_dict().values(), twice.state_dict().values(), strict=True))


def test_onnx_is_torch(run: Path, weights: Path):
    net, _ = load_network(run / "weights" / "vae.safetensors")
    codec = Codec(load_engine_file(weights)[0])
    rng = np.random.default_rng(0)
    pictures, z = rng.integers(0, 256, (3, 16, 16, 3), np.uint8), rng.standard_normal((3, codec.latent)).astype(np.float32)
    assert isinstance(net, SpatialVae)
    with torch.no_grad():
        mean = net.encode(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1).mean
        decoded, erased = net.decode(torch.from_numpy(z)), net.erased(torch.from_numpy(z), torch.ones(3, dtype=torch.long))
    assert np.allclose(codec.encode(pictures), mean.numpy(), atol=0.02)
    _, _, layers = codec.decode_layers(z)
    assert np.allclose(layers[..., 0], decoded.layer[:, 0].numpy(), atol=0.05)
    assert np.allclose(codec.erase(z, 1), erased.numpy(), atol=0.02)


def test_what_was_trained_outlives_the_fit(run: Path, engine: VaeEngine):
    net, vectors = load_network(run / "weights" / "vae.safetensors")[0], engine.vectors
    assert isinstance(net, SpatialVae) and vectors.switches == ("beard", "glasses")
    assert np.allclose(vectors.of("glasses"), net.switches[1].detach().numpy())
    assert not np.allclose(vectors.of("glasses", plain=True), vectors.of("glasses"))
    assert np.allclose(vectors.units, net.unit_steps.detach().numpy()) and "dark_hair" in vectors.attributes
    assert vectors.basis is not None and np.array_equal(vectors.draw(2, 5), vectors.draw(2, 5))


def test_new_faces_vary_as_those_of_the_training():
    z = np.random.default_rng(0).standard_normal((300, 5)) @ np.diag([3, 2, 1, 0.5, 0])
    steps = principal_steps(z, 3)
    assert steps.shape == (3, 5) and np.allclose(np.linalg.norm(steps, axis=1), [3, 2, 1], rtol=0.15)
    recent = Recent(5, size=400)
    recent.add(torch.from_numpy(z).float())
    torch.manual_seed(0)
    assert torch.allclose(recent.draw(4000).std(0), torch.tensor([3.0, 2, 1, 0.5, 0]), rtol=0.15, atol=1e-6)


def test_changes_reach_the_photo_by_what_they_are(engine: VaeEngine, astronaut: np.ndarray):
    prepared = prepare(astronaut, [reading(ASTRONAUT)], engine)
    assert np.array_equal(render_frame(prepared, [{"glasses": 0.0}]), prepared.photo)
    for change in ({"glasses": 1.0}, {"glasses": -1.0}, {"dark_hair": 1.0}, {"AU12L": 1.0}):
        assert not np.array_equal(render_frame(prepared, [change]), prepared.photo), change
    zero, all_of_it = np.zeros(engine.codec.latent, np.float32), {"glasses": 0.5, "beard": -0.7, "dark_hair": 1.0, "weight": 1.0}
    vectors = engine.vectors
    steps = sorted_steps(vectors, zero, {name: dose for name, dose in all_of_it.items() if name in vectors.attributes}, False)
    assert steps.erased == {1: 0.7} and steps.objects == ((vectors.switches.index("glasses"), 0.5),)
    assert np.allclose(steps.tints, vectors.of("dark_hair")) and not steps.moves.any() and not steps.nothing
    plain = sorted_steps(vectors, zero, {"glasses": -1.0}, plain=True)
    assert not plain.erased and np.allclose(plain.tints, -vectors.of("glasses", True)), "arithmetic alone"
    assert erased_by("sunglasses", -1) == 0 and erased_by("age", -1) is None and erased_by("beard", 1) is None


def test_a_translator_says_what_a_step_is_on_a_face(engine: VaeEngine, tiny_pairs: Path):
    """It is nearer to the pairs' latents than the constant step, and goes on evenly beyond the doses that it has seen."""
    faces, vectors, codec = open_data(tiny_pairs), engine.vectors, engine.codec
    pairs = [pair for pair in drawn_pairs(faces, vectors.switches, validation=False) if pair.switch == 1]
    z, target = (codec.encode(np.asarray(faces.images[[getattr(p, n) for p in pairs]])) for n in ("photo", "row"))
    moved = np.stack([codec.translate(one, 1, vectors, 1.0) for one in z])
    assert np.abs(moved - target).mean() < 0.9 * np.abs(z + vectors.of("glasses") - target).mean()
    near, far = (codec.translate(z[0], 1, vectors, dose) - z[0] for dose in (1.2, 2.4))
    assert np.allclose(far, 2 * near, atol=1e-4)


def test_an_enlarged_layer_has_sharp_edges():
    logits = np.full((8, 8), -6.0, np.float32)
    logits[2:6, 2:6] = 6.0
    alpha = cut(logits, 64)
    soft = (alpha > 0.1) & (alpha < 0.9)
    assert alpha.max() > 0.99 and alpha.min() == 0 and 0 < soft.sum() < 4 * 32 * 4


def test_a_layer_counts_for_objects_alone():
    x, y, alpha = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4), torch.ones(2, 1, 4, 4)
    right = torch.cat([torch.full((2, 1, 4, 4), 30.0), y], 1)
    assert (
        layer_loss(right, alpha, x, y, torch.tensor([True, True]))
        < 1e-4
        < layer_loss(-right, alpha, x, y, torch.tensor([True] * 2))
    )
    assert layer_loss(-right, alpha, x, y, torch.tensor([False, False])) == 0


def test_pairs_are_those_of_the_same_face(tiny_pairs: Path):
    faces = open_data(tiny_pairs)
    switches = switches_of(faces)
    assert switches == ("beard", "glasses") and len(frame_pairs(faces, validation=True)) == 8
    assert len(drawn_pairs(faces, switches, validation=False)) == 64
    source = PairSource(faces, switches, augment=True, frames=0.5)
    for seed in range(12):
        one = {name: array[0] for name, array in source.batch([Draw(seed, seed)]).items()}
        apart = np.abs(one["image"].astype(int) - one["target"]).max(2)
        if one["switch"] >= 0:
            assert apart[one["alpha"] < 20].mean() < 0.3 * apart[one["alpha"] > 200].mean(), "they are moved alike"
            assert not one["units"].any() and one["dose"] == 1 and one["erased"] == 1 - one["switch"]
        else:
            assert set(np.flatnonzero(one["units"])) == {SIDED_AU_NAMES.index("AU12L"), SIDED_AU_NAMES.index("AU12R")}
            assert not one["alpha"].any() and one["erased"] == -1


def test_switches_are_called_by_what_tells_them_apart():
    names = switch_names(["glasses:wayfarer,black", "glasses:round,gold", "hair:blond,looked at", "lipstick:coral", "age"])
    assert list(names.values()) == ["glasses", "glasses:round,gold", "hair:blond", "lipstick", "age"]


def test_several_folders_are_one_data_set(tiny_pairs: Path, tiny_data: Path):
    both = open_all([tiny_data, tiny_pairs])
    assert len(both) == 60 + 160 and both.pairs.rows.min() == 61 and both.pairs.photos.min() == 60
    assert np.isnan(both.values_of("age")[60:]).all() and np.isfinite(both.values_of("glasses")[60:]).all()


def test_data_without_pairs_are_refused(tiny_data: Path, tiny_pairs: Path, tmp_path: Path):
    options = choose(VaeOptions, PRESETS, "drawn", SMALL)
    with pytest.raises(DataError, match="has no drawn pairs"):
        Trainer(Vae(options, tiny_data), tmp_path / "run", say=lambda _: None).run()
    for name in ("faces.json", "images.npy", "masks.npy", "values.npy", "table.csv", "pairs.csv"):
        (tmp_path / name).write_bytes((tiny_pairs / name).read_bytes())
    np.save(tmp_path / "alphas.npy", np.zeros((3, 16, 16), np.uint8))
    with pytest.raises(DataError, match="damaged"):
        open_data(tmp_path)


def test_the_evaluation_tells_what_was_learnt(engine: VaeEngine, tiny_pairs: Path):
    report = evaluate(open_data(tiny_pairs), [], engine)
    glasses = report.pairs.drawn["glasses"]
    assert glasses["pairs"] == 8 and glasses["decoded"] < 0.5 * glasses["untouched"]
    assert report.pairs.erased["eyewear"]["pairs"] == 8
