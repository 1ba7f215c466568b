"""Videos in and out, one frame at a time: mp4 (H.264), webm (VP9), animated GIF and WebP, folders of PNG; by PyAV (FFmpeg).

Frames are uint8 (H, W, 3) RGB, sRGB's primaries being those of BT.709. Whatever is written as YUV is BT.709, limited
range, and tagged so; whatever is read is converted by its tags (ITU-R BT.709-6, BT.601-7). For GIF's colours see
`mimica.video.gif`; for WebP's chunks Google's "WebP container specification" (RIFF).
"""

from __future__ import annotations

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
from mimica.marks.xmp import append_packet, source_type_of, xmp_packet
from mimica.pictures.images import encode_image, on_white
from mimica.video.gif import Palette, insert_comment
from mimica.video.sound import ENCODERS, Sound
from mimica.video.suffixes import SUFFIXES

ALPHA_KINDS = ("", ".webm", ".webp", ".gif")
"""Suffixes of what keeps transparency: PNG frames, VP9 and WebP by 256 steps, GIF by all or nothing."""


class VideoWriter:
    """Writes frames to `path`, whose suffix chooses the format; without a suffix, to a folder of frame_00001.png ...

        with VideoWriter("smile.mp4", fps=25, size=(640, 480), comment="edited by Mimica") as video:
            for frame in frames:
                video.write(frame)

    size        (width, height); a frame of an odd size gets one more column or row in mp4 and webm, its last one again
    comment     put into the file's metadata (and in WebP and PNG, as XMP)
    loop        whether GIF and WebP start again at their end
    audio_from  a video whose sound is copied, as long as the frames last (mp4 and webm)
    alpha       uint8 (H, W), 255 opaque, of all frames, or None; where the format keeps none (see `ALPHA_KINDS`) they are
                shown on white
    even        frames come at `fps`; otherwise at the times that come with them, of which `fps` is the average

    Nothing is at `path` before the block ends well; the same frames make the same file. Frames stream to it; an animated WebP
    stays in memory, compressed, until its end. Raises `VideoError` and, for a folder or disk that does not take the file,
    `UserError`.
    """

    def __init__(
        self, path: str | Path, fps: float, size: tuple[int, int], *, comment: str | None = None, loop: bool = True,
        audio_from: str | Path | None = None, alpha: np.ndarray | None = None, even: bool = True,
    ) -> None:  # fmt: skip
        self.even = even
        self.path, self.fps, self.size, self.comment, self.loop = Path(path), fps, size, comment, loop
        self.audio_from = Path(audio_from) if audio_from else None
        self.kind = self.path.suffix.lower()
        self.count = 0
        self.paper = None if alpha is None or self.kind in ALPHA_KINDS else alpha
        self.alpha = alpha if self.kind in ALPHA_KINDS else None
        if self.kind and self.kind not in SUFFIXES:
            raise VideoError(
                f"'{path}' cannot be written as a video: the name must end in {', '.join(SUFFIXES)}, or have no suffix for a "
                "folder of PNG files."
            )
        most = 50 if self.kind == ".gif" else 240
        if not 0 < fps <= most:
            raise VideoError(f"{fps:g} frames a second is outside what '{path}' can have: choose more than 0, up to {most}.")
        if self.audio_from and self.kind not in ENCODERS:
            raise VideoError(f"'{path}' cannot carry sound: choose a name that ends in .mp4 or .webm, or leave the sound out.")

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path, folder=not self.kind))
            self._sink: _Folder | _Container
            if self.kind:
                self._sink = stack.enter_context(_Container(self, temporary))
            else:
                temporary.mkdir()
                self._sink = _Folder(temporary, self.comment, self.alpha)
            self._stack = stack.pop_all()
        return self

    def write(self, rgb: np.ndarray, time: float | None = None) -> None:
        """One frame, uint8 (H, W, 3), of the size promised, at `time`, seconds; None: right after the one before."""
        if rgb.shape != (self.size[1], self.size[0], 3):
            raise ValueError(f"a frame of shape {rgb.shape} in a video of size {self.size}")
        self._sink.write(rgb if self.paper is None else on_white(rgb, self.paper), self.count, time)
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if error is None and self.count == 0:
            with self._stack:
                raise VideoError(f"'{self.path}' was not written: it would have no frame.")
        return self._stack.__exit__(kind, error, traceback)


class _Folder:
    def __init__(self, folder: Path, comment: str | None, alpha: np.ndarray | None) -> None:
        self.folder, self.comment, self.alpha = folder, comment, alpha

    def write(self, rgb: np.ndarray, index: int, time: float | None) -> None:
        file = self.folder / f"frame_{index + 1:05d}.png"
        file.write_bytes(encode_image(file, rgb, self.alpha, comment=self.comment))


class _Container:
    """A file that FFmpeg writes; finished when left without an error, else merely closed."""

    def __init__(self, writer: VideoWriter, temporary: Path) -> None:
        self.writer, self.temporary, self.kind = writer, temporary, writer.kind
        self.rate = Fraction(writer.fps).limit_denominator(1001)
        self.ticks = self.rate if writer.even else Fraction(_TICKS[self.kind])
        self.last = -1
        self.sound: Sound | None = None
        self.palette = Palette(256 if writer.alpha is None else 255)

    def __enter__(self) -> _Container:
        with ExitStack() as stack:
            options = {".mp4": {"movflags": "+faststart"}, ".gif": {"loop": "0" if self.writer.loop else "-1"}}
            options[".webp"] = {"loop": "0" if self.writer.loop else "1"}
            options[".webm"] = {"fflags": "+bitexact"}  # its tracks are numbered, not named by chance
            self.container = stack.enter_context(av.open(str(self.temporary), "w", options=options.get(self.kind, {})))
            if self.writer.comment:
                self.container.metadata["comment"] = self.writer.comment
                if self.kind == ".webm":  # which has no place for XMP
                    self.container.metadata["DIGITAL_SOURCE_TYPE"] = source_type_of(self.writer.comment)
            self.stream = _video_stream(self.container, self.kind, self.rate, self.writer.size, self.writer.alpha is not None)
            self.stream.codec_context.time_base = 1 / self.ticks
            if self.writer.audio_from:
                self.sound = stack.enter_context(Sound(self.writer.audio_from, self.container, self.kind))
            self._stack = stack.pop_all()
        return self

    def write(self, rgb: np.ndarray, index: int, time: float | None) -> None:
        frame = self._frame(np.ascontiguousarray(rgb))
        wanted = self.last + 1 if time is None else round(time * self.ticks)
        self.last = max(self.last + 1, wanted)
        frame.pts, frame.time_base = self.last, 1 / self.ticks
        self.container.mux(self.stream.encode(frame))
        if self.sound:
            self.sound.copy_until(float(self.last / self.ticks + 1 / self.rate))

    def _frame(self, rgb: np.ndarray) -> av.VideoFrame:
        """The frame in the encoder's pixel format, with its colours tagged."""
        alpha, pixel_format = self.writer.alpha, self.stream.pix_fmt
        if pixel_format == "pal8":
            entries, colours = self.palette.apply(rgb)
            argb = np.insert(colours, 0, 255, axis=1)
            if alpha is not None:  # all or nothing, and the last entry is nothing
                entries, argb[-1] = np.where(alpha < 128, np.uint8(255), entries), 0
            return av.VideoFrame.from_ndarray((entries, argb), format="pal8")  # type: ignore[arg-type]
        if pixel_format == "bgra":
            whole = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8) if alpha is None else _seen_by_libwebp(alpha)])
            return av.VideoFrame.from_ndarray(whole, format="rgba").reformat(format="bgra")
        whole = rgb if alpha is None else np.dstack([rgb, alpha])
        below, right = rgb.shape[0] % 2, rgb.shape[1] % 2
        if below or right:
            whole = np.asarray(cv2.copyMakeBorder(whole, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        frame = av.VideoFrame.from_ndarray(whole, format="rgb24" if alpha is None else "rgba")
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
        if self.writer.comment:
            append_packet(self.temporary, self.kind, xmp_packet(self.writer.comment))


_TICKS = {".mp4": 90_000, ".webm": 1000, ".gif": 100, ".webp": 1000}
"""Suffix -> ticks a second in which the times of uneven frames are told."""
_REPEATABLE = {"x264-params": "cpu-independent=1"}
"""What x264's AVX-512 code for `mbtree` makes hangs on what lay in memory before, where a row has a number of macroblocks that is
no multiple of 8 (core 165): the same frames made different files. This has it take the code of all processors."""
_ENCODERS: dict[str, tuple[str, str, dict[str, str]]] = {
    ".mp4": ("libx264", "yuv420p", {"crf": "17", "preset": "veryfast", **_REPEATABLE}),
    ".webm": ("libvpx-vp9", "yuv420p", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"}),
    ".gif": ("gif", "pal8", {}),
    ".webp": ("libwebp_anim", "bgra", {"quality": "85", "compression_level": "2"}),
}
"""Suffix -> encoder, its pixel format, its options."""


def _seen_by_libwebp(alpha: np.ndarray) -> np.ndarray:
    """libwebp's encoder of animations drops an alpha of nothing but 0 and 255: one pixel that is not there gets 1 of 255."""
    if not np.isin(alpha, (0, 255)).all() or alpha.all():
        return alpha
    marked = alpha.copy()
    marked[np.unravel_index(np.argmin(alpha), alpha.shape)] = 1
    return marked


def lost_transparency(path: str | Path) -> list[str]:
    """A sentence for a format that keeps no transparency."""
    suffix = Path(path).suffix.lower()
    if suffix in ALPHA_KINDS:
        return []
    return [f"{suffix} has no transparency: the photo is shown on white; webm, webp, gif and PNG frames keep it."]


def _video_stream(container: Any, kind: str, rate: Fraction, size: tuple[int, int], alpha: bool) -> Any:
    encoder, pixel_format, options = _ENCODERS[kind]
    if alpha and kind == ".webm":
        pixel_format, options = "yuva420p", {**options, "auto-alt-ref": "0"}  # libvpx has no alpha with such frames
    stream = container.add_stream(encoder, rate=rate, options=options)
    even = 2 if pixel_format in ("yuv420p", "yuva420p") else 1
    stream.width, stream.height = (-(-length // even) * even for length in size)
    stream.pix_fmt = pixel_format
    if pixel_format == "yuva420p":
        stream.metadata["alpha_mode"] = "1"
    if even == 2:
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = int(ColorRange.MPEG)
    return stream
