"""`mimica drive` from end to end, with a stand-in engine and reader: the smile in the video is seen in the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from bright_mouth import BrightMouth, reading
from typer.testing import CliRunner

import mimica.film.edit  # noqa: F401  # it takes `Finder` when it is first imported, which must not be the stand-in
from mimica import api
from mimica.cli import app
from mimica.facs import SIDED_AU_NAMES
from mimica.motion.driving import Driver
from mimica.motion.openface import read_track
from mimica.motion.track import Track
from mimica.reader import follow
from mimica.reader.read import FaceReading
from mimica.video.reader import open_video
from mimica.video.writer import VideoWriter

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
LEVELS = [51] * 12 + [230] * 12 + [0] * 8 + [51] * 12


class _Brightness:
    """Stands in for `Finder`: AU12 is the frame's brightness; a black frame has no face."""

    def __init__(self, detector: str = "dlib", model: str | None = None) -> None:
        pass

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        bright = float(rgb.mean()) / 255
        units = {**dict.fromkeys(SIDED_AU_NAMES, 0.0), "AU12L": bright, "AU12R": bright}
        return [reading(action_units=units)] if bright > 0.05 else []

    def follow(self, rgb: np.ndarray, readings: Sequence[FaceReading]) -> list[FaceReading]:
        return self.find(rgb) or [reading(confidence=0.0)]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "driver.mp4", 20, (64, 48)) as writer:
        for level in LEVELS:
            writer.write(np.full((48, 64, 3), level, np.uint8))
    return tmp_path / "driver.mp4"


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "Finder", _Brightness)
    monkeypatch.setattr("mimica.drive.Finder", _Brightness)
    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: [reading()])
    monkeypatch.setattr(api, "load_engine", lambda name, weights: BrightMouth())


def run(*words: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["drive", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_the_photo_smiles_when_the_driver_does(video: Path, tmp_path: Path) -> None:
    code, said = run(PHOTO, video, "-o", tmp_path / "out.mp4", "--curves", tmp_path / "c.csv", "--raw")
    assert code == 0 and "8 of 44 frames" in said
    made = open_video(tmp_path / "out.mp4")
    mouths = np.array([frame[139:155, 205:243].mean() for _, _, frame in made])
    assert made.fps == 20 and len(mouths) == len(LEVELS)
    assert mouths[12:32].min() > mouths[:12].max() + 20, "held where the driver is not seen"
    curve = read_track(tmp_path / "c.csv")
    assert curve.sample(0.9)["AU12L"] == pytest.approx(0.25 + (230 - 51) / 255, abs=0.03)


def test_a_small_photo_can_be_enhanced(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        "mimica.film.photos.enhanced", lambda photo, readings, others: seen.append(photo) or (photo, readings, others, [])
    )
    assert run(PHOTO, video, "-o", tmp_path / "out.mp4", "--size", "128", "--raw", "--enhance")[0] == 0 and len(seen) == 1


def test_attributes_are_drawn_in_every_frame(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, float]] = []
    usual = api.asked_of
    monkeypatch.setattr(api, "asked_of", lambda engine, given, strength: asked.append(given) or usual(engine, {}, strength))
    code, said = run(PHOTO, video, "-o", tmp_path / "out.mp4", "--attribute", "glasses=1:round", "--attribute", "gold=1", "--raw")
    assert code == 0, said
    assert asked == [{"glasses:round": 1.0, "gold": 1.0}]


def test_sound_is_copied(video: Path, tmp_path: Path) -> None:
    with_sound = tmp_path / "sound.mp4"
    with av.open(str(video)) as source, av.open(str(with_sound), "w") as target:
        pictures = target.add_stream_from_template(source.streams.video[0])
        sound = target.add_stream("aac", rate=48000, layout="mono")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = pictures
                target.mux(packet)
        tone = np.sin(np.arange(48000 * 2) * 2 * np.pi * 440 / 48000).astype(np.float32)
        for i in range(0, len(tone), 1024):
            frame = av.AudioFrame.from_ndarray(tone[None, i : i + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, i
            target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
    assert open_video(with_sound).has_audio
    for words, heard in (([], True), (["--no-audio"], False)):
        code, said = run(PHOTO, with_sound, "-o", tmp_path / "out.mp4", *words)
        assert code == 0, said
        assert open_video(tmp_path / "out.mp4").has_audio is heard
    assert run(PHOTO, with_sound, "-o", tmp_path / "out.gif")[0] == 0, "formats without sound go without"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gain", "9"], "--gain"),
        (["--neutral", "99"], "lies outside"),
        (["--neutral", "1.4"], "No face is seen"),
        (["--fps", "0"], "--fps"),
        (["--curves", "c.txt"], ".csv"),
    ],
)
def test_wrong_options_are_refused(video: Path, tmp_path: Path, words: list[str], said: str) -> None:
    code, output = run(PHOTO, video, "-o", tmp_path / "out.mp4", *words)
    assert code == 2 and said in output
    assert not (tmp_path / "out.mp4").exists()


def test_the_driver_is_not_written_over(video: Path) -> None:
    code, output = run(PHOTO, video, "-o", video)
    assert code == 2 and "itself" in output


def test_a_cut_driver_is_said_and_counted(video: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(video.read_bytes()[:-60])
    code, said = run(PHOTO, cut, "-o", tmp_path / "out.mp4")
    assert code == 1 and "cut short" in said and (tmp_path / "out.mp4").exists()


def test_sound_of_an_unknown_codec_is_left_out_with_a_word(video: Path, tmp_path: Path) -> None:
    from mimica.drive import Drive

    class Mute:
        fps, has_audio, has_mute_audio = 0.4, False, True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mimica.drive.open_video", lambda path: Mute())
        fps, sound, (warning,) = Drive().target(video, tmp_path / "out.mp4")
    assert fps == 0.4 and sound is None and "cannot be decoded" in warning, "a slow clip's own rate is taken"


def test_the_gain_of_the_head_reaches_the_driver(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gains: list[float] = []
    track = Driver.track

    def spy(self: Driver, own: Mapping[str, float], **given: Any) -> Track:
        gains.append(given["pose_gain"])
        return track(self, own, **given)

    monkeypatch.setattr(Driver, "track", spy)
    assert run(PHOTO, video, "-o", tmp_path / "out.mp4", "--pose-gain", "0.5")[0] == 0 and gains == [0.5]
    code, said = run(PHOTO, video, "-o", tmp_path / "out.mp4", "--pose-gain", "5")
    assert code == 2 and "--pose-gain" in said
