"""The server's folder for files that live for moments, and what removes it, also after a kill.

A small process waits for the server's end of a pipe to close, which the system does however the server ends, and then deletes the
folder. Folders whose server is gone, and whose watcher was killed too, are swept at the next start.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PREFIX = "mimica-web-"
_WATCH = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"


class Scratch:
    """`path` is the folder, readable by its owner alone."""

    def __init__(self) -> None:
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCH, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal must not reach it before the server has ended
        )

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()
        self._watcher.wait(timeout=10)


def sweep() -> list[Path]:
    """Removes the folders of servers that no longer run; what was removed."""
    gone: list[Path] = []
    if os.name != "posix":  # elsewhere a process cannot be asked whether it runs
        return gone
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        match = re.fullmatch(rf"{PREFIX}(\d+)-\w+", folder.name)
        ours = match is not None and folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
        if match is not None and ours and not _runs(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(folder)
    return gone


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
