"""Files written whole or not at all, and the order in which people expect files to be listed."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from mimica.errors import UserError
from mimica.jobs.lock import Lock, is_held


def natural_key(text: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"\d+|\D+", text.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


_REFUSED = {
    errno.ENOSPC: "the disk is full: make room, or write somewhere else.",
    errno.EDQUOT: "your disk quota is used up: make room, or write somewhere else.",
    errno.EFBIG: "a limit on the size of files is reached (see `ulimit -f`): raise it, or write somewhere else.",
    errno.EACCES: "the folder may not be written: change its permissions, or write somewhere else.",
    errno.EPERM: "the folder may not be written: change its permissions, or write somewhere else.",
    errno.EROFS: "the disk is read-only: write somewhere else.",
    errno.EIO: "the disk reports a fault: write somewhere else, and look after the disk.",
    errno.ENAMETOOLONG: "the name is too long: shorten it.",
    errno.ENOENT: "the folder takes no files, or is gone: write somewhere else.",
}
_PARTLY = "the disk took a part of it only (it is full, or a quota or a limit on the size of files is reached): make room."
_SHORT_WRITES = ("requested and", "write failed", "failed writing", "unexpected pos", "enforce fail", "iostream error")
"""What numpy and torch say where a write was cut short; they hide the system's reason."""
_LONGEST_SUFFIX = 16


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
def writing(path: str | Path) -> Iterator[None]:
    """What is written to `path`, or to files within it, and cannot be: a `UserError` in place of the system's error."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = _reason(error, str(path))
        if reason is None:
            raise
        raise UserError(f"'{path}' cannot be written, {reason}") from error


def refusal(error: OSError) -> str | None:
    """Why the system did not write, as the end of a sentence; None for an error about something else."""
    return _REFUSED.get(error.errno or 0) if error.errno not in (errno.EACCES, errno.EPERM, errno.ENOENT) else None


def _reason(error: BaseException, *names: str) -> str | None:
    """Why the system did not write one of these files or folders; None where the error is about something else."""
    if isinstance(error, OSError) and error.errno is not None:
        about_us = str(error.filename).startswith(names) or (error.filename is None and error.errno != errno.ENOENT)
        return _REFUSED.get(error.errno) if about_us else None
    if error.__context__ is not None and isinstance(error.__context__, OSError):
        found = _reason(error.__context__, *names)
        if found:
            return found
    return _PARTLY if any(words in str(error) for words in _SHORT_WRITES) else None


@contextmanager
def atomic_path(path: str | Path, folder: bool = False) -> Iterator[Path]:
    """A name in the same folder, with the same suffix, to write to: renamed to `path` at the end of the block, removed if
    the block fails. With `folder`, what is written is a folder, `path` must be new or an empty folder, and is locked meanwhile.
    What killed runs left beside it is removed. Raises `UserError` for a missing or protected folder, for a name that is too long
    and for a full disk."""
    path = Path(path)
    check_target(path, folder)
    sweep_once(path.parent)
    temporary = temporary_name(path)
    lock = Lock(path) if folder else nullcontext()
    try:
        with lock:
            yield temporary
            if folder and path.is_dir():
                path.rmdir()
            os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        reason = _reason(error, str(temporary), str(path))
        if reason is None:
            raise
        raise UserError(f"'{path}' cannot be written, {reason}") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


# --- temporary names, and what killed runs leave --------------------------------------------------------------------

_TEMPORARY = re.compile(
    r"\.mimica-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{12}(\.\w{1,16})?|\.mimica-[0-9a-f]{12}(\.\w+)?"
)
_ROWS = re.compile(r"\..+\.[0-9a-f]{12}\.rows")
_OLD = 24 * 3600.0
"""Seconds after which what does not say whose it is counts as left behind."""
_swept: set[Path] = set()


def _machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def temporary_name(path: Path) -> Path:
    """A hidden name beside `path` that says which process writes it."""
    suffix = path.suffix if len(path.suffix) <= _LONGEST_SUFFIX else ""
    return path.parent / f".mimica-{_machine()}-{os.getpid()}-{secrets.token_hex(6)}{suffix}"


def left_behind(folder: Path) -> list[Path]:
    """Hidden files and folders of runs that were killed: temporary ones whose process is no more, and locks that nobody holds."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and _is_left(entry):
                found.append(Path(entry.path))
    return sorted(found)


def left_in(folders: Iterable[Path], recursive: bool = False) -> list[Path]:
    """`left_behind` of several folders, with `recursive` of those within them too. Raises `UserError` for what is no folder."""
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"There is no folder '{folder}': check the path.")
        inner = [Path(path) for path, _, _ in os.walk(folder)] if recursive else [folder]
        for each in inner:
            found |= dict.fromkeys(left_behind(each))
    return [path for path in found if not any(parent in found for parent in path.parents)]


def _is_left(entry: os.DirEntry[str]) -> bool:
    if match := _TEMPORARY.fullmatch(entry.name):
        if match["process"] and match["machine"] == _machine():
            return not _runs(int(match["process"]))
        return _is_old(entry)
    if entry.name.endswith(".lock") and entry.is_file(follow_symlinks=False):
        return _looks_like_a_lock(Path(entry.path)) and not is_held(Path(entry.path))
    return _ROWS.fullmatch(entry.name) is not None and _is_old(entry)


def _is_old(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _OLD
    return False


def _looks_like_a_lock(path: Path) -> bool:
    """Other programs have `.NAME.lock` too."""
    with suppress(OSError, ValueError):
        return path.stat().st_size < 1000 and path.read_text(encoding="utf-8").startswith('{"process": ')
    return False


def _runs(process: int) -> bool:
    """Whether a process of this machine exists."""
    if sys.platform == "win32":
        return True  # asking would end it; `mimica clean` looks at the age
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def remove(path: Path) -> None:
    """A file, or a folder with all that is in it; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def sweep_once(folder: Path) -> None:
    """Remove the temporary files that killed runs left in `folder`; looks once in the life of a process."""
    if folder in _swept:
        return
    _swept.add(folder)
    for path in left_behind(folder):
        if _TEMPORARY.fullmatch(path.name):
            remove(path)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for files that live for moments, readable by its owner alone; what killed runs left of theirs is removed."""
    place = Path(tempfile.gettempdir())
    sweep_once(place)
    folder = temporary_name(place / "scratch")
    with writing(folder):
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- names ----------------------------------------------------------------------------------------------------------


def longest_name(folder: Path) -> int:
    """Bytes that the name of a file in `folder` may have."""
    with suppress(OSError, ValueError, AttributeError):
        return os.pathconf(folder, "PC_NAME_MAX")
    return 255


def fitting(path: Path) -> Path:
    """A name that we made up, its stem shortened to what the file system takes."""
    spare = longest_name(path.parent) - len(os.fsencode(path.suffix)) - len("_frames")
    stem = os.fsencode(path.stem)
    if len(stem) <= spare:
        return path
    short = stem[:spare].decode(errors="ignore") or path.stem[:1]
    return path.with_name(f"{short}{path.suffix}")


def _is_full(folder: Path) -> bool:
    """Whether the disk has no block left; one that does not count its blocks is not."""
    with suppress(OSError, AttributeError):
        about = os.statvfs(folder)
        return about.f_blocks > 0 and about.f_bfree == 0
    return False


def check_target(path: Path, folder: bool = False) -> None:
    """What `atomic_path` refuses, to be asked before long work: a folder that is missing, protected or without any room, a name
    that is too long, something else in the way. Raises `UserError`."""
    if not path.parent.is_dir():
        raise UserError(f"'{path}' cannot be written, there is no folder '{path.parent}': create it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(f"'{path}' cannot be written, {_REFUSED[errno.EACCES]}")
    if len(os.fsencode(path.name)) > longest_name(path.parent):
        raise UserError(f"'{path}' cannot be written, {_REFUSED[errno.ENAMETOOLONG]}")
    if _is_full(path.parent):
        raise UserError(f"'{path}' cannot be written, {_REFUSED[errno.ENOSPC]}")
    is_folder = os.path.isdir(path)
    if is_folder and (not folder or any(path.iterdir())):
        problem = "already has files in it: name a new folder" if folder else "is a folder: name a file"
        raise UserError(f"'{path}' cannot be written, it {problem}.")
    if folder and os.path.exists(path) and not is_folder:
        raise UserError(f"'{path}' cannot be written as a folder, there is a file of that name: name a new folder.")
