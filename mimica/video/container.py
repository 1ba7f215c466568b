"""Containers as people bring them: opened safely, their film and their sound chosen, their clocks mended, cut files noticed.

Sources: ISO 14496-12 (boxes of mp4), Microsoft's RIFF (AVI), RFC 8794 (EBML, the frame of Matroska and WebM),
RFC 3533 (Ogg), ISO 13818-1 (transport streams), Microsoft's "Advanced Systems Format".
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from mimica.errors import VideoError

_READABLE = "mov,mp4,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,flv,asf,ogg"
"""Containers that FFmpeg may open: none that names other files, as playlists do, and no pictures or text."""
_CLOCKS_MAY_JUMP = 0x0200
"""FFmpeg's AVFMT_TS_DISCONT, a flag of formats whose clocks may start anew at any place."""
_JITTER, _FALL, _JUMP = 0.05, 0.5, 10.0
"""Seconds: a clock that falls by more than the first (in formats without such clocks, the second) began again; so did one that
leaps by more than the third, where the format allows it (FFmpeg's own limit)."""


def opened_container(path: Path) -> Any:
    """The container, open. Raises `VideoError`."""
    if not os.path.exists(path):
        raise VideoError(f"There is no file '{path}': check the path.")
    if not path.is_file():
        raise VideoError(f"'{path}' is {'a folder' if path.is_dir() else 'no regular file'}: name a video.")
    try:
        return av.open(
            str(path.absolute()),
            options={"format_whitelist": _READABLE, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except PermissionError as error:
        raise VideoError(f"The file '{path}' may not be read: change its permissions.") from error
    except (FFmpegError, ValueError) as error:
        cut = " It is cut short." if is_cut_short(path) else ""
        raise VideoError(
            f"'{path}' is no video that Mimica can read, or damaged: give an mp4, mov, webm, mkv or gif file.{cut}"
        ) from error


def picture_stream(container: Any, path: Path) -> Any:
    """The film: the first stream of pictures that is no cover and no row of thumbnails, and can be decoded. Raises
    `VideoError`."""
    films = [stream for stream in container.streams.video if not is_cover(stream)]
    if not films:
        only = "a cover picture and sound" if container.streams.video else "sound"
        raise VideoError(f"'{path}' has no moving pictures in it, only {only}: name a video.")
    decodable = [stream for stream in films if can_be_decoded(stream)]
    if not decodable:
        raise VideoError(
            f"The pictures of '{path}' are coded in a way that cannot be decoded here: convert it to mp4 (H.264) first."
        )
    return min(decodable, key=lambda stream: stream.frames == 1)  # the first, but rather no single picture


def is_cover(stream: Any) -> bool:
    kinds = av.stream.Disposition
    return bool(stream.disposition & (kinds.attached_pic | kinds.timed_thumbnails | kinds.still_image))


def sound_stream(container: Any) -> Any | None:
    """The first stream of sound that can be decoded."""
    return next((stream for stream in container.streams.audio if can_be_decoded(stream)), None)


def can_be_decoded(stream: Any) -> bool:
    """PyAV has no context for a codec that it does not know, and a context without a rate or size for one it cannot open."""
    context = stream.codec_context
    return context is not None and bool(context.sample_rate if stream.type == "audio" else context.width and context.height)


class Clock:
    """Makes the time of one stream's packets go on where it begins again, as in files that were joined end to end.

    offsets  what has been added since each beginning, seconds; the first is 0
    """

    def __init__(self, container: Any, known: list[float] | None = None) -> None:
        """`known`: the offsets that the film's clock had; the sound's takes over, beginning for beginning."""
        self.offsets = [0.0]
        self._known = known
        self._may_jump = bool(int(container.format.flags) & _CLOCKS_MAY_JUMP)
        self._last: float | None = None
        self._step = 0.04

    def adjust(self, packet: Any) -> None:
        """Rewrites the packet's times."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or not packet.time_base:
            return
        time = float(stamp * packet.time_base)
        if self._last is not None:
            moved = time - self._last
            if moved < -(_JITTER if self._may_jump else _FALL) or (self._may_jump and moved > _JUMP):
                self._begin_again(time)
            elif moved > 0:
                self._step = float(packet.duration * packet.time_base) if packet.duration else moved
        self._last = time
        shift = round(self.offsets[-1] / packet.time_base)
        if shift:
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift

    def _begin_again(self, time: float) -> None:
        assert self._last is not None
        number = len(self.offsets)
        if self._known is not None and number < len(self._known):
            self.offsets.append(self._known[number])
        else:
            self.offsets.append(self.offsets[-1] + self._last + self._step - time)


def packets(container: Any, stream: Any, clock: Clock) -> Iterator[Any]:
    """The packets of a stream with mended times, up to the end or to where the container is damaged; the last one is empty."""
    try:
        for packet in container.demux(stream):
            clock.adjust(packet)
            yield packet
    except FFmpegError:  # what was read so far stays; `is_cut_short` and the count of frames tell
        return


# --- files that are cut short ---------------------------------------------------------------------------------------


def is_cut_short(path: Path) -> bool:
    """Whether a file's own headers (mp4, mov, AVI, WebP, Matroska, WebM, ASF) promise more bytes than there are; a transport
    stream, whether it ends within a packet; an Ogg file, whether its last page is not there."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            head = file.read(8192)
            file.seek(max(0, size - 70_000))
            tail = file.read()
    except OSError:
        return False
    if head[:4] == b"RIFF":
        return int.from_bytes(head[4:8], "little") + 8 > size
    if head[:4] == b"\x1aE\xdf\xa3":
        return _ebml_end(head) > size
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _boxes_end(path, size) > size
    if head[:4] == b"OggS":
        last = tail.rfind(b"OggS")
        return not (0 <= last < len(tail) - 5 and tail[last + 5] & 4)
    if head[:4] == b"\x30\x26\xb2\x75":
        about = head.find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
        return about > 0 and int.from_bytes(head[about + 40 : about + 48], "little") > size
    for length, sync in ((188, 0), (192, 4)):
        if len(head) > 3 * length + sync and all(head[sync + n * length] == 0x47 for n in range(3)):
            return size % length != 0
    return False


def _boxes_end(path: Path, size: int) -> int:
    """Where the last box of an mp4 file should end."""
    place = 0
    with path.open("rb") as file:
        while place + 8 <= size:
            file.seek(place)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:  # 0: to the end of the file; others make no sense
                return size
            place += length
    return place


def _ebml_end(data: bytes) -> int:
    """Where the segment of a Matroska file with this head should end; 0 where it does not say."""
    header, place = _ebml_size(data, 4)
    if header is None or data[place + header : place + header + 4] != b"\x18S\x80g":
        return 0
    length, start = _ebml_size(data, place + header + 4)
    return 0 if length is None else start + length


def _ebml_size(data: bytes, place: int) -> tuple[int | None, int]:
    """A variable-length size (RFC 8794, section 4) -> its value, None if unknown, and the place after it."""
    if place >= len(data) or not data[place]:
        return None, place + 1
    length = 9 - data[place].bit_length()
    value = int.from_bytes(data[place : place + length], "big") & ((1 << 7 * length) - 1)
    return (None if value == (1 << 7 * length) - 1 else value), place + length
