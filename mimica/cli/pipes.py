"""`-` in place of a file: standard input and output. And photos that are not there, refused before anything else."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from mimica.errors import ImageError, UserError
from mimica.files import fitting, scratch_folder, writing

PIPE = Path("-")
MOST_OF_A_PHOTO, MOST_OF_A_FILM = 1 << 30, 32 << 30
"""Bytes taken from standard input; what has no end is not read for ever."""
SOME_LEFT_OUT = 1
"""Exit code: the work is done, but some of what was given could not be read."""


def given(photo: Path) -> Path | bytes:
    """The photo; what standard input holds where it is `-`. Raises `ImageError` where there is nothing."""
    if photo != PIPE:
        if not photo.exists():
            raise ImageError(f"There is no file '{photo}': check the path.")
        return photo
    data = sys.stdin.buffer.read(MOST_OF_A_PHOTO + 1)
    if len(data) > MOST_OF_A_PHOTO:
        raise ImageError(f"Standard input has more than {MOST_OF_A_PHOTO >> 20} MB, which is no photo: give one, or name a file.")
    if not data:
        raise ImageError("Standard input is empty, and '-' takes the photo from it: give one, or name a file.")
    return data


def suffix_of(photo: Path | bytes, writable: dict[str, str]) -> str:
    """The suffix of a result in the photo's own format; .png where that cannot be written."""
    if isinstance(photo, Path):
        return photo.suffix if photo.suffix.lower() in writable else ".png"
    starts = {b"\xff\xd8\xff": ".jpg", b"BM": ".bmp", b"II*\0": ".tif", b"MM\0*": ".tif"}
    if photo[:4] == b"RIFF" and photo[8:12] == b"WEBP":
        return ".webp"
    return next((suffix for start, suffix in starts.items() if photo.startswith(start)), ".png")


def default_output(photo: Path, name: str) -> Path:
    """Beside the photo, as `name`, shortened where the file system asks for it; standard output where the photo came from
    standard input."""
    return PIPE if photo == PIPE else fitting(photo.with_name(name))


@contextmanager
def delivered(output: Path, suffix: str, quiet: bool = False) -> Iterator[Path]:
    """Where to write: `output`, whose name is then printed (unless `quiet`); for `-` a scratch file of that suffix, whose
    contents then go to standard output. Raises `UserError` where that is a terminal."""
    if output != PIPE:
        yield output
        if not quiet:
            typer.echo(str(output))
        return
    if sys.stdout.isatty():
        raise UserError("--output is '-', standard output, which is a terminal here: send it into a file or a pipe.")
    with scratch_folder() as folder:
        scratch = folder / f"stdout{suffix}"
        yield scratch
        sys.stdout.flush()
        with scratch.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


@contextmanager
def spooled(source: Path) -> Iterator[Path]:
    """The file; for `-` a scratch file with what standard input holds."""
    if source != PIPE:
        yield source
        return
    with scratch_folder() as folder:
        scratch = folder / "stdin"
        with writing(scratch), scratch.open("wb") as file:
            left = MOST_OF_A_FILM
            while piece := sys.stdin.buffer.read(1 << 20):
                left -= len(piece)
                if left < 0:
                    raise UserError(f"Standard input has more than {MOST_OF_A_FILM >> 30} GB: name the file instead.")
                file.write(piece)
        yield scratch
