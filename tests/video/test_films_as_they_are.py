"""Moving pictures as people have them: pixels that are not square, slow clips, clocks that begin again, covers, cut
files. Each is made here, small."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from small_films import animated, film, frames_of, written

from mimica.errors import VideoError
from mimica.video import reader
from mimica.video.container import is_cut_short
from mimica.video.reader import DAMAGED, MISSING, describe_losses, open_video

# --- pixels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("aspect", "size"), [((4, 3), (85, 48)), ((16, 9), (114, 48)), ((3, 4), (64, 64)), ((1, 1), (64, 48))])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_pixels_become_square(tmp_path: Path, name: str, aspect: tuple[int, int], size: tuple[int, int]) -> None:
    video = open_video(film(tmp_path / name, frames_of(12), aspect=Fraction(*aspect)))
    assert video.size == size and next(iter(video))[2].shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [((-1, 0, 0, 1), lambda f: f[:, ::-1]), ((1, 0, 0, -1), lambda f: f[::-1]), ((0, 1, 1, 0), lambda f: f.swapaxes(0, 1))],
)
def test_mirrored_films(tmp_path: Path, matrix: tuple[int, ...], shown: object) -> None:
    """Front cameras may write a display matrix that mirrors."""
    frame = frames_of(1)[0]
    data = bytearray(film(tmp_path / "a.mp4", [frame] * 2).read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 65536 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / "a.mp4").write_bytes(data)
    assert np.abs(next(iter(open_video(tmp_path / "a.mp4")))[2].astype(int) - shown(frame)).mean() < 4


def test_frames_too_large_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_FRAME_PIXELS", 3000)
    for path in (film(tmp_path / "a.mp4", frames_of(2)), written(tmp_path / "a.gif"), animated(tmp_path / "a.webp", [40, 40])):
        with pytest.raises(VideoError, match=r"at most 0\.003 million"):
            open_video(path)


# --- time -----------------------------------------------------------------------------------------------------------


def test_slow_and_uneven_clips_go_by_their_times(tmp_path: Path) -> None:
    times = [0.0, 2.0, 4.0, 4.5, 9.0]
    video = open_video(film(tmp_path / "a.mp4", frames_of(5), times, first=0.5))
    assert [time for _, time, _ in video] == pytest.approx(times, abs=0.002)
    assert 0.4 < video.fps < 0.7
    slow = animated(tmp_path / "slow.gif", [1500] * 4)
    assert [time for _, time, _ in open_video(slow)] == pytest.approx([0, 1.5, 3.0, 4.5], abs=0.001)


@pytest.mark.parametrize("parts", [2, 4])
def test_clocks_that_begin_again(tmp_path: Path, parts: int) -> None:
    part = film(tmp_path / "p.ts", frames_of(12), first=1.4).read_bytes()
    (tmp_path / "joined.ts").write_bytes(part * parts)
    times = np.array([time for _, time, _ in open_video(tmp_path / "joined.ts")])
    assert len(times) == 12 * parts and times[0] == 0
    assert np.diff(times) == pytest.approx(0.04, abs=0.02)


def test_a_clock_that_leaps(tmp_path: Path) -> None:
    early, late = (film(tmp_path / f"{first}.ts", frames_of(12), first=first).read_bytes() for first in (1, 5000))
    (tmp_path / "joined.ts").write_bytes(early + late)
    times = [time for _, time, _ in open_video(tmp_path / "joined.ts")]
    assert len(times) == 24 and times[-1] < 1.1


# --- what is the film, and what of it is there ----------------------------------------------------------------------


def with_cover(path: Path, source: Path) -> Path:
    """The cover comes before the film; its flag is that of iTunes and of FFmpeg."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        cover = new.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 100, 100, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        film_stream = new.add_stream_from_template(old.streams.video[0])
        picture = av.VideoFrame.from_ndarray(np.full((100, 100, 3), 250, np.uint8), format="rgb24")
        new.mux(cover.encode(picture))
        new.mux(cover.encode(None))
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = film_stream
                new.mux(packet)
    return path


def test_the_cover_is_not_the_film(tmp_path: Path) -> None:
    path = with_cover(tmp_path / "a.mp4", film(tmp_path / "b.mp4", frames_of(10)))
    video = open_video(path)
    assert video.size == (64, 48) and len(list(video)) == 10


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.avi", "a.mov"])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_cut_film_gives_what_there_is_and_counts_the_rest(tmp_path: Path, name: str, share: float) -> None:
    noise = list(np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), np.uint8))
    moving = {"movflags": "faststart"} if name[-3:] in ("mp4", "mov") else {}
    data = film(tmp_path / name, noise, options=moving).read_bytes()
    whole = open_video(tmp_path / name)
    assert len(list(whole)) == 40 and not whole.lost
    (tmp_path / name).write_bytes(data[: round(share * len(data))])
    video = open_video(tmp_path / name)
    got = len(list(video))
    assert is_cut_short(video.path) and 0 < got < 40
    assert got + video.lost[MISSING] + video.lost[DAMAGED] == pytest.approx(40, abs=1)
    assert "cut short" in describe_losses(video)[-1]


def test_a_film_cut_before_its_first_picture_is_refused(tmp_path: Path) -> None:
    noise = list(np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), np.uint8))
    data = film(tmp_path / "a.mp4", noise, options={"movflags": "faststart"}).read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: data.index(b"mdat") + 40])
    with pytest.raises(VideoError, match=r"a\.mp4', which is cut short, has no frame that can be decoded"):
        list(open_video(tmp_path / "a.mp4"))


@pytest.mark.parametrize("name", ["a.ts", "a.ogv"])
def test_streams_that_end_midway_are_noticed(tmp_path: Path, name: str) -> None:
    if name.endswith("ogv") and "libtheora" not in av.codecs_available:
        pytest.skip("this FFmpeg does not write Theora")
    data = film(tmp_path / name, frames_of(40)).read_bytes()
    assert not is_cut_short(tmp_path / name)
    (tmp_path / name).write_bytes(data[: round(0.8 * len(data)) // 188 * 188 + 90])
    video = open_video(tmp_path / name)
    assert 0 < len(list(video)) <= 40 and video.lost[MISSING]


def test_damaged_frames_are_left_out_and_counted(tmp_path: Path) -> None:
    noise = list(np.random.default_rng(0).integers(0, 256, (20, 48, 64, 3), np.uint8))
    data = bytearray(film(tmp_path / "a.mp4", noise).read_bytes())
    middle = data.index(b"mdat") + len(data) // 3
    data[middle : middle + 2000] = b"\xff" * 2000
    (tmp_path / "a.mp4").write_bytes(data)
    video = open_video(tmp_path / "a.mp4")
    times = [time for _, time, _ in video]
    assert 0 < len(times) < 20 and video.lost[DAMAGED] and "damaged" in describe_losses(video)[0]
    assert times[-1] == pytest.approx(0.76, abs=0.01), "what comes after keeps its time"
