"""What the parts of `make chaos` share: what came of a job, its environment, and small disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PHOTO = ROOT / "examples" / "astronaut.jpg"
PARTS = (0.0, 0.2, 0.6, 0.95)
"""Of the space that a result needs; with each it must fail."""
_INSIDE = "MIMICA_CHAOS_MOUNTS"
_PAGE = 4096
_DISK = 64 << 20


@dataclass
class Outcome:
    """`kills` that hit a running command, in how many cases it had `done` its work before, `full` disks, and what went wrong."""

    kills: int = 0
    done: int = 0
    full: int = 0
    problems: list[str] = field(default_factory=list)


def environment(**more: str) -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **more}


def with_mounts() -> bool:
    """Whether this process may make small disks; where Linux allows it, it starts itself again so that it may."""
    if os.environ.get(_INSIDE):
        return True
    unshare = shutil.which("unshare")
    allowed = unshare and subprocess.run([unshare, "-rm", "true"], capture_output=True, check=False).returncode == 0
    if unshare and allowed:
        os.environ[_INSIDE] = "1"
        os.execv(unshare, [unshare, "-rm", sys.executable, *sys.argv])
    return False


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own at `folder`, which is made."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, left: int) -> Path:
    """Leaves at most so many bytes free; deleting the file that is given makes room again."""
    filler, about = disk / "filler", os.statvfs(disk)
    filler.write_bytes(bytes(max(0, about.f_bavail * about.f_frsize - left // _PAGE * _PAGE)))
    return filler
