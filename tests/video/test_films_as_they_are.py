"""Moving pictures as people have them: pixels that are not square, slow clips, clocks that begin again, covers, cut files, HDR,
animated pictures, sound that begins elsewhere. Each is made here, small."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mimica.errors import VideoError
from mimica.pictures.images import read_photo
from mimica.video import reader
from mimica.video.colours import HLG, PQ, rolled_off, to_srgb
from mimica.video.container import is_cut_short
from mimica.video.reader import DAMAGED, MISSING, describe_losses, open_video
from mimica.video.writer import VideoWriter

CODECS = {".webm": "libvpx-vp9", ".avi": "mpeg4", ".mpg": "mpeg2video", ".ogv": "libtheora"}


def frames_of(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Gray, each a level lighter, with a white square that walks."""
    frames = [np.full((height, width, 3), 40 + 2 * index, np.uint8) for index in range(count)]
    for index, frame in enumerate(frames):
        frame[8:24, 2 * index % 40 : 2 * index % 40 + 16] = 230
    return frames


def film(
    path: Path, frames: list[np.ndarray], times: list[float] | None = None, rate: int = 25, aspect: Fraction | None = None,
    first: float = 0.0, click: float | None = None, sound: float = 2.0, codec: str = "", kind: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """A video: frames at `times` (of `first` on), and, with `click`, a sound in which that second is heard."""
    with av.open(str(path), "w", format=kind, options=options or {}) as container:
        stream = container.add_stream(codec or CODECS.get(path.suffix, "libx264"), rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.gop_size = 5
        stream.codec_context.time_base = Fraction(1, 1000 if times else rate)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if click is not None:
            _click(container, click, sound, "mp2" if path.suffix == ".mpg" else "libopus" if path.suffix == ".webm" else "aac")
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(((times[index] if times else index / rate) + first) / frame.time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _click(container: av.container.OutputContainer, second: float, length: float, codec: str) -> None:
    stream = container.add_stream(codec, rate=48000, layout="stereo")
    tone = np.zeros((2, round(48000 * length)), np.float32)
    tone[:, round(48000 * second) : round(48000 * second) + 48] = 0.9
    for start in range(0, tone.shape[1], 960):
        piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone[:, start : start + 960]), format="fltp", layout="stereo")
        piece.sample_rate, piece.pts, piece.time_base = 48000, start, Fraction(1, 48000)
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def heard(path: Path) -> float:
    """When the click is heard, seconds after the first picture."""
    with av.open(str(path)) as container:
        start = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        for piece in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(np.atleast_2d(piece.to_ndarray())).max(axis=0) > 0.3)
            if len(loud):
                return piece.time + loud[0] / piece.sample_rate - start
    raise AssertionError("no click")


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


def written(path: Path, frames: list[np.ndarray] | None = None, **options: object) -> Path:
    frames = frames or frames_of(3)
    with VideoWriter(path, 25, (frames[0].shape[1], frames[0].shape[0]), **options) as video:
        for frame in frames:
            video.write(frame)
    return path


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


# --- animated pictures ----------------------------------------------------------------------------------------------


def animated(path: Path, milliseconds: list[int]) -> Path:
    pictures = [Image.fromarray(frame) for frame in frames_of(len(milliseconds))]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return path


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.gif", "a.avif"])
def test_animated_pictures_are_films(tmp_path: Path, name: str) -> None:
    path = animated(tmp_path / name, [100, 500, 40, 60])
    video = open_video(path)
    shown = list(video)
    assert [time for _, time, _ in shown] == pytest.approx([0, 0.1, 0.6, 0.64], abs=0.001)
    assert np.abs(shown[2][2].astype(int) - frames_of(4)[2]).mean() < 6
    assert video.size == (64, 48) and not video.has_audio


def test_a_still_of_such_a_format_is_no_film(tmp_path: Path) -> None:
    for name in ("a.webp", "a.png"):
        Image.fromarray(frames_of(1)[0]).save(tmp_path / name)
        with pytest.raises(VideoError, match="no video"):
            open_video(tmp_path / name)


def test_a_cut_animation(tmp_path: Path) -> None:
    noise = [Image.fromarray(f) for f in np.random.default_rng(0).integers(0, 256, (8, 48, 64, 3), np.uint8)]
    noise[0].save(tmp_path / "a.png", save_all=True, append_images=noise[1:], duration=100)
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    video = open_video(tmp_path / "a.png")
    assert 0 < len(list(video)) < 8 and sum(video.lost.values()) == 8 - len(list(video))


# --- HDR ------------------------------------------------------------------------------------------------------------


def hdr_frame(code: float, transfer: int) -> av.VideoFrame:
    """Gray of a code value in [0, 1], 10 bits, BT.2020, limited range."""
    planes = np.full((48, 32), 512, np.uint16)
    planes[:32] = round(64 + 876 * code)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p10le")
    frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries = 9, 1, transfer, 9
    return frame


@pytest.mark.parametrize(
    ("transfer", "white", "middle"),
    [(PQ, 0.5807, 0.4318), (HLG, 0.75, 0.4832)],  # 203 and 46.7 cd/m2 by SMPTE ST 2084 and by BT.2100's formulas, by hand
)
def test_hdr_is_shown_as_ordinary_screens_can(transfer: int, white: float, middle: float) -> None:
    shown = [to_srgb(hdr_frame(code, transfer))[8, 8] for code in (0, middle, white, 1)]
    assert (shown[0] == 0).all() and (shown[3] == 255).all()
    assert np.ptp(shown[1]) <= 1 and np.ptp(shown[2]) <= 1, "gray stays gray"
    # 46.7 is 23 % of diffuse white, below the knee: sRGB's level of 0.23
    assert abs(int(shown[1][0]) - 132) <= 4 and 195 < shown[2][0] < 240


def test_wide_primaries_become_those_of_srgb() -> None:
    """BT.709's red in BT.2020 primaries (ITU-R BT.2087: 0.6274, 0.0691, 0.0164 of light)."""
    light = np.array([0.6274, 0.0691, 0.0164])
    coded = np.rint(65535 * (1.055 * light ** (1 / 2.4) - 0.055)).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(np.broadcast_to(coded, (8, 8, 3)).copy(), format="rgb48le")
    frame.color_primaries = 9
    assert np.abs(to_srgb(frame)[0, 0].astype(int) - (255, 0, 0)).max() <= 4


def test_the_roll_off_is_smooth_and_keeps_hues() -> None:
    light = np.linspace(0, 1000 / 203, 500, dtype=np.float32)[:, None] * np.array([1, 0.5, 0.25], np.float32)
    shown = rolled_off(light)
    assert np.array_equal(shown[:50], light[:50]) and shown[-1, 0] == pytest.approx(1)
    assert (np.diff(shown[:, 0]) > 0).all() and np.diff(shown[:, 0], 2).max() < 1e-5, "flatter all the way"
    assert shown[1:, 1] / shown[1:, 0] == pytest.approx(0.5)


# --- sound ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["o.mp4", "o.webm"])
@pytest.mark.parametrize(
    ("name", "first"),
    [("a.mp4", 0.0), ("a.ts", 0.0), ("a.ts", 0.32), ("a.mpg", 0.0), ("a.mp4", 0.52), ("a.mkv", 0.52), ("a.webm", 0.24)],
)
def test_sound_keeps_step(tmp_path: Path, name: str, first: float, target: str) -> None:
    source = film(tmp_path / name, frames_of(50), first=first, click=1.205, sound=2.5)
    assert heard(source) == pytest.approx(1.205 - first, abs=0.03), "what encoders delay, some containers do not say"
    made = written(tmp_path / target, frames_of(50), audio_from=source)
    assert heard(made) == pytest.approx(heard(source), abs=0.02)


def test_sound_of_a_clock_that_begins_again(tmp_path: Path) -> None:
    part = film(tmp_path / "p.ts", frames_of(30), click=0.5, sound=1.2).read_bytes()
    quiet = film(tmp_path / "q.ts", frames_of(30), click=5.0, sound=1.2).read_bytes()
    (tmp_path / "joined.ts").write_bytes(quiet + part)
    made = written(tmp_path / "o.mp4", frames_of(60), audio_from=tmp_path / "joined.ts")
    assert heard(made) == pytest.approx(1.7, abs=0.03)


def unknown_sound(path: Path, tracks: int = 1) -> Path:
    """The first sound track's codec gets a name that nobody knows."""
    film(path, frames_of(20), click=0.2, sound=0.8)
    data = bytearray(path.read_bytes())
    place = data.index(b"mp4a", data.index(b"stsd", data.index(b"soun")))
    data[place : place + 4] = b"zzzq"
    place = data.index(b"esds", place)
    data[place : place + 4] = b"free"
    path.write_bytes(data)
    return path


def test_sound_that_cannot_be_decoded_is_found_out_at_once(tmp_path: Path) -> None:
    video = open_video(unknown_sound(tmp_path / "a.mov"))
    assert not video.has_audio and video.has_mute_audio and len(list(video)) == 20


# --- transparency ---------------------------------------------------------------------------------------------------


def ramp() -> np.ndarray:
    return np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))


def test_webm_keeps_transparency(tmp_path: Path) -> None:
    path = written(tmp_path / "a.webm", frames_of(3), alpha=ramp())
    with av.open(str(path)) as container:
        assert container.streams.video[0].metadata["ALPHA_MODE"] == "1"
        decoder = av.CodecContext.create("libvpx-vp9", "r")  # FFmpeg's own decoder knows no alpha
        frames = [frame for packet in container.demux(video=0) for frame in decoder.decode(packet)]
    shown = frames[1].to_ndarray(format="rgba")
    assert np.abs(shown[..., 3].astype(int) - ramp()).mean() < 4
    assert np.abs(shown[..., :3].astype(int) - frames_of(3)[1]).mean() < 5


def test_webp_and_png_frames_keep_transparency(tmp_path: Path) -> None:
    written(tmp_path / "a.webp", frames_of(3), alpha=ramp())
    with Image.open(tmp_path / "a.webp") as image:
        image.seek(1)
        assert np.abs(np.asarray(image.convert("RGBA"))[..., 3].astype(int) - ramp()).max() <= 2
    written(tmp_path / "frames", frames_of(3), alpha=ramp())
    assert np.array_equal(read_photo(tmp_path / "frames" / "frame_00002.png").alpha, ramp())


def test_gif_keeps_all_or_nothing(tmp_path: Path) -> None:
    written(tmp_path / "a.gif", frames_of(6), alpha=ramp())
    with Image.open(tmp_path / "a.gif") as image:
        for index in range(6):
            image.seek(index)
            rgba = np.asarray(image.convert("RGBA"))
            assert np.array_equal(rgba[..., 3] > 0, ramp() >= 128)
            there = ramp() >= 128
            assert np.abs(rgba[there, :3].astype(int) - frames_of(6)[index][there]).mean() < 8


def test_mp4_is_on_white(tmp_path: Path) -> None:
    video = open_video(written(tmp_path / "a.mp4", frames_of(3), alpha=ramp()))
    rgb = next(iter(video))[2]
    assert rgb[40, 0].min() > 245 and abs(int(rgb[40, 63, 0]) - 40) < 12
