"""What is a film among the files that people name, and in which format its result is written."""

from __future__ import annotations

from pathlib import Path

from mimica.data.inputs import VIDEO_SUFFIXES, is_video
from mimica.video.suffixes import SUFFIXES

PIPE = "-"


def is_film(path: Path, output: Path | None = None) -> bool:
    """Whether the file is edited as a film: a video always; an animated picture where the result, if it is named, can move too;
    of standard input the result alone decides."""
    suffix = None if output is None else output.suffix.lower()
    if str(path) == PIPE:
        return suffix in (".mp4", ".webm")
    if path.suffix.lower() in VIDEO_SUFFIXES - {".gif"}:
        return True
    return path.is_file() and is_video(path) and suffix in (None, *SUFFIXES)


def result_suffix(film: Path) -> str:
    """The film's own, where it can be written; else `.mp4`."""
    return film.suffix.lower() if film.suffix.lower() in SUFFIXES else ".mp4"
