"""What is in a folder: photos, moving pictures, and files that are neither, by their names and, where those leave it open, by
their first bytes. Whatever is passed over is named, with the reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mimica.errors import UserError
from mimica.files import natural_key
from mimica.pictures.images import SUFFIXES as PHOTO_SUFFIXES
from mimica.video.animation import looks_animated

VIDEO_SUFFIXES = frozenset(
    (".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".ts", ".mts",
     ".m2ts", ".flv", ".f4v", ".wmv", ".asf", ".ogv", ".3gp", ".3gpp", ".3g2", ".gif")
)  # fmt: skip
BESIDE = frozenset(
    (".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".xmp", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".log", ".html",
     ".srt", ".vtt", ".pkl", ".npy", ".npz", ".parquet", ".mat", ".xls", ".xlsx", ".doc", ".docx", ".pdf", ".py", ".sh", ".db",
     ".sqlite", ".aae", ".thm", ".part", ".pts", ".lmk", ".wav", ".mp3", ".zip", ".md5", ".sha256")
)  # fmt: skip
"""Suffixes of what lies beside photos and is none: that it is not read is said, but is no loss."""
TAR_SUFFIXES = frozenset((".tar", ".tgz"))
"""Photos in a tar, as WebDataset keeps them."""
LIST_MARK = "@"
"""Before the name of a file that lists inputs, a line each."""
UNKNOWN, NO_PICTURE = "of a kind that is not read", "no pictures"
"""Why a file was passed over."""


@dataclass(frozen=True)
class Input:
    """A photo, a video or a tar of photos, and what it is called in the table's column `input`."""

    path: Path
    name: str

    @property
    def is_video(self) -> bool:
        return is_video(self.path)

    @property
    def is_tar(self) -> bool:
        return self.path.suffix.lower() in TAR_SUFFIXES

    def __str__(self) -> str:
        return self.name

    def key(self) -> str:
        """Names the file as it is now: a file that has been changed is another one."""
        with suppress(OSError):  # a file that is gone is found unreadable in its turn
            about = self.path.stat()
            return json.dumps([self.name, about.st_size, about.st_mtime_ns])
        return self.name


@dataclass(frozen=True)
class Found:
    """What there is: `inputs` to be read, and `passed_over`, name -> `UNKNOWN` or `NO_PICTURE`."""

    inputs: list[Input]
    passed_over: dict[str, str] = field(default_factory=dict)


def is_video(path: Path) -> bool:
    """Moving pictures, by the suffix; a WebP, PNG or AVIF that moves, by its first bytes."""
    return path.suffix.lower() in VIDEO_SUFFIXES or looks_animated(path)


def is_known(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES | VIDEO_SUFFIXES | TAR_SUFFIXES


def why_not(path: Path) -> str | None:
    """Why a file of a folder is passed over; None for one that is read."""
    if is_known(path):
        return None
    return NO_PICTURE if path.suffix.lower() in BESIDE else UNKNOWN


def find_inputs(sources: Sequence[str | Path], recursive: bool = False) -> Found:
    """Photos, videos and tars of photos, in the order given, those of a folder in natural order (`2.jpg` before `10.jpg`), none
    twice; hidden files do not count. `@list.txt` is a file that lists paths, a line each. Raises `UserError` for a source that is
    not there and for a folder without photos and videos."""
    inputs: dict[Path, Input] = {}
    passed_over: dict[str, str] = {}
    for source in map(Path, sources):
        if str(source).startswith(LIST_MARK):
            inputs |= {path: Input(path, str(path)) for path in _listed(source)}
            continue
        if not source.exists():
            raise UserError(f"There is no file or folder '{source}': check the path.")
        for path in _files_in(source, recursive, passed_over) if source.is_dir() else [source]:
            inputs.setdefault(path.absolute(), Input(path, str(path)))
    return Found(list(inputs.values()), passed_over)


def list_inputs(sources: Sequence[str | Path], recursive: bool = False) -> list[Input]:
    """`find_inputs`, without what is passed over."""
    return find_inputs(sources, recursive).inputs


def input_names(sources: Sequence[str | Path], recursive: bool = False) -> Iterator[str]:
    """The names of the inputs alone, one after the other: a list of millions takes the memory of its names, or less. Sources that
    name a file twice give it twice. Raises as `find_inputs`."""
    for source in map(Path, sources):
        if str(source).startswith(LIST_MARK):
            yield from map(str, _listed(source))
        else:
            yield from (one.name for one in find_inputs([source], recursive).inputs)


def takes_long(name: str) -> bool:
    """Whether an input holds many pictures, by its suffix: a video or a tar."""
    return Path(name).suffix.lower() in VIDEO_SUFFIXES | TAR_SUFFIXES


def _listed(source: Path) -> Iterator[Path]:
    """The paths in a list, those that are relative seen from here; whether they are there is found in their turn."""
    path = Path(str(source).removeprefix(LIST_MARK))
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            yield from (Path(line) for line in map(str.strip, file) if line)
    except OSError as error:
        raise UserError(f"The list '{path}' cannot be read ({error.strerror}): check the path.") from error


def _files_in(folder: Path, recursive: bool, passed_over: dict[str, str]) -> list[Path]:
    paths = [path for path in (folder.rglob("*") if recursive else folder.iterdir()) if path.is_file()]
    shown = sorted(
        (path for path in paths if not path.name.startswith(".") and path.name.lower() not in ("thumbs.db", "desktop.ini")),
        key=lambda path: natural_key(str(path.relative_to(folder))),
    )
    known = [path for path in shown if is_known(path)]
    if not known:
        deeper = "" if recursive else ", not counting folders in it (--recursive)"
        raise UserError(f"The folder '{folder}' has no photos and no videos in it{deeper}.")
    passed_over |= {str(path): why for path in shown if (why := why_not(path))}
    return known
