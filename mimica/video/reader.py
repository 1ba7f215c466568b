"""Videos in, one frame at a time, by PyAV (FFmpeg).

Frames are uint8 (H, W, 3) RGB, sRGB's primaries being those of BT.709; what is read is converted by its tags (ITU-R BT.709-6,
BT.601-7).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace

from mimica.errors import VideoError

_READABLE = "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,flv,asf,ogg"
"""Containers that FFmpeg may open: none that names other files, as playlists do, and no pictures or text."""


_BT601_CODES, _BT2020_CODES = (4, 5, 6), (9, 10)  # of ITU-T H.273, matrix coefficients; all others are BT.709 here


class VideoReader:
    """A video's facts, and its frames each time it is iterated: (index, time in seconds from the first frame, uint8
    (H, W, 3)), upright. One frame is in memory at a time.

    fps          frames a second, the average (25 where the file does not say)
    frame_count  an estimate, or None
    size         (width, height) as seen
    has_audio    whether `VideoWriter` can copy sound from it
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with opened_container(self.path) as container:
            stream = _picture_stream(container, self.path)
            self.fps = float(stream.average_rate or stream.guessed_rate or 25)
            seconds = _seconds(stream, container)
            self.frame_count: int | None = stream.frames or (round(seconds * self.fps) if seconds else None)
            self.has_audio = bool(container.streams.audio)
        first = next(iter(self))[2]
        self.size = (first.shape[1], first.shape[0])

    def __iter__(self) -> Iterator[tuple[int, float, np.ndarray]]:
        index, start = 0, 0.0
        with opened_container(self.path) as container:
            stream = _picture_stream(container, self.path)
            stream.thread_type = "AUTO"
            try:
                for frame in container.decode(stream):
                    time = index / self.fps if frame.time is None else float(frame.time)
                    start = time if index == 0 else start
                    yield index, time - start, _upright(_rgb(frame), frame.rotation)
                    index += 1
            except FFmpegError as error:
                raise VideoError(f"The video '{self.path}' is damaged at frame {index}: get another copy of it.") from error
        if index == 0:
            raise VideoError(f"The video '{self.path}' has no frame that can be decoded: get another copy of it.")


def open_video(path: str | Path) -> VideoReader:
    """The video in the file `path`. Raises `VideoError`, here or at the damaged frame."""
    return VideoReader(path)


def opened_container(path: Path) -> Any:
    if not os.path.exists(path):
        raise VideoError(f"There is no file '{path}': check the path.")
    if not path.is_file():
        raise VideoError(f"'{path}' is {'a folder' if path.is_dir() else 'no regular file'}: name a video.")
    try:
        return av.open(str(path.absolute()), options={"format_whitelist": _READABLE, "protocol_whitelist": "file"})
    except PermissionError as error:
        raise VideoError(f"The file '{path}' may not be read: change its permissions.") from error
    except (FFmpegError, ValueError) as error:
        raise VideoError(
            f"'{path}' is no video that Mimica can read, or damaged: give an mp4, mov, webm, mkv or gif file."
        ) from error


def _picture_stream(container: Any, path: Path) -> Any:
    if not container.streams.video:
        raise VideoError(f"'{path}' has no pictures in it, only sound: name a video.")
    return container.streams.video[0]


def _seconds(stream: Any, container: Any) -> float | None:
    seconds = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / av.time_base
    return float(seconds) or None


def _rgb(frame: av.VideoFrame) -> np.ndarray:
    """A decoded frame of any pixel format -> uint8 (H, W, 3)."""
    if frame.format.is_rgb or frame.format.has_palette:
        return frame.to_ndarray(format="rgb24")
    code = int(frame.colorspace)
    if code == 2:  # not said: as players do, standard definition is taken for BT.601
        code = 1 if frame.height > 576 else 5
    space = Colorspace.ITU601 if code in _BT601_CODES else Colorspace.BT2020 if code in _BT2020_CODES else Colorspace.ITU709
    full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
    return frame.reformat(
        format="rgb24",
        src_colorspace=space,
        dst_colorspace=Colorspace.ITU601,  # RGB has none, but older PyAV converts nothing if both are the same
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()


def _upright(rgb: np.ndarray, rotation: float) -> np.ndarray:
    """`rotation`: degrees counterclockwise that the file asks for, a multiple of 90 in practice."""
    return np.ascontiguousarray(np.rot90(rgb, round(rotation / 90)))
