"""Films edited: bit for bit where nothing is asked, their length, rate and sound kept, nothing half written."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from bright_mouth import BrightMouth

import mimica
from mimica.errors import NoFaceError, ValueRangeError, VideoError
from mimica.film.edit import edit_video
from mimica.motion.track import Track
from mimica.video.reader import open_video

COUNT = 16
SIZE = (320, 256)


def frames_of(astronaut: np.ndarray) -> list[np.ndarray]:
    """A face that drifts by a pixel a frame; in the 11th and 12th something hides it."""
    made = [astronaut[:256, 60 - i : 380 - i].copy() for i in range(COUNT)]
    for i in (10, 11):
        made[i][90:175, 125:210] = made[i][40, 20]
    return made


def write_film(path: Path, frames: list[np.ndarray], times: list[float] | None = None, pixel_format: str = "yuv444p") -> Path:
    """H.264 with a tone of AAC; `times` in seconds for an uneven film."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "10"})
        picture.width, picture.height, picture.pix_fmt = *SIZE, pixel_format
        picture.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream("aac", rate=48000, layout="mono")
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = round(1000 * (times[index] if times else index / 25)), Fraction(1, 1000)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        tone = 0.3 * np.sin(np.arange(48000 * len(frames) // 25) * 2 * np.pi * 440 / 48000).astype(np.float32)
        for start in range(0, len(tone) - 1023, 1024):
            piece = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="fltp", layout="mono")
            piece.sample_rate, piece.pts = 48000, start
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))
    return path


@pytest.fixture(scope="module")
def film(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", frames_of(astronaut))


def test_a_zero_edit_gives_every_frame_back(film: Path) -> None:
    source = [rgb for _, _, rgb in open_video(film)]
    for asked in ({"au": "12+=0"}, {"expression": "happy", "intensity": 0.0}):
        edit = edit_video(film, engine=BrightMouth(), **asked)  # type: ignore[arg-type]
        assert all(np.array_equal(a, b) for a, b in zip(edit, source, strict=True))


def test_an_edit_follows_the_face_and_fades(film: Path) -> None:
    source, engine = [rgb for _, _, rgb in open_video(film)], BrightMouth()
    edit = edit_video(film, au="12+=0.5", engine=engine)
    made = list(edit)
    changed = [np.abs(a.astype(int) - b).max(axis=2) > 0 for a, b in zip(made, source, strict=True)]
    middles = [np.argwhere(one).mean(axis=0)[1] for one in changed[:5]]
    assert 2.5 < middles[4] - middles[0] < 5.5, "it moves along"
    strength = [int(np.abs(a.astype(int) - b).max()) for a, b in zip(made, source, strict=True)]
    assert strength[0] > 20 and strength[10] == strength[11] == 0 and 0 < strength[9] < strength[7] <= strength[0]
    assert not any(one[:60].any() or one[:, :60].any() for one in changed)
    assert edit.report.frames == COUNT and edit.report.counts == {"lost": 2} and "2 lost (0.4 s)" in edit.report.told("f")


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_rate_length_and_sound_are_kept(film: Path, tmp_path: Path, suffix: str) -> None:
    edit, steps = edit_video(film, "happy", engine=BrightMouth()), list[int]()
    edit.save(tmp_path / f"made{suffix}", progress=lambda: steps.append(1))
    made = open_video(tmp_path / f"made{suffix}")
    assert (made.fps, made.size, made.has_audio) == (25, SIZE, True) and len(list(made)) == len(steps) == COUNT == len(edit)
    edit.save(tmp_path / f"mute{suffix}", audio_from=False)
    assert not open_video(tmp_path / f"mute{suffix}").has_audio


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "gray"])
def test_odd_films_go_through(astronaut: np.ndarray, tmp_path: Path, pixel_format: str) -> None:
    times = [0.0, 0.04, 0.14, 0.2, 0.33]
    path = write_film(tmp_path / "odd.mp4", frames_of(astronaut)[:5], times, pixel_format)
    edit = edit_video(path, "happy", engine=BrightMouth())
    edit.save(tmp_path / "made.mp4")
    assert not edit.pace.even and edit.report.edited == 5
    assert [time for _, time, _ in open_video(tmp_path / "made.mp4")] == pytest.approx(times, abs=2e-3)
    if pixel_format == "gray":
        frames = list(edit)
        assert all((rgb[..., 0] == rgb[..., 1]).all() for rgb in frames), "a gray film stays gray"


def test_nothing_half_is_left(film: Path, tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edit_video(film, "happy", engine=BrightMouth()).save(tmp_path / "made.mp4", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_film_without_the_face_is_refused(tmp_path: Path, film: Path) -> None:
    empty = write_film(tmp_path / "empty.mp4", [np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)] * 3)
    with pytest.raises(NoFaceError, match=r"empty\.mp4' no frame shows a face"):
        edit_video(empty, "happy", engine=BrightMouth()).save(tmp_path / "made.mp4")
    with pytest.raises(NoFaceError, match="a face 3"):
        list(edit_video(film, "happy", face=3, engine=BrightMouth()))
    assert not (tmp_path / "made.mp4").exists()


def test_what_cannot_be_asked_is_refused(film: Path, tmp_path: Path) -> None:
    track = Track(np.array([0.0]), ("AU12L",), np.array([[0.3]]), ("linear",))
    with pytest.raises(ValueRangeError, match="exclude each other"):
        edit_video(film, "happy", track=track)
    with pytest.raises(ValueRangeError, match="No expression"):
        edit_video(film)
    with pytest.raises(VideoError, match="no file"):
        edit_video(tmp_path / "none.mp4", "happy", engine=BrightMouth())
    assert "cannot turn the head" in edit_video(film, pose="yaw=5", engine=BrightMouth()).warnings[0]


def test_the_films_engine_keeps_the_mouth_where_only_brows_move(film: Path) -> None:
    source = next(iter(open_video(film)))[2].astype(int)
    frames = mimica.edit_video(film, au="1=0.9,2=0.9")
    change = np.abs(next(iter(frames)).astype(int) - source).max(axis=2)
    assert change[60:100].max() > 20 and change[132:].max() == 0
