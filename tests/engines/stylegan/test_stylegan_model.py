"""Model files, fingerprints, latent files, pictures from seeds, ONNX export, projection: all with a tiny generator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mimica.engines.stylegan.convert import halved, with_average
from mimica.engines.stylegan.encoder import ENCODER_KIND, Encoder
from mimica.engines.stylegan.generate import mixing_grid, pictures, walk
from mimica.engines.stylegan.invert import Projection, Search, learning_rate_factor
from mimica.engines.stylegan.model import Latents, Model, load_latents, load_model, save_latents, seed_w, seed_z
from mimica.engines.stylegan.networks import GENERATOR_KIND, Generator
from mimica.engines.stylegan.seeds import parse_seeds
from mimica.errors import DataError, ValueRangeError, WeightsError
from mimica.metrics import psnr
from mimica.model_files.checkpoint import Weights, load_weights, module_tensors, save_weights
from mimica.model_files.onnx_session import open_session

CONFIG = {"size": 16, "z_size": 8, "w_size": 8, "depth": 2, "channel_base": 128, "channel_max": 16}


def write_generator(path: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    generator = Generator(**CONFIG)
    generator.mapping.w_average.normal_()
    save_weights(path, Weights(GENERATOR_KIND, 1, (), CONFIG, module_tensors(generator)))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return load_model(write_generator(tmp_path / "g.safetensors"))


@pytest.mark.parametrize("text, seeds", [("1-3,7", [1, 2, 3, 7]), (" 5 ", [5]), ("0", [0]), ("2 - 3", [2, 3])])
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1,,2", "0-99999", "4294967296", "1.5", "١"])
def test_bad_seeds(text: str) -> None:
    with pytest.raises(ValueRangeError, match="names no seeds"):
        parse_seeds(text)


def test_a_seed_is_numpys(model: Model) -> None:
    assert np.allclose(seed_z([5], 8)[0], np.random.RandomState(5).randn(8))
    assert torch.allclose(seed_w(model, [1, 5])[1], seed_w(model, [5])[0], atol=1e-5)
    assert torch.allclose(seed_w(model, [5], 0.0)[0], model.generator.mapping.w_average.expand(6, -1))


def test_the_fingerprint_is_the_numbers(tmp_path: Path, model: Model) -> None:
    again = load_weights(tmp_path / "g.safetensors", GENERATOR_KIND)
    save_weights(tmp_path / "half.safetensors", Weights(GENERATOR_KIND, 1, (), CONFIG, halved(again.tensors)))
    half = load_model(tmp_path / "half.safetensors")
    assert half.fingerprint != model.fingerprint  # rounded numbers are others
    tensors = load_weights(tmp_path / "half.safetensors", GENERATOR_KIND).tensors
    wide = {name: array.astype(np.float32) for name, array in tensors.items()}
    save_weights(tmp_path / "wide.safetensors", Weights(GENERATOR_KIND, 1, (), CONFIG, wide))
    assert load_model(tmp_path / "wide.safetensors").fingerprint == half.fingerprint


def test_an_encoder_of_another_generator_is_refused(tmp_path: Path) -> None:
    path = write_generator(tmp_path / "generator.safetensors")
    encoder = Encoder(4, 8, width=2, hidden=4)
    save_weights(tmp_path / "encoder.safetensors", Weights(ENCODER_KIND, 1, (), encoder.config, module_tensors(encoder)))
    with pytest.raises(WeightsError, match="encoder of another generator"):
        load_model(path)


def test_latents_come_back_and_belong_to_their_generator(tmp_path: Path, model: Model) -> None:
    w_plus = seed_w(model, [1, 2]).numpy()
    matrices = np.arange(12.0).reshape(2, 2, 3)
    latents = Latents(w_plus, ["a", "ä"], model.fingerprint, matrices, {3: np.ones((2, 1, 8, 8), np.float32)})
    save_latents(tmp_path / "x.npz", latents)
    back = load_latents(tmp_path / "x.npz", model)
    assert np.array_equal(back.w_plus, w_plus) and back.names == ["a", "ä"] and np.array_equal(back.matrices, matrices)
    assert list(back.noises) == [3]
    other = load_model(write_generator(tmp_path / "other.safetensors", seed=1))
    with pytest.raises(DataError, match="latents of another generator"):
        load_latents(tmp_path / "x.npz", other)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"nonsense"])
def test_other_files_are_no_latents(tmp_path: Path, model: Model, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match="no latent file of Mimica's"):
        load_latents(tmp_path / "x.npz", model)
    with pytest.raises(DataError, match="There is no latent file"):
        load_latents(tmp_path / "y.npz", model)


@pytest.mark.parametrize(
    "changed, word",
    [
        ({"names": np.array(["a"])}, "damaged"),
        ({"w_plus": np.array([["x"]])}, "no latent file"),
        ({"w_plus": np.full((2, 4, 8), np.nan, np.float32)}, "damaged"),
        ({"names": np.array("a")}, "no latent file"),
    ],
)
def test_damaged_latents_are_told(
    tmp_path: Path, model: Model, changed: dict[str, np.ndarray], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_latents(tmp_path / "x.npz", Latents(seed_w(model, [1, 2]).numpy(), ["a", "b"], model.fingerprint))
    with np.load(tmp_path / "x.npz") as file:
        arrays = dict(file) | changed
    np.savez(tmp_path / "y.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=word):
        load_latents(tmp_path / "y.npz", model)
    assert load_latents(tmp_path / "x.npz", model).names == ["a", "b"]
    monkeypatch.setattr("mimica.engines.stylegan.model.MAX_LATENT_BYTES", 100)
    with pytest.raises(DataError, match="no latent file"):
        load_latents(tmp_path / "x.npz", model)


def test_pickled_latents_are_not_opened(tmp_path: Path, model: Model) -> None:
    np.savez(tmp_path / "x.npz", w_plus=np.array([{}], object))
    with pytest.raises(DataError, match="no latent file"):
        load_latents(tmp_path / "x.npz", model)


def test_pictures_mix_and_walk(model: Model) -> None:
    w_plus = seed_w(model, [1, 2, 3])
    made = list(pictures(model, w_plus, batch=2))
    assert len(made) == 3 and made[0].shape == (16, 16, 3) and made[0].dtype == np.uint8
    rows = mixing_grid(model, w_plus[:1], w_plus[1:], crossover=6)
    assert rows[0][0] is None and np.array_equal(rows[1][1], made[0])  # all num_ws are the row's
    rows = mixing_grid(model, w_plus[:1], w_plus[1:], crossover=0)
    assert np.array_equal(rows[1][2], made[2])
    with pytest.raises(ValueRangeError, match="crossover is 7"):
        mixing_grid(model, w_plus, w_plus, 7)
    steps = walk(w_plus, 4)
    assert len(steps) == 12 and torch.equal(steps[::4], w_plus)
    straight = walk(w_plus, 2, loop=False)
    assert len(straight) == 5 and torch.equal(straight[-1], w_plus[-1])
    assert torch.allclose(straight[1], (w_plus[0] + w_plus[1]) / 2)


def test_onnx_renders_the_same_without_torch(tmp_path: Path, model: Model) -> None:
    from mimica.engines.stylegan.export import export

    export(model, tmp_path / "g.onnx")
    session = open_session(tmp_path / "g.onnx", threads=1)
    about = session.about()
    assert about["fingerprint"] == model.fingerprint and about["config"] == CONFIG
    assert np.allclose(about["w_average"], model.generator.mapping.w_average)
    for count in (1, 3):
        w_plus = seed_w(model, range(count))
        wanted = np.stack(list(pictures(model, w_plus)))
        assert np.abs(session.run({"w_plus": w_plus.numpy()}, wanted.shape)[0].astype(int) - wanted).max() <= 2


def test_a_missing_mean_is_computed(tmp_path: Path, model: Model) -> None:
    weights = load_weights(tmp_path / "g.safetensors", GENERATOR_KIND)
    without = Weights(GENERATOR_KIND, 1, (), CONFIG, {**weights.tensors, "mapping.w_average": np.zeros(8, np.float32)})
    found = with_average(without).tensors["mapping.w_average"]
    w = model.generator.mapping(torch.randn(20_000, 8)).mean(0)
    assert np.abs(found - w.numpy()).max() < 0.05 * float(w.abs().max()) + 1e-3
    assert with_average(weights) is weights


# --- projection -------------------------------------------------------------------------------------------------------


def features(images: torch.Tensor) -> list[torch.Tensor]:
    return [images, torch.nn.functional.avg_pool2d(images, 2)]


def search_for(model: Model, **options: object) -> Projection:
    with torch.no_grad():
        target = model.generator.synthesis(seed_w(model, [3], 0.7))
    return Projection(model, target, features, Search(**{"steps": 150, "near": 0.0, **options}))  # type: ignore[arg-type]


def to_levels(images: torch.Tensor) -> np.ndarray:
    return ((images.clamp(-1, 1) + 1) * 127.5).numpy()


@pytest.mark.parametrize("space", ["w", "w_plus"])
def test_a_latent_of_the_generators_own_is_found_again(model: Model, space: str) -> None:
    search = search_for(model, space=space)
    search.run()
    assert psnr(to_levels(search.pictures()), to_levels(search.target)) > 30
    assert search.w_plus.shape == (1, 6, 8)
    if space == "w":
        assert torch.equal(search.w_plus[0, 0], search.w_plus[0, 5])


def test_noise_pictures_are_searched_for_and_stay_normal(model: Model) -> None:
    for layer in model.generator.synthesis.layers:
        layer.noise_strength.data.fill_(0.5)
    search = search_for(model, noises=True, steps=30)
    before = [noise.detach().clone() for noise in search.noises]
    search.run()
    for old, new in zip(before, search.noises, strict=True):
        assert not torch.equal(old, new) and abs(new.mean().item()) < 1e-5 and abs(new.std(correction=0).item() - 1) < 1e-4


def test_a_stopped_search_goes_on_as_if_nothing_had_been(tmp_path: Path, model: Model) -> None:
    whole = search_for(model, steps=12)
    whole.run()
    first = search_for(model, steps=12)

    def stop(step: int, _loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.run(stop)
    first.save(tmp_path / "part.npz")
    second = search_for(model, steps=12)
    second.restore(tmp_path / "part.npz")
    assert second.step == 5
    second.run()
    assert torch.equal(second.w_plus, whole.w_plus) and second.history == whole.history
    other = search_for(model, steps=12, space="w")
    with pytest.raises(DataError, match="another search"):
        other.restore(tmp_path / "part.npz")
    content = (tmp_path / "part.npz").read_bytes()
    for damaged in (content[:-100], content.replace(b"NUMPY", b"NUMPX"), content.replace(b"'shape': (", b"'shape': [", 1), b"PK"):
        (tmp_path / "part.npz").write_bytes(damaged)
        with pytest.raises(DataError, match="is damaged"):
            search_for(model, steps=12).restore(tmp_path / "part.npz")


def test_the_rate_rises_and_falls() -> None:
    assert learning_rate_factor(0.025) == pytest.approx(0.5) and learning_rate_factor(0.5) == 1.0
    assert learning_rate_factor(0.875) == pytest.approx(0.5) and learning_rate_factor(1.0) == pytest.approx(0.0)


def test_a_missing_shipped_generator_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("mimica.engines.stylegan.model.SHIPPED", tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="give one with --weights"):
        load_model()
