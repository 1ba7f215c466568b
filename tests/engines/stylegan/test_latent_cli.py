"""`mimica prepare latents`, `directions`, `transition`, `evaluate bias` with a tiny generator, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from planted import NUM_WS, planted  # noqa: E402
from test_codec import tiny_model  # noqa: E402

from mimica.cli import app  # noqa: E402
from mimica.engines.stylegan.autoencoder import PseudoAutoencoder, to_weights  # noqa: E402
from mimica.engines.stylegan.directions import load_directions  # noqa: E402
from mimica.engines.stylegan.encoder import ENCODER_KIND  # noqa: E402
from mimica.engines.stylegan.latents import READ_COLUMNS, LatentSet, open_latents, save_latents  # noqa: E402
from mimica.engines.stylegan.networks import GENERATOR_KIND  # noqa: E402
from mimica.errors import UserError  # noqa: E402
from mimica.facs import AU_NAMES  # noqa: E402
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator with its encoder, directions and autoencoder, and a latent data set of 40 people."""
    folder, model = tmp_path_factory.mktemp("stylegan"), tiny_model()
    assert model.encoder is not None
    for name, kind, net in (("generator", GENERATOR_KIND, model.generator), ("encoder", ENCODER_KIND, model.encoder)):
        save_weights(folder / f"{name}.safetensors", Weights(kind, 1, (), net.config, module_tensors(net)))
    for name, form in (("autoencoder", "residual"), ("autoencoder_paper", "direct")):
        net = PseudoAutoencoder(10, 8, len(AU_NAMES), form, hidden=8)  # type: ignore[arg-type]
        config = {"generator": model.fingerprint, "binary": False}
        save_weights(folder / f"{name}.safetensors", to_weights(net, AU_NAMES, config, {}))
    rng = np.random.default_rng(0)
    subjects = tuple(f"person {i % 40}" for i in range(240))
    names, values = tuple(f"face {i}" for i in range(240)), rng.random((240, len(READ_COLUMNS))).astype(np.float32)
    codes = rng.standard_normal((240, 10, 8)).astype(np.float32)
    save_latents(
        folder / "set",
        LatentSet("made up", model.fingerprint, 10, codes, READ_COLUMNS, values, names, subjects, ("",) * 240),
    )
    return folder


def _run(*words: object) -> str:
    """What a command prints; its `UserError` is raised."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_directions_are_fitted_added_listed_and_shown(folder: Path, tmp_path: Path) -> None:
    file, generator = tmp_path / "d.safetensors", folder / "generator.safetensors"
    said = _run("directions", "fit", folder / "set", "-c", "grin=12", "-c", "yaw", "--compare", "--layers", "0-2", "-o", file)
    assert "svm" in said and "logistic" in said and "held-out" in said
    _run("directions", "fit", folder / "set", "-c", "happy", "--within", "--keep", "yaw", "--add", "-o", file)
    known = load_directions(file, NUM_WS)
    assert list(known) == ["grin", "turn", "happiness"] and known["grin"].layers == (0, 1, 2)
    assert known["happiness"].layers == (0, 1, 2, 3)
    listed = _run("directions", "list", "--directions", file, "--weights", generator)
    assert "grin" in listed and "AU12" in listed and "0-2" in listed
    sheet = tmp_path / "show.png"
    _run("directions", "show", "--directions", file, "--weights", generator, "--only", "grin", "--seeds", "1-2", "-o", sheet)
    picture = cv2.imread(str(sheet))
    assert picture is not None and picture.shape[1] > picture.shape[0]


def test_transitions(folder: Path, tmp_path: Path) -> None:
    generator = folder / "generator.safetensors"
    for which in ("residual", "paper"):
        strip = tmp_path / f"{which}.png"
        _run(
            "transition",
            "--from",
            "sad",
            "--to",
            "happy",
            "--seeds",
            "3",
            "--weights",
            generator,
            "-o",
            strip,
            "--autoencoder",
            which,
        )
        assert cv2.imread(str(strip)) is not None
    video = tmp_path / "t.mp4"
    _run("transition", "--to", "happy", "--seeds", "3", "--weights", generator, "--seconds", "0.5", "--fps", "10", "-o", video)
    frames = cv2.VideoCapture(str(video))
    assert frames.get(cv2.CAP_PROP_FRAME_COUNT) == 5


def test_figures(folder: Path, tmp_path: Path) -> None:
    generator, file = folder / "generator.safetensors", tmp_path / "d.safetensors"
    _run("directions", "fit", folder / "set", "-c", "happy", "-o", file)
    said = _run("evaluate", "directions", "--directions", file, "--weights", generator, "--count", "3", "--json")
    report = json.loads(said[said.index("{") :])
    assert set(report["rows"]["happiness"]) >= {"rises", "change", "wins"} and len(report["curves"]["happiness"]) == 7
    said = _run("evaluate", "bias", folder / "set", "--weights", generator, "--count", "4", "--json")
    report = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert report["pairs"] == {"trained": 4, "unseen": 4}
    assert report["rows"]["residual, unseen"]["still"] == 0 < report["rows"]["paper, unseen"]["still"]
    assert report["rows"]["residual, trained"]["psnr"] == 99


def test_samples_are_prepared(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimica.prepare.latents.MIN_CONFIDENCE", 0.0)
    generator = folder / "generator.safetensors"
    _run("prepare", "latents", "--sample", "6", "--weights", generator, "-o", tmp_path / "s")
    assert len(open_latents(tmp_path / "s")) == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prepare", "latents", "-o", "x"], "say which"),
        (["prepare", "latents", ".", "--sample", "5", "-o", "x"], "say which"),
        (["prepare", "folder", "-o", "x"], "name one"),
        (["directions", "fit", "{set}", "-c", "jaw", "-o", "{tmp}/d.safetensors"], "did you mean 'yaw'"),
        (["directions", "fit", "{set}", "--learner", "smv", "-o", "{tmp}/d.safetensors"], "did you mean 'svm'"),
        (["directions", "fit", "{set}", "--layers", "0-99", "-o", "{tmp}/d.safetensors"], "0 to 9"),
        (["directions", "fit", "{tmp}", "-o", "{tmp}/d.safetensors"], "prepare latents"),
        (["directions", "fit", "{set}", "-o", "{tmp}/d.npy"], "must end in"),
        (["directions", "list", "--weights", "{generator}"], "no directions"),
        (["transition", "--weights", "{generator}", "--to", "hapy", "-o", "{tmp}/t.png"], "did you mean 'happy'"),
        (["transition", "--weights", "{generator}", "--autoencoder", "none", "-o", "{tmp}/t.png"], "no model file"),
        (["transition", "--weights", "{generator}", "-o", "{tmp}/t.txt"], "must end in"),
        (["evaluate", "bias", "{tmp}", "--weights", "{generator}"], "no latent data set"),
    ],
)
def test_what_is_refused(folder: Path, tmp_path: Path, words: list[str], said: str) -> None:
    names = {"set": folder / "set", "tmp": tmp_path, "generator": folder / "generator.safetensors"}
    with pytest.raises(UserError, match=said):
        _run(*(word.format(**names) for word in words))
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_latents_of_another_generator(folder: Path, tmp_path: Path) -> None:
    save_latents(tmp_path / "set", planted(30)[0])
    with pytest.raises(UserError, match="another generator"):
        _run("evaluate", "bias", tmp_path / "set", "--weights", folder / "generator.safetensors")
