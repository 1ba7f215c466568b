"""One writer at a time: a lock that the system takes back when its process ends, however that happens.

The lock is a hidden file beside what is written, `.NAME.lock` (within a folder that is filled piece by piece, `.mimica.lock`). It
says who writes; what counts is the system's lock on it, so the file that a killed run leaves is no obstacle to the next.
"""

from __future__ import annotations

import datetime
import json
import os
import socket
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from mimica.errors import UserError, shown

INSIDE = ".mimica.lock"
_LONGEST = 200
"""Bytes of a name that may stand in that of its lock."""


def lock_path(target: Path, inside: bool = False) -> Path:
    """Where the lock on a file, or on a folder that is made as a whole, lies; `inside`: on a folder that is filled."""
    name = target.name if len(os.fsencode(target.name)) <= _LONGEST else f"{zlib.crc32(os.fsencode(target.name)):08x}"
    return target / INSIDE if inside else target.with_name(f".{name}.lock")


class Lock:
    """Use it as a context manager, or `close` it. Raises `UserError` at once where another run has it, and says which."""

    def __init__(self, target: str | Path, inside: bool = False) -> None:
        self.target, self.path = Path(target), lock_path(Path(target), inside)
        self._file: IO[str] | None = self._taken()

    def _taken(self) -> IO[str]:
        while True:
            try:
                file = self.path.open("a+", encoding="utf-8")
            except OSError as error:
                raise UserError(f"'{self.target}' cannot be written ({error.strerror}): write somewhere else.") from error
            if not _try_lock(file):
                file.seek(0)
                who = _who(file.read(1000))
                file.close()
                raise UserError(f"'{self.target}' is being written by {who}: wait until that is done, or write somewhere else.")
            with suppress(OSError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self.path)):
                    break
            file.close()  # its holder removed it just now
        with suppress(OSError):  # on a full disk the lock still holds
            file.truncate(0)
            file.write(json.dumps({"process": os.getpid(), "machine": socket.gethostname(), "since": _now()}))
            file.flush()
        return file

    def close(self) -> None:
        """Give it up."""
        if self._file is None:
            return
        with suppress(OSError):
            self.path.unlink()
        with suppress(OSError):
            self._file.close()
        self._file = None

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def is_held(path: Path) -> bool:
    """Whether a lock file belongs to a run that goes on."""
    try:
        with path.open("a+", encoding="utf-8") as file:
            return not _try_lock(file)
    except OSError:
        return True


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")


def _who(text: str) -> str:
    try:
        about = json.loads(text)
        here = about["machine"] == socket.gethostname()
        where = "" if here else f" on {shown(about['machine'])}"
        return f"another run (process {int(about['process'])}{where}, since {shown(about['since'])})"
    except (ValueError, KeyError, TypeError):
        return "another run"


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[str]) -> bool:
        """The lock lies far behind the text, which others may read."""
        file.seek(1 << 20)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
