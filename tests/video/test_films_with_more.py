"""Moving pictures as people have them: animated pictures, HDR, sound that begins elsewhere, transparency. Each
is made here, small."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from small_films import animated, film, frames_of, heard, written

from mimica.errors import VideoError
from mimica.pictures.images import read_photo
from mimica.video.colours import HLG, PQ, rolled_off, to_srgb
from mimica.video.reader import open_video

# --- animated pictures ----------------------------------------------------------------------------------------------


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
