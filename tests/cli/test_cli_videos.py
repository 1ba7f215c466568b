"""Commands around videos: scripts, their check, predictions, sequences, figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading
from typer.testing import CliRunner

from mimica import api
from mimica.cli import app
from mimica.motion.predictor.predict import WEIGHTS
from mimica.pictures.images import read_photo
from mimica.video.reader import open_video

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: [reading()])
    monkeypatch.setattr(api, "load_engine", lambda name, weights: BrightMouth())


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(map(str, words)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 2, str(result.exception)
    return result.exit_code, result.output


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "story.txt"
    path.write_text("AU12 1 over 0.4s; hold 0.4s; photo over 0.4s; blink", encoding="utf-8")
    return path


def test_a_script_becomes_a_video(script: Path, tmp_path: Path) -> None:
    code, said = run("animate", PHOTO, "--script", script, "-o", tmp_path / "s.mp4", "--fps", "10")
    assert code == 0, said
    mouths = [frame[139:155, 205:243].mean() for _, _, frame in open_video(tmp_path / "s.mp4")]
    assert len(mouths) == 15 and max(mouths[4:9]) > mouths[0] + 30 and abs(mouths[-1] - mouths[0]) < 3


def test_check_draws_the_curves_and_renders_nothing(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "animate", None)
    code, said = run("animate", "no such photo.jpg", "--script", script, "--check", "-o", tmp_path / "c.png")
    assert code == 0, said
    assert read_photo(tmp_path / "c.png").rgb.shape[1] == 1000
    script.write_text("happy ovr 2s", encoding="utf-8")
    code, said = run("animate", PHOTO, "--script", script, "--check", "-o", tmp_path / "d.png")
    assert code == 2 and "line 1, column 7" in said and "'over'" in said and not (tmp_path / "d.png").exists()
    assert "--script" in run("animate", PHOTO, "--check", "-o", tmp_path / "d.png")[1]


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="no weights of the predictor")
def test_predictions_differ_by_seed(tmp_path: Path) -> None:
    videos = []
    for seed, name in (("3", "a"), ("3", "b"), ("4", "c")):
        code, said = run(
            "animate", PHOTO, "--predict", "--seconds", "1.5", "--seed", seed, "--fps", "10", "-o", tmp_path / f"{name}.mp4"
        )
        assert code == 0, said
        videos.append(np.stack([frame for _, _, frame in open_video(tmp_path / f"{name}.mp4")]))
    assert len(videos[0]) == 15 and np.array_equal(videos[0], videos[1]) and not np.array_equal(videos[0], videos[2])


def test_predict_and_script_exclude_each_other(script: Path, tmp_path: Path) -> None:
    code, said = run("animate", PHOTO, "--predict", "--script", script, "-o", tmp_path / "x.mp4")
    assert code == 2 and "exclude" in said


def test_other_commands_are_there() -> None:
    for words in (["evaluate", "acd"], ["evaluate", "predictor"], ["drive"], ["prepare"]):
        assert run(*words, "--help")[0] == 0
    assert "one folder" in run("prepare", "folder", "a", "b", "-o", "c")[1]
    assert "no file or folder" in run("prepare", "sequences", "missing", "-o", "c")[1]
