"""`mimica train` and `mimica prepare` as typed by a user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mimica.cli.prepare import prepare
from mimica.cli.train import TRAINERS, find_task, train
from mimica.data.dataset import DatasetWriter, open_datasets
from mimica.errors import DataError, UserError


def run(command: Any, *words: str) -> Any:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with DatasetWriter(folder, "noise", 64, ("AU01", "AU12")) as writer:
        for i in range(20):
            picture = np.random.default_rng(i).integers(0, 256, (64, 64, 3), np.uint8)
            writer.add(picture, {"AU01": i / 20, "AU12": 0.5}, f"{i}", f"{i}")
    return folder


TINY = [f"--set={word}" for word in ("steps=5", "batch_size=2", "width=4", "accelerator=cpu", "sample_every=0")]


def test_a_training_is_run_and_resumed(tmp_path: Path, data: Path) -> None:
    words = ["ganimation", "--preset", "smoke", "--data", str(data), "-o", str(tmp_path / "run"), *TINY]
    first = run(train, *words)
    assert first.exit_code == 0, first.output
    assert "Finished at step 5 of 5" in first.output
    assert (tmp_path / "run" / "weights" / "generator.safetensors").is_file()
    again = run(train, *words, "--set", "steps=6", "--variant", "paper")
    assert again.exit_code == 0 and "step 6 of 6" in again.output
    assert "Resumed at step 5" in (tmp_path / "run" / "run.md").read_text()


def test_a_dry_run_tells_sizes_and_writes_nothing(data: Path) -> None:
    result = run(train, "ganimation", "--preset=smoke", "--data", str(data), "--dry-run", *TINY)
    assert result.exit_code == 0 and "critic:" in result.output and "samples" in result.output
    assert not Path("dry-run").exists()


def test_options_are_printed() -> None:
    result = run(train, "ganimation", "--preset", "paper", "--variant", "authors-code", "--print-options")
    assert "variant = authors-code" in result.output and "au_weight = 4000.0" in result.output
    assert "steps = 240000" in result.output and "batch_size = 25" in result.output


@pytest.mark.parametrize(
    "words, message",
    [
        (["ganimatoin"], "did you mean 'ganimation'"),
        (["ganimation", "--preset", "papr"], "did you mean 'paper'"),
        (["ganimation"], "needs --data"),
        (["ganimation", "--data", "x"], "needs -o"),
        (["ganimation", "--data", "nothing", "-o", "run"], "no prepared data set"),
        (["ganimation", "--set", "au_wieght=3"], "did you mean 'au_weight'"),
    ],
)
def test_mistakes_are_told(words: list[str], message: str) -> None:
    result = run(train, *words)
    assert isinstance(result.exception, UserError) and message in str(result.exception)


@pytest.mark.parametrize(
    "command, words, cut, wanted",
    [
        (train, "ganimation --preset smoke --data", "ffhq", "tight"),
        (train, "stylegan --preset smoke --data", "tight", "ffhq"),
        (train, "stylegan --preset embedded --data", "tight", "ffhq"),
        (prepare, "redrawn", "tight", "ffhq"),
        (prepare, "latents --posed", "tight", "ffhq"),
    ],
)
def test_faces_cut_in_the_other_way_are_refused(tmp_path: Path, command: Any, words: str, cut: str, wanted: str) -> None:
    (tmp_path / "set").mkdir()
    with DatasetWriter(tmp_path / "set", "noise", 32, ("AU12",), crop=cut) as writer:
        writer.add(np.zeros((32, 32, 3), np.uint8), {"AU12": 0.5}, "0", "person")
    result = run(command, *words.split(), str(tmp_path / "set"), "-o", str(tmp_path / "out"))
    assert isinstance(result.exception, DataError) and f"{cut} crops; {wanted} ones are needed" in str(result.exception)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_every_trainer_is_there() -> None:
    for name in TRAINERS:
        kind, preset = find_task(name, None)
        assert preset in kind.presets


def test_crops_are_prepared_as_they_are(tmp_path: Path) -> None:
    from PIL import Image

    names = ", ".join(f"AU{n:02d}_r" for n in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45))
    (tmp_path / "raw").mkdir()
    Image.fromarray(np.full((50, 40, 3), 7, np.uint8)).save(tmp_path / "raw" / "a.png")
    (tmp_path / "raw" / "a.csv").write_text(names + "\n" + ", ".join(["5.0"] * 17) + "\n")
    result = run(prepare, "openface", str(tmp_path / "raw"), "-o", str(tmp_path / "out"), "--as-is", "--size", "32", "-j", "1")
    assert result.exit_code == 0, result.output
    faces = open_datasets([tmp_path / "out"])
    assert (faces.images([0], 32) == 7).all() and (faces.values == 1).all() and faces.crop == "as is"
