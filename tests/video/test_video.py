"""Every format written and read back: frames, times, colours, sizes, sound, the tag; and nothing left where something fails."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from mimica.errors import UserError, VideoError
from mimica.marks.xmp import SOURCE_TYPE
from mimica.pictures.images import read_comment, read_photo
from mimica.video.gif import Palette
from mimica.video.reader import VideoReader, open_video
from mimica.video.writer import VideoWriter

CONTAINERS = ["a.mp4", "a.webm", "a.gif"]


def squares(count: int = 10, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """A bright square that walks to the right, 4 pixels a frame."""
    frames = np.full((count, height, width, 3), 60, np.uint8)
    for index, frame in enumerate(frames):
        frame[16:32, 4 * index : 4 * index + 16] = (200, 180, 160)
    return list(frames)


def written(path: Path, frames: list[np.ndarray], fps: float = 25, **options: object) -> Path:
    with VideoWriter(path, fps, (frames[0].shape[1], frames[0].shape[0]), **options) as video:
        for frame in frames:
            video.write(frame)
    return path


def with_sound(path: Path, seconds: float = 2.0, codec: str = "aac", pictures: bool = True) -> Path:
    """A small video with a tone."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"}) if pictures else None
        sound = container.add_stream(codec, rate=48000, layout="stereo")
        if picture:
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
            for _ in range(round(25 * seconds)):
                container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
            container.mux(picture.encode(None))
        tone = 0.3 * np.sin(np.arange(round(48000 * seconds)) * 2 * np.pi * 440 / 48000).astype(np.float32)
        for start in range(0, len(tone), 960):
            frame = av.AudioFrame.from_ndarray(np.stack([tone[start : start + 960]] * 2), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 48000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


# --- round trips ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTAINERS)
def test_frames_come_back(tmp_path, name):
    frames = squares()
    video = open_video(written(tmp_path / name, frames))
    assert (video.fps, video.frame_count, video.size, video.has_audio) == (25, 10, (64, 48), False)
    read = list(video)
    assert [index for index, _, _ in read] == list(range(10))
    assert [time for _, time, _ in read] == pytest.approx([index / 25 for index in range(10)], abs=0.002)
    for (_, _, rgb), frame in zip(read, frames, strict=True):
        assert rgb.dtype == np.uint8 and np.abs(rgb.astype(int) - frame).mean() < 4
    assert len(list(video)) == 10  # and again


def test_webp_frames(tmp_path):
    frames = squares()
    written(tmp_path / "a.webp", frames)
    with Image.open(tmp_path / "a.webp") as image:
        assert image.n_frames == 10
        for index, frame in enumerate(frames):
            image.seek(index)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - frame).mean() < 4
            assert image.info["duration"] == 40


def test_a_folder_of_png(tmp_path):
    frames = squares(3)
    written(tmp_path / "frames", frames, comment="edited by Mimica")
    files = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in files] == ["frame_00001.png", "frame_00002.png", "frame_00003.png"]
    assert all(np.array_equal(read_photo(file).rgb, frame) for file, frame in zip(files, frames, strict=True))
    assert read_comment(files[0]) == "edited by Mimica"


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.gif"])
@pytest.mark.parametrize("colour", [(200, 30, 40), (30, 180, 60), (20, 40, 220), (128, 128, 128), (0, 0, 0), (255, 255, 255)])
def test_a_flat_colour_survives(tmp_path, name, colour):
    frames = [np.full((48, 64, 3), colour, np.uint8)] * 3
    for _, _, rgb in open_video(written(tmp_path / name, frames)):
        assert np.abs(rgb.astype(int) - colour).max() <= 3


def test_mp4_is_what_browsers_play(tmp_path):
    path = written(tmp_path / "a.mp4", squares())
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index first: it plays while it loads


@pytest.mark.parametrize("name", [*CONTAINERS, "a.webp"])
def test_odd_sizes(tmp_path, name):
    frames = [np.ascontiguousarray(frame[:47, :63]) for frame in squares(3)]
    written(tmp_path / name, frames)
    even = name in ("a.mp4", "a.webm")
    if name == "a.webp":
        rgb = read_photo(tmp_path / name).rgb
    else:
        rgb = next(iter(open_video(tmp_path / name)))[2]
    assert rgb.shape == ((48, 64, 3) if even else (47, 63, 3))
    assert np.abs(rgb[:47, :63].astype(int) - frames[0]).mean() < 4
    if even:
        assert np.abs(rgb[47, :63].astype(int) - frames[0][46]).mean() < 6


def test_broken_rates(tmp_path):
    path = written(tmp_path / "a.mp4", squares(), fps=29.97)
    assert open_video(path).fps == pytest.approx(29.97, abs=0.01)


# --- the tag, loops, sound ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_the_tag_in_metadata(tmp_path, name):
    written(tmp_path / name, squares(2), comment="edited by Mimica")
    with av.open(str(tmp_path / name)) as container:
        assert {key.lower(): value for key, value in container.metadata.items()}["comment"] == "edited by Mimica"


@pytest.mark.parametrize("comment", ["edited by Mimica", "x" * 600])
def test_the_tag_in_animations(tmp_path, comment):
    for name in ("a.gif", "a.webp"):
        assert read_comment(written(tmp_path / name, squares(3), comment=comment)) == comment
        with Image.open(tmp_path / name) as image:
            assert image.n_frames == 3
    assert SOURCE_TYPE.encode() in (tmp_path / "a.webp").read_bytes()
    assert struct.unpack("<I", (tmp_path / "a.webp").read_bytes()[4:8])[0] + 8 == (tmp_path / "a.webp").stat().st_size
    assert {path.name for path in tmp_path.iterdir()} == {"a.gif", "a.webp"}


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_loop(tmp_path, name):
    for loop in (True, False):
        with Image.open(written(tmp_path / name, squares(3), loop=loop)) as image:
            assert image.info.get("loop", 1) == (0 if loop else 1)


@pytest.mark.parametrize(("name", "source", "codec", "copied"), [
    ("a.mp4", "s.mp4", "aac", True), ("a.mp4", "s.mkv", "libopus", False), ("a.webm", "s.mkv", "libopus", True),
    ("a.webm", "s.mp4", "aac", False),
])  # fmt: skip
def test_sound_is_copied_and_cut_to_the_frames(tmp_path, name, source, codec, copied):
    driving = with_sound(tmp_path / source, 2.0, codec)
    path = written(tmp_path / name, squares(15), audio_from=driving)
    assert open_video(path).has_audio and open_video(path).frame_count in (15, 16)
    with av.open(str(path)) as container:
        name_of_codec = container.streams.audio[0].codec_context.name
        assert name_of_codec == ("aac" if name == "a.mp4" else "opus")
        sound = [frame.to_ndarray() for frame in container.decode(audio=0)]
    seconds = sum(piece.shape[1] for piece in sound) / 48000
    assert 0.55 < seconds < 0.7
    assert np.abs(np.concatenate(sound, axis=1)[:, 9600:19200]).mean() > 0.1
    if copied:
        with av.open(str(driving)) as container:
            packets = [bytes(packet) for packet in container.demux(audio=0)]
        with av.open(str(path)) as container:
            assert bytes(next(container.demux(audio=0))) in packets


def test_no_sound_to_copy(tmp_path):
    silent = written(tmp_path / "s.mp4", squares(2))
    with pytest.raises(VideoError, match="no sound"):
        written(tmp_path / "a.mp4", squares(2), audio_from=silent)
    with pytest.raises(VideoError, match="cannot carry sound"):
        written(tmp_path / "a.gif", squares(2), audio_from=silent)
    assert [path.name for path in tmp_path.iterdir()] == ["s.mp4"]


# --- reading what people bring --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("matrix", "turns"), [((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)])
def test_rotation_is_applied(tmp_path, matrix, turns):
    """The display matrix of the track header (ISO 14496-12, 8.3.2), rewritten as telephones write it."""
    frames = squares(2)
    data = bytearray(written(tmp_path / "a.mp4", frames).read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 65536 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (tmp_path / "a.mp4").write_bytes(data)
    video = open_video(tmp_path / "a.mp4")
    assert video.size == ((64, 48) if turns == 2 else (48, 64))
    assert np.abs(next(iter(video))[2].astype(int) - np.rot90(frames[0], turns)).mean() < 4


@pytest.mark.parametrize(("code", "full"), [(1, False), (1, True), (5, False), (5, True)])
def test_colours_are_read_by_their_tags(tmp_path, code, full):
    """One colour written by the formulas of BT.709 and BT.601."""
    red_share, blue_share = (0.2126, 0.0722) if code == 1 else (0.299, 0.114)
    red, green, blue = np.array([200, 60, 90]) / 255
    luma = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    cb, cr = (blue - luma) / (2 * (1 - blue_share)), (red - luma) / (2 * (1 - red_share))
    y, u, v = (255 * luma, 255 * cb + 128, 255 * cr + 128) if full else (219 * luma + 16, 224 * cb + 128, 224 * cr + 128)
    planes = np.vstack([np.full((32, 32), round(y)), np.full((8, 32), round(u)), np.full((8, 32), round(v))]).astype(np.uint8)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = code, 2 if full else 1
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.colorspace, frame.color_range = code, 2 if full else 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    rgb = next(iter(open_video(tmp_path / "a.mp4")))[2]
    assert np.abs(rgb.astype(int) - (200, 60, 90)).max() <= 3


def test_what_is_no_video(tmp_path):
    with pytest.raises(VideoError, match="There is no file"):
        open_video(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match="is a folder"):
        open_video(tmp_path)
    with pytest.raises(VideoError, match="no regular file"):
        open_video("/dev/zero")
    Image.new("RGB", (32, 32)).save(tmp_path / "a.jpg")
    (tmp_path / "text.mp4").write_text("hello, no video\n" * 100)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\n/etc/hostname\n")
    for name in ("a.jpg", "text.mp4", "empty.mp4", "list.m3u8"):
        with pytest.raises(VideoError, match="no video that Mimica can read"):
            open_video(tmp_path / name)
    with pytest.raises(VideoError, match="only sound"):
        open_video(with_sound(tmp_path / "sound.mp4", 0.2, pictures=False))


def test_not_allowed(tmp_path, monkeypatch):
    path = written(tmp_path / "a.mp4", squares(2))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(VideoError, match="may not be read"):
        open_video(path)


def test_damaged(tmp_path):
    noise = list(np.random.default_rng(0).integers(0, 256, (10, 48, 64, 3), np.uint8))
    data = bytearray(written(tmp_path / "a.mp4", noise).read_bytes())
    begin = data.index(b"mdat") + 4
    (tmp_path / "cut.mp4").write_bytes(data[: begin + 2])
    with pytest.raises(VideoError, match=r"no frame that can be decoded|damaged"):
        open_video(tmp_path / "cut.mp4")
    middle = begin + (len(data) - begin) // 2
    data[middle:] = b"\xff" * (len(data) - middle)
    (tmp_path / "broken.mp4").write_bytes(data)
    video = open_video(tmp_path / "broken.mp4")
    assert 0 < len(list(video)) < 10 and video.lost


def test_reading_is_lazy(tmp_path):
    path = written(tmp_path / "a.mp4", squares())
    frames = iter(VideoReader(path))
    assert next(frames)[0] == 0 and next(frames)[0] == 1


# --- what cannot be written -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*CONTAINERS, "a.webp", "frames"])
def test_nothing_is_left_when_it_fails(tmp_path, name):
    frames = squares()
    with pytest.raises(RuntimeError, match="midway"), VideoWriter(tmp_path / name, 25, (64, 48), comment="x") as video:
        video.write(frames[0])
        video.write(frames[1])
        raise RuntimeError("midway")
    assert not list(tmp_path.iterdir())
    with pytest.raises(VideoError, match="no frame"), VideoWriter(tmp_path / name, 25, (64, 48)):
        pass
    assert not list(tmp_path.iterdir())


def test_the_old_video_stays_when_it_fails(tmp_path):
    before = written(tmp_path / "a.mp4", squares()).read_bytes()
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.mp4", 25, (64, 48)) as video:
        video.write(squares()[0])
        raise RuntimeError
    assert (tmp_path / "a.mp4").read_bytes() == before


def test_senseless_targets(tmp_path):
    with pytest.raises(VideoError, match=r"must end in \.mp4, \.webm, \.gif, \.webp"):
        VideoWriter(tmp_path / "a.xyz", 25, (64, 48))
    for fps in (0, -1, 1000, float("nan")):
        with pytest.raises(VideoError, match="frames a second"):
            VideoWriter(tmp_path / "a.mp4", fps, (64, 48))
    with pytest.raises(VideoError, match="up to 50"):
        VideoWriter(tmp_path / "a.gif", 60, (64, 48))
    with pytest.raises(UserError, match="no folder"), VideoWriter(tmp_path / "none" / "a.mp4", 25, (64, 48)):
        pass
    with pytest.raises(ValueError, match="shape"), VideoWriter(tmp_path / "a.mp4", 25, (64, 48)) as video:
        video.write(np.zeros((64, 48, 3), np.uint8))


# --- GIF's colours --------------------------------------------------------------------------------------------------


def test_a_palette_serves_until_it_does_not_fit(astronaut):
    palette = Palette()
    photo = np.ascontiguousarray(astronaut[:256:2, 100:356:2])
    entries, first = palette.apply(photo)
    assert np.abs(first[entries].astype(int) - photo).mean() < 6
    assert palette.apply(photo[:, ::-1])[1] is first
    blue = (photo // (4, 4, 1)).astype(np.uint8)
    entries, second = palette.apply(blue)
    assert second is not first and np.abs(second[entries].astype(int) - blue).mean() < 6


def test_what_does_not_move_does_not_flicker(tmp_path, astronaut):
    frames = [np.array(astronaut[:128, 160:320]) for _ in range(3)]
    frames[1][100:110, 10:20] = astronaut[100:110, 260:270]
    shown = [rgb for _, _, rgb in open_video(written(tmp_path / "a.gif", frames))]
    assert np.array_equal(shown[0][:90], shown[2][:90])
