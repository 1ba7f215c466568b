"""The benchmarks measure what they say, with a stand-in engine."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading

from mimica import api
from mimica.errors import MissingExtraError, UserError
from mimica.evaluate import bench as benchmarks
from mimica.evaluate import start_speed
from mimica.evaluate.bench import Setting
from mimica.pictures.images import read_photo

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> BrightMouth:
    made = BrightMouth()
    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: [reading()])
    monkeypatch.setattr(api, "load_engine", lambda name, weights: made)
    return made


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(PHOTO, tmp_path, 3)


def test_frame_renders_a_new_expression_each_time_and_compares(
    engine: BrightMouth, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks, "_paper_generator", lambda repeats: (1000.0, 8_470_000))
    alone, run, paper, faster_alone, faster_run = benchmarks.frame(setting)
    assert len({round(values["AU12L"], 6) for values in engine.rendered}) == 4 and len(engine.rendered) == 4 + 4 * 3
    assert alone.value > 0 and run.value > 0 and paper.value == 1000 and "8.47 M" in paper.note
    assert faster_alone.value == pytest.approx(1000 / alone.value) and faster_run.value == pytest.approx(1000 / run.value)


def test_frame_without_torch_says_so(engine: BrightMouth, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(repeats: int) -> None:
        raise MissingExtraError("PyTorch is not installed.")

    monkeypatch.setattr(benchmarks, "_paper_generator", missing)
    *_, paper = benchmarks.frame(setting)
    assert np.isnan(paper.value) and "not installed" in paper.note


def test_the_papers_generator_is_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(benchmarks, "PAPER_SIDE", 16)
    milliseconds, parameters = benchmarks._paper_generator(repeats=1)
    assert milliseconds > 0 and parameters == pytest.approx(8.47e6, rel=0.005)


def test_edit_runs_the_command_on_12_million_pixels(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    commands, environments = [], []

    def run(command: list[str], env: dict[str, str], **_: object) -> SimpleNamespace:
        commands.append(command)
        environments.append(env)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    edit, told = benchmarks.from_start(setting)
    height, width = read_photo(commands[0][4]).rgb.shape[:2]
    assert height * width == pytest.approx(12e6, rel=0.001) and edit.unit == told.unit == "s" and len(commands) == 8
    assert commands[4][3:] == ["--help"] and not any("PYTHONDONTWRITEBYTECODE" in each for each in environments)


def test_edit_that_fails_is_told(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_speed, "write_image", lambda *_: None)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=2, stderr="Error: no face."))
    with pytest.raises(UserError, match="no face"):
        benchmarks.from_start(setting)


def test_animation_counts_every_frame(engine: BrightMouth, setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks, "find_faces", lambda rgb: [reading()])
    monkeypatch.setattr(benchmarks, "WIDE", (640, 360))
    small, wide = benchmarks.animation(setting)
    assert small.value > 1 and "512 x 512" in small.note and (setting.folder / "animation_512.mp4").stat().st_size > 1000
    assert wide.value > 1 and "640 x 360" in wide.note


def test_heads_and_eyes_are_timed_beside_what_stands_still(
    engine: BrightMouth, setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks, "find_faces", lambda rgb: [reading()])
    seen: list[list[dict[str, float]]] = []
    monkeypatch.setattr(benchmarks, "run_ms", lambda prepared, targets: seen.append(list(targets)) or 10.0 * len(seen))
    still, turning, looking, *filling = benchmarks.head(setting)
    assert [figure.value for figure in filling] == [40, 10, 20] and "filling" in filling[0].name
    assert (still.value, turning.value, looking.value) == (10, 10, 20)
    assert seen[0][-1]["yaw"] == 2 and seen[1][-1]["yaw"] == 2 + 0.9 * 12 and seen[2][-1]["gaze_x"] == 0.9 * 12
