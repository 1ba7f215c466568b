"""Files written whole or not at all, and the order in which people expect files to be listed."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mimica.errors import UserError


def natural_key(text: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"\d+|\D+", text.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


_REFUSED = {
    errno.ENOSPC: "the disk is full: make room, or write somewhere else.",
    errno.EDQUOT: "your disk quota is used up: make room, or write somewhere else.",
    errno.EACCES: "the folder may not be written: change its permissions, or write somewhere else.",
    errno.EPERM: "the folder may not be written: change its permissions, or write somewhere else.",
    errno.EROFS: "the disk is read-only: write somewhere else.",
    errno.ENAMETOOLONG: "the name is too long: shorten it.",
}


def read_bytes(path: str | Path, limit: int, error: type[UserError] = UserError) -> bytes:
    """A file's content. Raises `error` where it cannot be read or has more than `limit` bytes; of what has no length of its own
    (a pipe, a device) no more is read than that."""
    try:
        with Path(path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            pieces, left = [], limit + 1
            while size <= limit and left > 0 and (piece := file.read(min(1 << 20, left))):
                pieces.append(piece)
                left -= len(piece)
    except OSError as problem:
        raise error(f"'{path}' cannot be read ({problem.strerror}).") from problem
    if size > limit or left <= 0:
        raise error(f"'{path}' has more than {limit / 1e6:,.0f} MB, which no file of this kind has; is it another file?")
    return b"".join(pieces)


@contextmanager
def atomic_path(path: str | Path, folder: bool = False) -> Iterator[Path]:
    """A name in the same folder, with the same suffix, to write to: renamed to `path` at the end of the block, removed if
    the block fails. With `folder`, what is written is a folder, and `path` must be new or an empty folder.
    Raises `UserError` for a missing or protected folder and for a full disk."""
    path = Path(path)
    _check_target(path, folder)
    temporary = path.parent / f".mimica-{secrets.token_hex(6)}{path.suffix}"
    try:
        yield temporary
        if folder and path.is_dir():
            path.rmdir()
        os.replace(temporary, path)
    except OSError as error:
        about_us = error.filename is None or str(error.filename).startswith(str(temporary))
        if error.errno not in _REFUSED or not about_us:
            raise
        raise UserError(f"'{path}' cannot be written, {_REFUSED[error.errno]}") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def _check_target(path: Path, folder: bool) -> None:
    if not path.parent.is_dir():
        raise UserError(f"'{path}' cannot be written, there is no folder '{path.parent}': create it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"'{path}' cannot be written, {_REFUSED[errno.EACCES]}")
    is_folder = os.path.isdir(path)
    if is_folder and (not folder or any(path.iterdir())):
        problem = "already has files in it: name a new folder" if folder else "is a folder: name a file"
        raise UserError(f"'{path}' cannot be written, it {problem}.")
    if folder and os.path.exists(path) and not is_folder:
        raise UserError(f"'{path}' cannot be written as a folder, there is a file of that name: name a new folder.")
