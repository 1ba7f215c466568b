"""A camera moves a photo: rest, gain, parts, frames without a face, the mark, the loop's figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading
from typer.testing import CliRunner

from mimica import api
from mimica.animation import Prepared
from mimica.cli import app
from mimica.errors import MissingExtraError, ValueRangeError, VideoError
from mimica.interactive import live, show
from mimica.interactive.live import Puppet
from mimica.interactive.show import Live, virtual_camera
from mimica.reader.read import FaceReading
from mimica.video.reader import open_video
from mimica.video.writer import VideoWriter

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


class Smiler:
    """Stands in for `Finder` and `Follower`: AU12 and the brows are how bright the frame is; black has no face."""

    def __init__(self, *_: Any) -> None:
        pass

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        bright = float(rgb.mean()) / 255
        units = {**reading().action_units, **dict.fromkeys(("AU12L", "AU12R", "AU01L", "AU01R"), bright)}
        return [reading(action_units=units)] if bright > 0.02 else []

    def follow(self, rgb: np.ndarray, readings: Sequence[FaceReading]) -> list[FaceReading]:
        return self.find(rgb)

    def read(self, rgb: np.ndarray, time: float) -> list[tuple[int, FaceReading]]:
        return list(enumerate(self.find(rgb)))


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "Follower", Smiler)
    monkeypatch.setattr(show, "Finder", Smiler)
    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: [reading()])
    monkeypatch.setattr(api, "load_engine", lambda name, weights: BrightMouth())


@pytest.fixture
def prepared() -> Prepared:
    return api.prepare_face(PHOTO, size=512)[0]


def gray(level: float) -> np.ndarray:
    return np.full((48, 64, 3), round(255 * level), np.uint8)


def rested(puppet: Puppet) -> Puppet:
    for i in range(12):
        step = puppet.step(gray(0.2), 0.1 * i)
    assert step.calibrated and step.seen
    return puppet


def test_the_change_from_rest_goes_over(prepared: Prepared) -> None:
    puppet = Puppet(prepared, Smiler())  # type: ignore[arg-type]
    first = puppet.step(gray(0.9), 0.0)
    assert not first.calibrated and (first.image == prepared.photo).all(), "until rest is known the photo stands still"
    puppet.calibrate()
    rested(puppet)
    assert puppet.step(gray(0.2), 2.0).values["AU12L"] == pytest.approx(0.25, abs=0.01)
    assert puppet.step(gray(0.6), 2.1).values["AU12L"] == pytest.approx(0.65, abs=0.01)
    puppet.gain = 0.5
    assert puppet.step(gray(0.6), 2.2).values["AU12L"] == pytest.approx(0.45, abs=0.01)
    held = puppet.step(gray(0.0), 2.3)
    assert not held.seen and held.values["AU12L"] == pytest.approx(0.45, abs=0.01)


def test_only_the_parts_move(prepared: Prepared) -> None:
    puppet = rested(Puppet(prepared, Smiler(), parts=["eyes"]))  # type: ignore[arg-type]
    step = puppet.step(gray(0.9), 2.0)
    assert set(step.values) == {"AU45L", "AU45R"}


def test_the_command_writes_what_is_shown(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "me.mp4", 20, (64, 48)) as writer:
        for level in [0.2] * 30 + [0.7] * 10 + [0.0] * 5:
            writer.write(gray(level))
    words = [
        "live",
        str(PHOTO),
        "--input",
        str(tmp_path / "me.mp4"),
        "-o",
        str(tmp_path / "out.mp4"),
        "--size",
        "256",
        "--fps",
        "20",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "45 frames, a face in 40" in done.output and "frames a second" in done.output
    frames = [frame for _, _, frame in open_video(tmp_path / "out.mp4")]
    mouth = [frame[70:76, 104:120].mean() for frame in frames]
    assert len(frames) == 45 and frames[0].shape == (256, 256, 3)
    assert mouth[35] > mouth[5] + 25 and mouth[44] > mouth[5] + 25, "held where no face is seen"
    plain = CliRunner().invoke(app, [*words, "--no-mark"])
    unmarked = next(iter(open_video(tmp_path / "out.mp4")))[2]
    assert "article 50" in plain.output and np.abs(unmarked[-12:, -60:].astype(float) - frames[0][-12:, -60:]).mean() > 15
    assert np.abs(unmarked[:100].astype(float) - frames[0][:100]).mean() < 3, "and nothing else"


def test_calibrate_waits_three_seconds(prepared: Prepared) -> None:
    told: list[str] = []
    shown: list[np.ndarray] = []
    frames = [(0.1 * i, gray(0.8 if i < 20 else 0.2 if i < 45 else 0.6)) for i in range(60)]
    puppet = Puppet(prepared, Smiler())  # type: ignore[arg-type]
    timing = Live(calibrate=True, mark=False).show(frames, puppet, shown.append, told.append)
    assert timing.frames == 60 and "at rest" in told[0]
    assert all((image == prepared.photo).all() for image in shown[:30])
    assert puppet.step(gray(0.2), 9.0).values["AU12L"] == pytest.approx(0.25, abs=0.02), (
        "rest is that of the frames after three seconds"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gain", "9"], "--gain"),
        (["--parts", "ears"], "the parts are"),
        (["--page", "--input", "x.mp4"], "--page takes the browser's camera"),
        (["--input", "nothing.mp4", "-o", "{}/out.mp4"], "no file 'nothing.mp4'"),
        (["-o", "{}/out.xyz"], ".mp4"),
        (["--size", "1"], "--size"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["live", str(PHOTO), *(word.format(tmp_path) for word in words)])
    assert done.exit_code != 0 and said in done.output + str(done.exception)
    assert not list(tmp_path.iterdir())


def test_the_page_opens_with_the_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastapi")
    from mimica.web import server

    served = []
    monkeypatch.setattr(server, "run", lambda settings, ready: served.append((settings, ready)))
    done = CliRunner().invoke(app, ["live", str(PHOTO), "--page", "--parts", "mouth", "--gain", "1.5"])
    settings, address = served[0]
    assert done.exit_code == 0 and settings.photo == PHOTO and settings.token is None
    assert "open=photo" in address and "gain=1.5" in address and "parts=mouth" in address and address.endswith("#drive")


def test_no_camera_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from mimica.video.camera import camera_frames

    with pytest.raises(VideoError, match="There is no camera 97"):
        next(camera_frames(97))
    with pytest.raises(ValueRangeError):
        Live(fps=0).check(None)
    monkeypatch.setitem(__import__("sys").modules, "pyvirtualcam", None)
    with pytest.raises(MissingExtraError, match=r"mimica\[live\]"):
        virtual_camera((64, 64), 25)


def test_a_virtual_camera_that_is_not_there_is_a_sentence() -> None:
    pyvirtualcam = pytest.importorskip("pyvirtualcam")
    try:
        with pyvirtualcam.Camera(64, 64, 25):
            pytest.skip("this system has a virtual camera")
    except RuntimeError:
        with pytest.raises(VideoError, match="v4l2loopback"):
            virtual_camera((64, 64), 25)
