"""Asked against read, with an engine that does nothing and a reader that reads what was asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading

from mimica.cli import app
from mimica.errors import NoFaceError
from mimica.evaluate import driving as evaluate_driving
from mimica.facs import SIDED_AU_NAMES
from mimica.motion.driving import NAMES, Driver, assemble

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
FRAMES = 40


def smiling_driver() -> Driver:
    values = np.zeros((FRAMES, len(NAMES)))
    for side in "LR":
        values[:, NAMES.index(f"AU12{side}")] = np.concatenate([np.zeros(20), np.linspace(0, 0.7, 20)])
    return assemble(np.arange(FRAMES) / 25, dict(enumerate(values)), 25.0)


class _Reader:
    """Reads the brightness of the mouth as AU12, as `BrightMouth` paints it: 100 levels a unit."""

    def read_aligned(self, photo: np.ndarray, landmarks: list[np.ndarray]) -> list[object]:
        x, y = landmarks[0][62]
        level = photo[int(y) - 2 : int(y) + 2, int(x) - 4 : int(x) + 4].mean() / 100
        units = dict.fromkeys(SIDED_AU_NAMES, 0.1) | {"AU12L": level, "AU12R": level}
        return [reading(action_units=units)]


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_driving, "Reader", _Reader)
    monkeypatch.setattr(evaluate_driving, "largest_face", lambda photo, reader: reading())
    monkeypatch.setattr(evaluate_driving, "read_driver", lambda path, raw: smiling_driver())


def test_what_is_done_is_read_again() -> None:
    done: list[int] = []
    report = evaluate_driving.evaluate([PHOTO], [Path("a.mp4"), Path("b.mp4")], BrightMouth(), progress=lambda: done.append(1))
    assert (report.photos, report.drivers, report.frames, len(done)) == (1, 2, 2 * FRAMES, 2)
    assert report.tracking["AU12"]["r"] > 0.95
    assert report.mean_r == pytest.approx(np.mean([row["r"] for row in report.tracking.values()]))


def test_an_engine_that_does_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_driving, "render_frame", lambda prepared, values: prepared.photo)
    report = evaluate_driving.evaluate([PHOTO], [Path("a.mp4")], BrightMouth())
    assert not report.tracking["AU12"]["r"] > 0.1, "NaN, as nothing moves"


def test_gaze_counts_only_where_the_eyes_are_to_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in reads no gaze at all; of a driver who looks about only with shut eyes there is nothing to be seen."""
    shut = smiling_driver()
    for side in "LR":
        shut.values[25:, NAMES.index(f"AU45{side}")] = 0.9
    shut.values[:25, NAMES.index("gaze_x")] = np.linspace(0, 8, 25)
    shut.values[25:, NAMES.index("gaze_y")] = np.linspace(0, 8, 15)
    monkeypatch.setattr(shut.__class__, "_head", lambda self: self.values.copy())  # which would hold it
    monkeypatch.setattr(evaluate_driving, "read_driver", lambda path, raw: shut)
    figures = evaluate_driving.evaluate([PHOTO], [Path("a.mp4")], BrightMouth()).head
    assert "gaze_x" in figures and "gaze_y" not in figures


def test_photos_without_a_face_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(photo: np.ndarray, reader: object) -> object:
        raise NoFaceError("no face.")

    monkeypatch.setattr(evaluate_driving, "largest_face", none)
    with pytest.raises(NoFaceError, match="None of the photos"):
        evaluate_driving.evaluate([PHOTO], [Path("a.mp4")], BrightMouth())


def test_the_command_says_its_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from mimica.engines import base

    monkeypatch.setattr(base, "load_engine", lambda name, weights: BrightMouth())
    result = CliRunner().invoke(app, ["evaluate", "driving", str(PHOTO), "--driver", "a.mp4", "--raw"])
    assert result.exit_code == 0, result.output
    assert "1 drivers, 1 photos, 40 frames: mean correlation" in result.output
