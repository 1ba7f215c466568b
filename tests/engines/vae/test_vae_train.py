"""Training on made-up faces: the loss falls, held-out people stay out, what is exported loads; evaluation; command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mimica.cli import app
from mimica.config import choose
from mimica.engines.vae.data import open_data
from mimica.engines.vae.edit import load_vae
from mimica.engines.vae.export import export
from mimica.engines.vae.losses import mae_loss, pixel_weights, ssim_loss
from mimica.engines.vae.train import PRESETS, MaskedSource, Vae, VaeOptions, augmented, principal_components
from mimica.errors import DataError, UserError, ValueRangeError
from mimica.evaluate.vae import _figures, dice, evaluate, fit_probe
from mimica.pictures.images import write_image
from mimica.training.batches import Draw
from mimica.training.loop import Trainer
from mimica.training.run_folder import read_log


def _run(*words: str) -> tuple[int, str]:
    """Exit code and all that is printed; user errors count as the command line's 2."""
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, UserError):
        return 2, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def run(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "vae"
    options = choose(VaeOptions, PRESETS, "smoke", ["accelerator=cpu"])
    return Trainer(Vae(options, tiny_data), folder, say=lambda _: None).run()


def test_the_loss_falls_and_the_weights_load(run: Path, tmp_path: Path):
    rows = read_log(run)
    assert rows[-1]["ssim"] + rows[-1]["mae"] < 0.85 * (rows[0]["ssim"] + rows[0]["mae"])
    assert rows[-1]["mask_dice"] < rows[0]["mask_dice"]
    export(run / "weights" / "vae.safetensors", tmp_path / "engine.safetensors")
    engine = load_vae(tmp_path / "engine.safetensors")
    assert engine.attributes == () and engine.codec.image_size == 16


def test_the_papers_schedule():
    task = Vae(choose(VaeOptions, PRESETS, "paper"), [])
    assert [task.learning_rate_factor(step) for step in (0, 39_999, 40_000, 100_000)] == pytest.approx([1, 1, 1 / 3, 1 / 9])
    assert task.options.learning_rate * task.learning_rate_factor(400_000) == pytest.approx(1e-5)
    assert (task.options.batch_size, task.options.clip_gradients, task.options.kl_weight) == (32, 1e-3, 1e-3)


def test_held_out_people_are_not_trained_on(tiny_data: Path):
    task = Vae(choose(VaeOptions, PRESETS, "smoke"), tiny_data)
    assert not task.data.validation[task.source().rows].any() and task.data.validation[task.sample_source().rows].all()


def test_photos_may_count_for_their_frames(tiny_data: Path):
    data = open_data(tiny_data)
    source = MaskedSource(data, data.rows(validation=False), augment=False, repeat=3)
    assert len(source) == 16 * 3 + 32
    batch = source.batch([Draw(0, 1), Draw(1, 2)])
    assert np.array_equal(batch["image"][0], data.images[source.rows[0]]) and batch["mask"].shape == (2, 16, 16)


def test_augmentation_moves_picture_and_mask_together():
    """A picture that is its own mask stays so, up to the tint."""
    mask = np.zeros((32, 32), np.uint8)
    mask[6:20, 9:25] = 255
    image = np.repeat(mask[..., None], 3, axis=2)
    for seed in range(8):
        moved, where = augmented(image, mask, np.random.default_rng(seed))
        assert np.corrcoef(moved.mean(2).ravel(), where.ravel())[0, 1] > 0.99
    assert np.array_equal(
        augmented(image, mask, np.random.default_rng(3))[0], augmented(image, mask, np.random.default_rng(3))[0]
    )


def test_weights_of_pixels_by_hand():
    """Half of the picture is head, at weight 3, face at 1: (1 + 3) / 2 = 2 on average, so 0.5 and 1.5."""
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    weights = pixel_weights(mask, 3.0, 1.0)
    assert weights[0, 0, 0].tolist() == [1.5, 1.5, 0.5, 0.5]
    assert torch.equal(pixel_weights(mask, 1.0, 1.0), torch.ones(1, 1, 4, 4))
    face = pixel_weights(torch.zeros(1, 1, 40, 40), 1.0, 2.0)
    assert face[0, 0, 23, 20] == 2 * face[0, 0, 2, 2]
    a, b = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    b[..., 0] = 1.0
    assert mae_loss(a, b, weights).item() == pytest.approx(1.5 / 4 / 2)
    a, b = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    assert ssim_loss(a, b, torch.ones(1, 1, 16, 16)).item() == pytest.approx(ssim_loss(a, b).item(), abs=1e-6)


def test_principal_components_of_the_data(tiny_data: Path):
    """Encoded training faces are white, and the components rebuild them better than their mean does."""
    options = choose(VaeOptions, PRESETS, "smoke", ["linear_side=8", "latent=12", "head_weight=3", "face_weight=2"])
    task = Vae(options, tiny_data)
    parts = task.build(options)
    net = parts.modules["vae"].eval()
    rows = task.data.rows(validation=False)
    pictures = np.concatenate([p := np.asarray(task.data.images[rows]), p[:, :, ::-1]])
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        mean = net.encode(images).mean
        decoded = net.decode(mean).image
    assert torch.allclose(mean.mean(0), torch.zeros(12), atol=0.05) and torch.allclose(mean.std(0), torch.ones(12), atol=0.02)
    assert (decoded - images).square().mean() < 0.3 * (images - images.mean(0)).square().mean()
    rates = [group["lr"] for group in parts.optimisers["vae"].param_groups]
    assert rates == pytest.approx([options.learning_rate, 0.02 * options.learning_rate])
    with pytest.raises(DataError, match="too few"):
        principal_components(task.data, rows[:3], options)


def test_a_wrong_size_is_told(tiny_data: Path):
    with pytest.raises(ValueRangeError, match="--size 32"):
        Vae(choose(VaeOptions, PRESETS, "smoke", ["image_size=32"]), tiny_data).source()


# --- evaluation -----------------------------------------------------------------------------------------------------


def test_dice_by_hand():
    a, b = np.zeros((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
    a[0, 0], b[0, :, 0] = True, True  # two pixels each, one in common; the second pair is empty
    assert dice(a, b) == pytest.approx((0.5 + 1) / 2)


def test_figures_by_hand():
    """Two photos, two attributes of standard deviation 1: the first rises by 2 and 1, and drags the second by 0.5 and 0.1."""
    before = np.array([[0.0, 0.0], [2.0, 2.0]])
    after = {("plain", "a"): np.array([[2.0, 0.5], [3.0, 1.9]])}
    row, mean = _figures(["a", "b"], before, after)["plain"].values()
    assert row["rises"] == 1 and row["change"] == pytest.approx(1.5, rel=1e-4) and mean == row
    assert row["moved"] == pytest.approx(0.3, rel=1e-4) and row["drag"] == pytest.approx(0.2, rel=1e-4)


def test_a_probe_sees_what_is_in_the_pixels(tiny_data: Path):
    data = open_data(tiny_data)
    probe = fit_probe(data, data.rows(validation=False), ["smile"], ridge=1.0)
    held_out = data.rows(validation=True)
    assert np.corrcoef(probe(np.asarray(data.images[held_out]))[:, 0], data.values_of("smile")[held_out])[0, 1] > 0.7


def test_evaluation_runs_on_data_and_photos(tiny_data: Path, tiny_weights: Path, astronaut: np.ndarray, tmp_path: Path):
    write_image(tmp_path / "astronaut.png", astronaut)
    write_image(tmp_path / "blank.png", np.full((120, 120, 3), 200, np.uint8))
    report = evaluate(open_data(tiny_data), sorted(tmp_path.glob("*.png")), load_vae(tiny_weights))
    assert report.faces == {"training": 16, "held out": 4} and report.photos == 1 and len(report.missing) == 1
    assert set(report.edits) == {"mean difference", "de-correlated"} and set(report.edits["de-correlated"]) == {
        "smile",
        "age",
        "mean",
    }
    assert report.judges["smile"] == "reader" and report.judges["age"].startswith("probe")
    for part in report.reconstruction.values():
        assert -1 <= part["SSIM"] <= 1 and 0 < part["MAE"] < 1 and 0 <= part["Dice"] <= 1


# --- command line ---------------------------------------------------------------------------------------------------


def test_commands_of_the_attributes(tiny_weights: Path, tiny_data: Path, tmp_path: Path):
    code, text = _run("attributes", "list", "--weights", str(tiny_weights))
    assert code == 0 and "smile" in text and "30" in text
    fitted, cosines = tmp_path / "fitted.safetensors", tmp_path / "cosines.png"
    words = ["--only", "smile", "--only", "age", "--weights", str(tiny_weights), "--heat-map", str(cosines)]
    code, _ = _run("attributes", "fit", str(tiny_data), "-o", str(fitted), *words)
    assert code == 0 and cosines.is_file() and load_vae(fitted).attributes == ("smile", "age")
    code, _ = _run("attributes", "samples", "-o", str(tmp_path / "s.png"), "--count", "3", "--weights", str(fitted))
    assert code == 0 and (tmp_path / "s.png").is_file()
    code, _ = _run("attributes", "reconstruct", str(tiny_data), "-o", str(tmp_path / "r.png"), "--weights", str(fitted))
    assert code == 0 and (tmp_path / "r.png").is_file()


def test_commands_on_a_photo(tiny_weights: Path, tmp_path: Path):
    photo, weights = "examples/astronaut.jpg", ["--weights", str(tiny_weights)]
    strip = ["attributes", "strip", photo, "--attribute", "smile", *weights]
    assert _run(*strip, "-o", str(tmp_path / "strip.png"))[0] == 0 and (tmp_path / "strip.png").is_file()
    assert _run("attributes", "interpolate", photo, photo, "-o", str(tmp_path / "i.png"), "--steps", "2", *weights)[0] == 0
    edit = ["edit", photo, "--engine", "vae", *weights]
    for name, more in (("a", []), ("b", ["--no-detail"])):
        assert _run(*edit, "--attribute", "smile=2", *more, "-o", str(tmp_path / f"{name}.png"))[0] == 0
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--engine", "vae", "--attribute", "grin=1"], "no attribute 'grin'"),
        (["--engine", "vae", "--attribute", "smile=much"], "cannot read"),
        (["--engine", "vae", "--attribute", "smile=9"], "-4 to 4"),
        (["--attribute", "smile=1"], "--engine vae"),
        (["--expression", "happy", "--no-detail"], "--no-detail is for"),
    ],
)
def test_bad_wishes_end_as_one_sentence(words: list[str], sentence: str, tiny_weights: Path, tmp_path: Path):
    weights = ["--weights", str(tiny_weights)] if "vae" in words else []
    code, text = _run("edit", "examples/astronaut.jpg", *words, *weights, "-o", str(tmp_path / "out.png"))
    assert code == 2 and sentence in text and not (tmp_path / "out.png").exists()
