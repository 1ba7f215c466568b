"""`mimica annotate`: folders, photos and videos -> one table of Action Units, in the columns of OpenFace 2.

What is done is kept in a journal beside the table, `aus.csv.part`; the table itself appears when all is done. The same call
goes on where another one stopped, even if it was killed; the unit of progress is a file, so a video that was not finished
is begun again. The table then is the same, byte for byte, as that of a run that was not interrupted.
"""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mimica import __version__
from mimica.errors import ImageError, UserError, VideoError
from mimica.files import atomic_path, natural_key
from mimica.images import SUFFIXES as PHOTO_SUFFIXES
from mimica.images import read_photo
from mimica.jobs.journal import Journal
from mimica.jobs.workers import Tick, run
from mimica.motion.openface_columns import columns, empty_row, face_row
from mimica.reader.follow import Finder, Follower
from mimica.video.reader import open_video

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".flv", ".wmv", ".asf", ".ogv", ".gif")
)


@dataclass(frozen=True)
class Input:
    """A photo or a video, and what it is called in the table's column `input`."""

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        return self.path.suffix.lower() in VIDEO_SUFFIXES

    def key(self) -> str:
        """Names the file as it is now: a file that has been changed is another one."""
        with suppress(OSError):  # a file that is gone is found unreadable in its turn
            about = self.path.stat()
            return json.dumps([self.name, about.st_size, about.st_mtime_ns])
        return self.name


@dataclass(frozen=True)
class Failure:
    """A file that could not be read, and the sentence that says why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """annotated  files whose rows are in the table
    kept       how many of them an earlier run had done
    failures   files that could not be read, in the order of the inputs
    """

    annotated: int
    kept: int
    failures: tuple[Failure, ...]

    def told(self, output: Path) -> str:
        """One line on what was done. Raises `UserError` where nothing was written to `output`."""
        unread = f"{len(self.failures)} could not be read" if self.failures else "all could be read"
        if not self.annotated:
            raise UserError(f"There is nothing to write to '{output}': of {_files(len(self.failures))} none could be read.")
        kept = f" ({self.kept} of them in an earlier run)" if self.kept else ""
        return f"{_files(self.annotated)} annotated{kept}, {unread}."


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def list_inputs(sources: Sequence[str | Path], recursive: bool = False) -> list[Input]:
    """Photos and videos, in the order given, those of a folder in natural order (`2.jpg` before `10.jpg`), none twice.
    Raises `UserError` for a source that is not there and for a folder without photos and videos."""
    inputs: dict[Path, Input] = {}
    for source in map(Path, sources):
        if not source.exists():
            raise UserError(f"There is no file or folder '{source}': check the path.")
        for path in _files_in(source, recursive) if source.is_dir() else [source]:
            inputs.setdefault(path.absolute(), Input(path, str(path)))
    return list(inputs.values())


def _files_in(folder: Path, recursive: bool) -> list[Path]:
    known = PHOTO_SUFFIXES | VIDEO_SUFFIXES
    found = [
        path
        for path in (folder.rglob("*") if recursive else folder.iterdir())
        if path.suffix.lower() in known and path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        deeper = "" if recursive else ", not counting folders in it (--recursive)"
        raise UserError(f"The folder '{folder}' has no photos and no videos in it{deeper}.")
    return sorted(found, key=lambda path: natural_key(str(path.relative_to(folder))))


def annotate(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    recursive: bool = False,
    landmarks: bool = False,
    raw: bool = False,
    detector: str = "dlib",
    model: str | Path | None = None,
    jobs: int = 1,
    make_finder: Callable[[], Finder] | None = None,
    progress: Callable[[float, int, int], None] | None = None,
) -> Summary:
    """Writes the table `output` (see `mimica.motion.openface_columns`): a row for each face of a photo, in reading order, and for
    each face of each frame of a video; one row with `success` 0 where there is none. Unless there is but one source and it is a
    file, a last column `input` names the file (the last, so that the places of the others are OpenFace's).

    recursive    folders within folders too
    landmarks    the columns x_0 ... y_67 too
    raw          videos: values as read, not steadied over time
    detector     as `mimica.face.detect.get_detector` has it, with its `model`
    jobs         processes (above 1: see `mimica.jobs.workers`)
    make_finder  makes what finds and reads faces in each process, in place of the detector and Mimica's network
    progress     called with (files done, with parts of a file; files in all; pictures read now)

    Without a single readable file nothing is written. Raises `UserError` of several kinds.
    """
    output, inputs = Path(output), list_inputs(sources, recursive)
    named = len(sources) > 1 or Path(sources[0]).is_dir()
    header = columns(landmarks) + ["input"] * named
    finder = make_finder or partial(Finder, detector, str(model) if model else None, threads=1)
    make_work = partial(_Work, finder, output, landmarks, raw, named)
    job = {"mimica": __version__, "columns": header, "raw": raw, "detector": detector, "model": model and str(model)}
    with Journal(output.with_name(output.name + ".part"), job) as journal:
        _sweep(output)
        keys = [each.key() for each in inputs]
        waiting = [(each, key) for each, key in zip(inputs, keys, strict=True) if key not in journal]
        tick = _counter(len(inputs) - len(waiting), len(inputs), progress)
        failed = _do(waiting, journal, make_work, max(1, min(jobs, len(waiting))), tick)
        failures = tuple(Failure(each.name, failed[key]) for each, key in zip(inputs, keys, strict=True) if key in failed)
        if len(failures) < len(inputs):
            _write_table(output, header, journal, [key for key in keys if key not in failed])
        _sweep(output)
        journal.remove()
    return Summary(len(inputs) - len(failures), len(inputs) - len(waiting), failures)


def _counter(done: int, total: int, progress: Callable[[float, int, int], None] | None) -> Tick:
    """A tick that sums up what it is told and passes it on."""
    parts = float(done)

    def tick(part: float, pictures: int) -> None:
        nonlocal parts
        parts += part
        if progress is not None:
            progress(parts, total, pictures)

    tick(0.0, 0)
    return tick


def _do(
    waiting: Sequence[tuple[Input, str]], journal: Journal, make_work: Callable[[], _Work], jobs: int, tick: Tick
) -> dict[str, str]:
    """Does what is waiting and puts it into the journal; key -> reason for what cannot be read."""
    key_of = dict(waiting)
    failed = {}
    for done in run([each for each, _ in waiting], make_work, jobs, tick):
        key = key_of[done.task]
        if isinstance(done.result, Failure):
            failed[key] = done.result.reason
        elif isinstance(done.result, Path):
            journal.add_file(key, done.result)
            done.result.unlink()
        else:
            journal.add(key, done.result)
    return failed


def _write_table(output: Path, header: Sequence[str], journal: Journal, keys: Sequence[str]) -> None:
    with atomic_path(output) as temporary, temporary.open("wb") as file:
        file.write((",".join(header) + "\n").encode())
        for key in keys:
            journal.copy(key, file)


def _sweep(output: Path) -> None:
    """Deletes what workers of a killed run left."""
    for path in output.parent.glob(f".{output.name}.*.rows"):
        path.unlink(missing_ok=True)


# --- one photo, one video -------------------------------------------------------------------------------------------


class _Work:
    """Does an input: a photo's rows as text; a video's, however long it is, as the path of a file that the receiver deletes."""

    def __init__(self, make_finder: Callable[[], Finder], output: Path, landmarks: bool, raw: bool, named: bool) -> None:
        self._make_finder, self._output = make_finder, output
        self._landmarks, self._raw, self._named = landmarks, raw, named
        self._finder: Finder | None = None

    def __call__(self, task: Input, tick: Tick) -> str | Path | Failure:
        if self._finder is None:
            self._finder = self._make_finder()
        try:
            return self._video(task, self._finder, tick) if task.is_video else self._photo(task, self._finder, tick)
        except (ImageError, VideoError) as error:
            return Failure(task.name, str(error))

    def _photo(self, task: Input, finder: Finder, tick: Tick) -> str:
        try:
            readings = finder.find(read_photo(task.path).rgb)
        finally:
            tick(1.0, 1)
        rows = [face_row(reading, 1, i, 0.0, self._landmarks) for i, reading in enumerate(readings)]
        return self._text(rows or [empty_row(1, 0.0, self._landmarks)], task.name)

    def _video(self, task: Input, finder: Finder, tick: Tick) -> Path:
        path = self._output.parent / f".{self._output.name}.{secrets.token_hex(6)}.rows"
        try:
            with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.writelines(self._frames(task, finder, tick))
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise UserError(f"'{path}' cannot be written ({error.strerror}): make room, or write elsewhere.") from error
            raise
        return path

    def _frames(self, task: Input, finder: Finder, tick: Tick) -> Iterator[str]:
        """A video's rows, frame by frame."""
        left = 1.0
        try:
            video = open_video(task.path)
            follower = Follower(finder, self._raw)
            for index, time, rgb in video:
                faces = follower.read(rgb, time)
                rows = [face_row(reading, index + 1, face_id, time, self._landmarks) for face_id, reading in faces]
                yield self._text(rows or [empty_row(index + 1, time, self._landmarks)], task.name)
                part = min(left, 1.0 / video.frame_count) if video.frame_count else 0.0
                left -= part
                tick(part, 1)
        finally:
            tick(left, 0)

    def _text(self, rows: list[list[str]], name: str) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([*row, name] if self._named else row for row in rows)
        return text.getvalue()
