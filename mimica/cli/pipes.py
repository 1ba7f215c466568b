"""`-` in place of a file: standard input and output. And photos that are not there, refused before anything else."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from mimica.errors import ImageError, UserError
from mimica.files import fitting

PIPE = Path("-")
SOME_LEFT_OUT = 1
"""Exit code: the work is done, but some of what was given could not be read."""


def given(photo: Path) -> Path | bytes:
    """The photo; what standard input holds where it is `-`. Raises `ImageError` where there is nothing."""
    if photo != PIPE:
        if not photo.exists():
            raise ImageError(f"There is no file '{photo}': check the path.")
        return photo
    data = sys.stdin.buffer.read()
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
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / f"stdout{suffix}"
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
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "stdin"
        with scratch.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield scratch
