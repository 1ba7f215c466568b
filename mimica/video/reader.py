"""Moving pictures in, one frame at a time, by their time: videos and GIF by PyAV (FFmpeg), animated WebP, PNG and AVIF by Pillow.

Frames are uint8 (H, W, 3) RGB, sRGB, as they should be seen: upright, with square pixels, all of one size. Times are seconds
from the first frame, and rise, whatever the file's clock does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideData

from mimica.errors import VideoError
from mimica.video import animation
from mimica.video.colours import to_srgb
from mimica.video.container import Clock, is_cut_short, opened_container, packets, picture_stream, sound_stream

MAX_FRAME_PIXELS = 100_000_000
"""A moving picture may not have more: several are in memory at once."""
DAMAGED, MISSING = "frames damaged", "frames missing at the end of a file that is cut short"
"""Reasons in `VideoReader.lost`."""
_USUAL_RATES = (0.0, 240.0)
_LEAST_STEP = 0.001


class VideoReader:
    """A video's facts, and its frames each time it is iterated: (index, time in seconds from the first frame, uint8
    (H, W, 3)). One frame is in memory at a time.

    fps          frames a second, the average (25 where the file does not say)
    frame_count  an estimate, or None
    size         (width, height) as seen
    has_audio    whether `VideoWriter` can copy sound from it
    has_mute_audio  whether there is sound, of which none can be decoded
    start        where the first frame lies on the file's own clock, seconds
    offsets      what was added to that clock since each of its beginnings; whole once the frames have been gone through
    lost         reason -> frames that could not be had; filled by going through the frames
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.lost: Counter[str] = Counter()
        self.start, self.offsets = 0.0, [0.0]
        self.has_audio = self.has_mute_audio = False
        self.frame_count: int | None
        self._animation = animation.facts(self.path) if self.path.is_file() else None
        if self._animation:
            self._check_size(*self._animation.size)
            self.frame_count = self._animation.frames
            times = [time for _, time, _ in self]
            self.fps = _rate(times)
        else:
            self._open()
        first = next(iter(self))[2]
        self.size = (first.shape[1], first.shape[0])

    @property
    def is_animation(self) -> bool:
        """Whether it is an animated picture (WebP, PNG, AVIF), read by Pillow."""
        return self._animation is not None

    def _open(self) -> None:
        with opened_container(self.path) as container:
            stream = picture_stream(container, self.path)
            context = stream.codec_context
            self._check_size(context.width, context.height)
            rate = float(stream.average_rate or stream.guessed_rate or 25)
            seconds = _seconds(stream, container)
            if not _USUAL_RATES[0] < rate <= _USUAL_RATES[1]:  # a clock's unit, not a rate
                rate = stream.frames / seconds if seconds and stream.frames else 25.0
            self.fps = rate
            self.frame_count = stream.frames or (round(seconds * self.fps) if seconds else None)
            self.has_audio = sound_stream(container) is not None
            self.has_mute_audio = not self.has_audio and bool(container.streams.audio)

    def _check_size(self, width: int, height: int) -> None:
        if width * height > MAX_FRAME_PIXELS:
            raise VideoError(
                f"The frames of '{self.path}' have {width} x {height} pixels, {width * height / 1e6:.1f} million, and at most "
                f"{MAX_FRAME_PIXELS / 1e6:g} million are allowed: make it smaller."
            )

    def __iter__(self) -> Iterator[tuple[int, float, np.ndarray]]:
        self.lost.clear()
        index, start, last, size = 0, 0.0, 0.0, None
        for time, rgb in self._animated() if self._animation else self._decoded():
            if index == 0:
                start = self.start = time
                size = (rgb.shape[1], rgb.shape[0])
            elif (rgb.shape[1], rgb.shape[0]) != size:
                rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
            since = time - start if index == 0 else max(time - start, last + _LEAST_STEP)
            yield index, since, rgb
            index, last = index + 1, since
        if index == 0:
            damage = ", which is cut short," if is_cut_short(self.path) else ""
            raise VideoError(f"The video '{self.path}'{damage} has no frame that can be decoded: get another copy of it.")

    def _animated(self) -> Iterator[tuple[float, np.ndarray]]:
        assert self._animation
        got = 0
        for found in animation.frames(self.path, self._animation.frames):
            if found is not None:
                got += 1
                yield found
        if got and got < self._animation.frames:
            self.lost[MISSING if is_cut_short(self.path) else DAMAGED] = self._animation.frames - got

    def _decoded(self) -> Iterator[tuple[float, np.ndarray]]:
        with opened_container(self.path) as container:
            stream = picture_stream(container, self.path)
            stream.thread_type = "AUTO"
            clock = Clock(container)
            self.offsets = clock.offsets
            count, time = 0, -1 / self.fps
            for frame in self._frames(container, stream, clock):
                time = time + 1 / self.fps if frame.time is None else float(frame.time)
                count += 1
                yield time, _as_seen(frame, stream)
            missing = self._missing(container, stream, count, time - self.offsets[-1])
            if count and missing > 0:
                self.lost[MISSING] = missing

    def _frames(self, container: Any, stream: Any, clock: Clock) -> Iterator[av.VideoFrame]:
        cut = is_cut_short(self.path)
        for packet in packets(container, stream, clock):
            if cut and packet.is_corrupt:  # what is left of the last frame
                continue
            try:
                decoded = packet.decode()
            except FFmpegError:
                self.lost[DAMAGED] += 1
                continue
            except MemoryError as error:
                raise VideoError(f"The frames of '{self.path}' do not fit into memory: make it smaller.") from error
            yield from decoded

    def _missing(self, container: Any, stream: Any, count: int, last: float) -> int:
        """How many frames a file that is cut short would have had; `count` are there, the last of them at `last` seconds."""
        if container.format.name == "flv":  # says how long it is, but not how large
            short = (container.duration or 0) / av.time_base - last
            return round(short * self.fps) if short > 1 else 0
        if not is_cut_short(self.path):
            return 0
        if container.format.name.startswith("mov"):
            size = self.path.stat().st_size
            return sum(entry.pos + entry.size > size for entry in stream.index_entries)
        if stream.frames:
            return max(1, stream.frames - count - self.lost[DAMAGED])
        seconds = _promised_seconds(stream, container)
        return max(1, round((seconds - last) * self.fps - 1)) if seconds else 1


def open_video(path: str | Path) -> VideoReader:
    """The moving picture in the file `path`. Raises `VideoError`."""
    return VideoReader(path)


def describe_losses(video: VideoReader) -> list[str]:
    """Sentences about frames that could not be had, once all others have been read."""
    words = {
        DAMAGED: "are damaged and were left out: get another copy of it",
        MISSING: "are missing at the end, at least: the file is cut short, get another copy of it",
    }
    return [f"{count} frame{'s' * (count > 1)} of '{video.path}' {words[reason]}." for reason, count in video.lost.items()]


def _rate(times: list[float]) -> float:
    return (len(times) - 1) / times[-1] if len(times) > 1 and times[-1] > 0 else 10.0


def _seconds(stream: Any, container: Any) -> float | None:
    seconds = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / av.time_base
    return float(seconds) or None


def _promised_seconds(stream: Any, container: Any) -> float | None:
    """Matroska says it in a tag of the stream, HH:MM:SS.fraction."""
    try:
        hours, minutes, seconds = stream.metadata.get("DURATION", "").split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    except ValueError:
        return _seconds(stream, container)


# --- one frame ------------------------------------------------------------------------------------------------------


def _as_seen(frame: av.VideoFrame, stream: Any) -> np.ndarray:
    """sRGB, with square pixels, upright."""
    return _upright(_square(to_srgb(frame, stream.codec_context), stream.sample_aspect_ratio), frame)


def _square(rgb: np.ndarray, aspect: Any) -> np.ndarray:
    """Pixels `aspect` times as wide as high made square, without losing any: the picture is widened, or heightened."""
    ratio = float(aspect or 1)
    if not 0.1 < ratio < 10 or ratio == 1:
        return rgb
    height, width = rgb.shape[:2]
    size = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
    if size[0] * size[1] > MAX_FRAME_PIXELS or size == (width, height):
        return rgb
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC))


def _upright(rgb: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    """Turned and mirrored as the frame's display matrix asks (ISO 14496-12, 8.3.2; multiples of 90 degrees)."""
    matrix: Any = frame.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]
    if matrix is None:
        return rgb
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32)
    if abs(b) + abs(c) > abs(a) + abs(d):
        rgb, flip_x, flip_y = rgb.swapaxes(0, 1), c < 0, b < 0
    else:
        flip_x, flip_y = a < 0, d < 0
    return np.ascontiguousarray(rgb[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
