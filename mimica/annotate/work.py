"""One photo, one video, one tar of photos -> its rows."""

from __future__ import annotations

import csv
import io
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimica.data.inputs import Input
from mimica.errors import ImageError, UserError, VideoError
from mimica.foreign.archives import members
from mimica.jobs.shards import Tell
from mimica.jobs.workers import Tick
from mimica.motion.tables import layout
from mimica.pictures.images import SUFFIXES, read_photo
from mimica.reader.follow import Finder, Follower
from mimica.reader.read import FaceReading
from mimica.video.reader import VideoReader, open_video

PAGES = "pictures after the first one of a file"
"""A reason in `Summary.partly`."""
UNREADABLE = "pictures that cannot be read"


@dataclass(frozen=True)
class Failure:
    """A file that could not be read, and the sentence that says why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Rows:
    """What became of an input: its rows, as text or as a file that the receiver deletes, and what of it was lost."""

    text: str | Path
    lost: dict[str, int]


class Lines:
    """Inputs -> rows of cells, in the columns of a layout of `mimica.motion.tables`. The finder is made for the first of them.
    `named`: a last cell names the file. Raises `ImageError` and `VideoError` for what cannot be read."""

    def __init__(self, make_finder: Callable[[], Finder], columns: str, landmarks: bool, raw: bool, named: bool) -> None:
        self._make_finder = make_finder
        self._landmarks, self._raw, self._named, self._layout = landmarks, raw, named, layout(columns)
        self._finder: Finder | None = None

    @property
    def finder(self) -> Finder:
        if self._finder is None:
            self._finder = self._make_finder()
        return self._finder

    def of(self, task: Input, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        """`tell` is called with what could not be read: a name, and why."""
        each = self._video if task.is_video else self._tar if task.is_tar else self._photo
        for row in each(task, tell, tick):
            yield [*row, task.name] if self._named and not task.is_tar else row

    def _photo(self, task: Input, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        try:
            photo = read_photo(task.path)
            readings = self.finder.find(photo.rgb)
        finally:
            tick(1.0, 1)
        for _ in range(photo.frames - 1 if photo.format == "TIFF" else 0):
            tell(task.name, PAGES)
        yield from self._rows(list(enumerate(readings)), 0, 0.0)

    def _tar(self, task: Input, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        """Photos of a tar, each named as TAR/PHOTO, in its order; other files beside them do not count."""
        size, left = max(1, task.path.stat().st_size) if task.path.exists() else 1, 1.0
        for name, content in members(task.path, ImageError):
            if Path(name).suffix.lower() not in SUFFIXES:
                continue
            try:
                readings = self.finder.find(read_photo(content).rgb)
            except ImageError as error:
                tell(f"{task.name}/{name}", str(error))
            else:
                rows = self._rows(list(enumerate(readings)), 0, 0.0)
                yield from ([*row, f"{task.name}/{name}"] if self._named else row for row in rows)
            part = min(left, len(content) / size)
            left -= part
            tick(part, 1)
        tick(left, 0)

    def _rows(self, faces: list[tuple[int, FaceReading]], index: int, time: float) -> list[list[str]]:
        rows = [self._layout.face_row(reading, index + 1, face_id, time, self._landmarks) for face_id, reading in faces]
        return rows or [self._layout.empty_row(index + 1, time, self._landmarks)]

    def _video(self, task: Input, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        """A video's rows, frame by frame."""
        left = 1.0
        try:
            video = open_video(task.path)
            follower = Follower(self.finder, self._raw)
            for index, time, rgb in video:
                yield from self._rows(follower.read(rgb, time), index, time)
                part = min(left, 1.0 / video.frame_count) if video.frame_count else 0.0
                left -= part
                tick(part, 1)
            _tell_lost(video, task.name, tell)
        finally:
            tick(left, 0)


def _tell_lost(video: VideoReader, name: str, tell: Tell) -> None:
    for why, count in video.lost.items():
        for _ in range(count):
            tell(name, why)


class FileWork:
    """Does an input for one table: a photo's rows as text; a video's or a tar's, however long it is, as the path of a file that
    the receiver deletes."""

    def __init__(
        self, make_finder: Callable[[], Finder], output: Path, columns: str, landmarks: bool, raw: bool, named: bool
    ) -> None:
        self._lines, self._output = Lines(make_finder, columns, landmarks, raw, named), output

    def __call__(self, task: Input, tick: Tick) -> Rows | Failure:
        lost: Counter[str] = Counter()

        def tell(name: str, why: str) -> None:
            lost[why if name == task.name else UNREADABLE] += 1

        rows = self._lines.of(task, tell, tick)
        try:
            text = self._as_file(rows) if task.is_video or task.is_tar else _text(list(rows))
        except (ImageError, VideoError) as error:
            return Failure(task.name, str(error))
        return Rows(text, dict(lost))

    def _as_file(self, rows: Iterator[list[str]]) -> Path:
        path = self._output.parent / f".{self._output.name}.{secrets.token_hex(6)}.rows"
        try:
            with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.writelines(_text([row]) for row in rows)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise UserError(f"'{path}' cannot be written ({error.strerror}): make room, or write elsewhere.") from error
            raise
        return path


def _text(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
