"""The sound of one moving picture on its way into another, in step with the pictures.

Time 0 of the new file is the first frame of the old one, wherever that lay on the old file's clock: pieces of sound are moved
by it, and what sounds earlier is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from av.error import FFmpegError

from mimica.errors import VideoError
from mimica.video.container import Clock, opened_container, packets, picture_stream, sound_stream
from mimica.video.reader import open_video

ENCODERS = {".mp4": ("aac", ("aac", "mp3")), ".webm": ("libopus", ("opus", "vorbis"))}
"""Format -> the encoder, and what is copied as it is."""


class Sound:
    """The sound of the file `path`, as it is where the container takes it, else encoded anew. Raises `VideoError` where there
    is none."""

    def __init__(self, path: Path, container: Any, kind: str) -> None:
        self.container = container
        encoder, copied = ENCODERS[kind]
        start, offsets = _clock_of_pictures(path)
        self.start = start
        self.source = opened_container(path)
        stream = sound_stream(self.source)
        if stream is None:
            self.source.close()
            raise VideoError(f"'{path}' has no sound that could be copied: name a video with sound, or leave the sound out.")
        self.as_it_is = stream.codec_context.name.removesuffix("float") in copied
        if self.as_it_is:
            self.target = container.add_stream_from_template(stream)
        else:
            self.target = container.add_stream(encoder, rate=48000, layout="stereo")
        self.pieces = self._pieces(stream, Clock(self.source, offsets))
        self.next: Any = next(self.pieces, None)

    def __enter__(self) -> Sound:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def copy_until(self, seconds: float) -> None:
        """All that sounds before that time of the new video."""
        while self.next is not None and float(self.next.pts * self.next.time_base) < seconds:
            piece = self.next
            if self.as_it_is:
                piece.stream = self.target
                self.container.mux(piece)
            else:
                self.container.mux(self.target.encode(piece))
            self.next = next(self.pieces, None)

    def finish(self) -> None:
        if not self.as_it_is:
            self.container.mux(self.target.encode(None))

    def _pieces(self, stream: Any, clock: Clock) -> Iterator[Any]:
        """Packets, or decoded frames, with times of the new video, from its start on; damaged ones are left out."""
        last = -1
        for packet in packets(self.source, stream, clock):
            for piece in self._opened(packet):
                if piece.pts is None or not piece.time_base:
                    continue
                moved = piece.pts - round(self.start / piece.time_base)
                if moved < 0 or moved <= last:  # before the pictures, or said twice
                    continue
                last = piece.pts = moved
                piece.dts = moved
                yield piece

    def _opened(self, packet: Any) -> list[Any]:
        if self.as_it_is:
            return [packet] if packet.size else []
        try:
            return list(packet.decode())
        except FFmpegError:
            return []


def _clock_of_pictures(path: Path) -> tuple[float, list[float]]:
    """Where the first frame lies on the file's clock, seconds, and the offsets of its beginnings. Packets are looked at, but
    only the first frame is decoded."""
    video = open_video(path)
    with opened_container(path) as container:
        stream = picture_stream(container, path)
        clock = Clock(container)
        for _ in packets(container, stream, clock):
            pass
    return video.start, clock.offsets
