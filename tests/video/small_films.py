"""Small films for tests, and when a click is heard in one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

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


def written(path: Path, frames: list[np.ndarray] | None = None, **options: object) -> Path:
    frames = frames or frames_of(3)
    with VideoWriter(path, 25, (frames[0].shape[1], frames[0].shape[0]), **options) as video:
        for frame in frames:
            video.write(frame)
    return path


def animated(path: Path, milliseconds: list[int]) -> Path:
    pictures = [Image.fromarray(frame) for frame in frames_of(len(milliseconds))]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)
    return path
