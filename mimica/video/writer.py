"""Videos in and out, one frame at a time: mp4 (H.264), webm (VP9), animated GIF and WebP, folders of PNG; by PyAV (FFmpeg).

Frames are uint8 (H, W, 3) RGB, sRGB's primaries being those of BT.709. Whatever is written as YUV is BT.709, limited
range, and tagged so; whatever is read is converted by its tags (ITU-R BT.709-6, BT.601-7). For GIF's colours see
`mimica.video.gif`; for WebP's chunks Google's "WebP container specification" (RIFF).
"""

from __future__ import annotations

import os
import struct
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace

from mimica.errors import VideoError
from mimica.files import atomic_path
from mimica.images import encode_image, xmp_packet
from mimica.video.gif import Palette, insert_comment
from mimica.video.reader import opened_container

SUFFIXES = (".mp4", ".webm", ".gif", ".webp")
_AUDIO = {".mp4": ("aac", ("aac", "mp3")), ".webm": ("libopus", ("opus", "vorbis"))}  # the encoder, what is copied as it is


class VideoWriter:
    """Writes frames to `path`, whose suffix chooses the format; without a suffix, to a folder of frame_00001.png ...

        with VideoWriter("smile.mp4", fps=25, size=(640, 480), comment="edited by Mimica") as video:
            for frame in frames:
                video.write(frame)

    size        (width, height); a frame of an odd size gets one more column or row in mp4 and webm, its last one again
    comment     put into the file's metadata (and in WebP and PNG, as XMP)
    loop        whether GIF and WebP start again at their end
    audio_from  a video whose sound is copied, as long as the frames last (mp4 and webm)

    Nothing is at `path` before the block ends well. Frames stream to the file; an animated WebP stays in memory, compressed,
    until its end. Raises `VideoError` and, for a folder or disk that does not take the file, `UserError`.
    """

    def __init__(
        self, path: str | Path, fps: float, size: tuple[int, int], *, comment: str | None = None, loop: bool = True,
        audio_from: str | Path | None = None,
    ) -> None:  # fmt: skip
        self.path, self.fps, self.size, self.comment, self.loop = Path(path), fps, size, comment, loop
        self.audio_from = Path(audio_from) if audio_from else None
        self.kind = self.path.suffix.lower()
        self.count = 0
        if self.kind and self.kind not in SUFFIXES:
            raise VideoError(
                f"'{path}' cannot be written as a video: the name must end in {', '.join(SUFFIXES)}, or have no suffix for a "
                "folder of PNG files."
            )
        most = 50 if self.kind == ".gif" else 240
        if not 0 < fps <= most:
            raise VideoError(f"{fps:g} frames a second is outside what '{path}' can have: choose more than 0, up to {most}.")
        if self.audio_from and self.kind not in _AUDIO:
            raise VideoError(f"'{path}' cannot carry sound: choose a name that ends in .mp4 or .webm, or leave the sound out.")

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path, folder=not self.kind))
            self._sink: _Folder | _Container
            if self.kind:
                self._sink = stack.enter_context(_Container(self, temporary))
            else:
                temporary.mkdir()
                self._sink = _Folder(temporary, self.comment)
            self._stack = stack.pop_all()
        return self

    def write(self, rgb: np.ndarray) -> None:
        """One frame, uint8 (H, W, 3), of the size promised."""
        if rgb.shape != (self.size[1], self.size[0], 3):
            raise ValueError(f"a frame of shape {rgb.shape} in a video of size {self.size}")
        self._sink.write(rgb, self.count)
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if error is None and self.count == 0:
            with self._stack:
                raise VideoError(f"'{self.path}' was not written: it would have no frame.")
        return self._stack.__exit__(kind, error, traceback)


class _Folder:
    def __init__(self, folder: Path, comment: str | None) -> None:
        self.folder, self.comment = folder, comment

    def write(self, rgb: np.ndarray, index: int) -> None:
        file = self.folder / f"frame_{index + 1:05d}.png"
        file.write_bytes(encode_image(file, rgb, comment=self.comment))


class _Container:
    """A file that FFmpeg writes; finished when left without an error, else merely closed."""

    def __init__(self, writer: VideoWriter, temporary: Path) -> None:
        self.writer, self.temporary, self.kind = writer, temporary, writer.kind
        self.rate = Fraction(writer.fps).limit_denominator(1001)
        self.sound: _Sound | None = None
        self.palette = Palette()

    def __enter__(self) -> _Container:
        with ExitStack() as stack:
            options = {".mp4": {"movflags": "+faststart"}, ".gif": {"loop": "0" if self.writer.loop else "-1"}}
            options[".webp"] = {"loop": "0" if self.writer.loop else "1"}
            self.container = stack.enter_context(av.open(str(self.temporary), "w", options=options.get(self.kind, {})))
            if self.writer.comment:
                self.container.metadata["comment"] = self.writer.comment
            self.stream = _video_stream(self.container, self.kind, self.rate, self.writer.size)
            if self.writer.audio_from:
                self.sound = stack.enter_context(_Sound(self.writer.audio_from, self.container, self.kind))
            self._stack = stack.pop_all()
        return self

    def write(self, rgb: np.ndarray, index: int) -> None:
        frame = self._frame(np.ascontiguousarray(rgb))
        frame.pts, frame.time_base = index, 1 / self.rate
        self.container.mux(self.stream.encode(frame))
        if self.sound:
            self.sound.copy_until(float((index + 1) / self.rate))

    def _frame(self, rgb: np.ndarray) -> av.VideoFrame:
        """The frame in the encoder's pixel format, with its colours tagged."""
        pixel_format = _ENCODERS[self.kind][1]
        if pixel_format == "pal8":
            entries, colours = self.palette.apply(rgb)
            argb = np.insert(colours, 0, 255, axis=1)
            return av.VideoFrame.from_ndarray((entries, argb), format="pal8")  # type: ignore[arg-type]
        if pixel_format == "bgra":
            return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="bgra")
        even = cv2.copyMakeBorder(rgb, 0, rgb.shape[0] % 2, 0, rgb.shape[1] % 2, cv2.BORDER_REPLICATE)
        frame = av.VideoFrame.from_ndarray(np.asarray(even, np.uint8), format="rgb24")
        space, full, limited = Colorspace.ITU709, ColorRange.JPEG, ColorRange.MPEG
        frame = frame.reformat(None, None, pixel_format, space, space, src_color_range=full, dst_color_range=limited)
        frame.colorspace = 1  # BT.709
        frame.color_range = int(ColorRange.MPEG)
        return frame

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is not None:
            with suppress(FFmpegError, ValueError):  # what went wrong first is the news, not that the rest fails too
                self._stack.close()
            return
        with self._stack:
            self.container.mux(self.stream.encode(None))
            if self.sound:
                self.sound.finish()
        if self.writer.comment and self.kind == ".gif":
            insert_comment(self.temporary, self.writer.comment)
        if self.writer.comment and self.kind == ".webp":
            _append_webp_xmp(self.temporary, xmp_packet(self.writer.comment))


_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {
    ".mp4": ("libx264", "yuv420p", {"crf": "17", "preset": "veryfast"}),
    ".webm": ("libvpx-vp9", "yuv420p", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"}),
    ".gif": ("gif", "pal8", {}),
    ".webp": ("libwebp_anim", "bgra", {"quality": "85", "compression_level": "2"}),
}
"""Suffix -> encoder, its pixel format, its options."""


def _video_stream(container: Any, kind: str, rate: Fraction, size: tuple[int, int]) -> Any:
    encoder, pixel_format, options = _ENCODERS[kind]
    stream = container.add_stream(encoder, rate=rate, options=options)
    even = 2 if pixel_format == "yuv420p" else 1
    stream.width, stream.height = (-(-length // even) * even for length in size)
    stream.pix_fmt = pixel_format
    stream.codec_context.time_base = 1 / rate
    if pixel_format == "yuv420p":
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = int(ColorRange.MPEG)
    return stream


class _Sound:
    """The sound of one file on its way into another: as it is where the container takes it, else encoded anew."""

    def __init__(self, path: Path, container: Any, kind: str) -> None:
        self.path, self.container = path, container
        encoder, copied = _AUDIO[kind]
        self.source = opened_container(path)
        if not self.source.streams.audio:
            self.source.close()
            raise VideoError(f"'{path}' has no sound that could be copied: name a video with sound, or leave the sound out.")
        stream = self.source.streams.audio[0]
        self.as_it_is = stream.codec_context.name.removesuffix("float") in copied
        if self.as_it_is:
            self.target = container.add_stream_from_template(stream)
        else:
            self.target = container.add_stream(encoder, rate=48000, layout="stereo")
        self.start = (self.source.start_time or 0) / av.time_base
        self.pieces = self.source.demux(stream) if self.as_it_is else self.source.decode(stream)
        self.next: Any = next(self.pieces, None)

    def __enter__(self) -> _Sound:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def copy_until(self, seconds: float) -> None:
        """All that sounds before that time of the video."""
        try:
            while self.next is not None and self._time() < seconds:
                self._write(self.next)
                self.next = next(self.pieces, None)
        except FFmpegError as error:
            raise VideoError(f"The sound of '{self.path}' is damaged: get another copy, or leave the sound out.") from error

    def finish(self) -> None:
        if not self.as_it_is:
            self.container.mux(self.target.encode(None))

    def _time(self) -> float:
        return float((self.next.pts or 0) * self.next.time_base) - self.start

    def _write(self, piece: Any) -> None:
        if not self.as_it_is:
            self.container.mux(self.target.encode(piece))
        elif piece.dts is not None:  # the empty packet at a stream's end has none
            piece.stream = self.target
            self.container.mux(piece)


def _append_webp_xmp(path: Path, xmp: bytes) -> None:
    """An XMP chunk at the end, its flag in the VP8X header (chunks have even lengths)."""
    with path.open("r+b") as file:
        header = file.read(21)
        file.seek(20)
        file.write(bytes([header[20] | 0x04]))
        end = file.seek(0, os.SEEK_END)
        file.write(b"XMP " + struct.pack("<I", len(xmp)) + xmp + b"\0" * (len(xmp) % 2))
        file.seek(4)
        file.write(struct.pack("<I", end + len(xmp) + len(xmp) % 2))
