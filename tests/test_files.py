"""Files appear whole or not at all; what the disk refuses is one sentence; what killed runs left is swept."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mimica import files
from mimica.cli import app
from mimica.errors import UserError
from mimica.files import atomic_path, fitting, left_behind, read_bytes, sweep_once, temporary_name, writing
from mimica.jobs.lock import Lock


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may be larger: what `ulimit -f` does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _torch_save(path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"x": torch.zeros(100_000)}, path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "bytes": lambda path: path.write_bytes(bytes(400_000)),
    "text": lambda path: path.write_text("x" * 400_000),
    "np.save": lambda path: np.save(path.open("wb"), np.zeros(100_000)),
    "np.savez": lambda path: np.savez(path.open("wb"), a=np.zeros(100_000)),
    "torch.save": _torch_save,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_limit_on_files_is_one_sentence_and_the_old_file_stays(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    told = pytest.raises(UserError, match=r"out\.bin' cannot be written, .*(limit|took a part)")
    with largest_file(50_000), told, atomic_path(target) as temporary:
        WRITERS[kind](temporary)
    assert target.read_bytes() == b"old" and os.listdir(tmp_path) == ["out.bin"]


def test_a_small_checkpoint_fails_at_its_end(tmp_path: Path) -> None:
    """What fits into a buffer is refused when the file is closed, and torch says so in other words."""
    torch = pytest.importorskip("torch")
    with largest_file(1_000), pytest.raises(UserError, match="took a part"), atomic_path(tmp_path / "out.pt") as temporary:
        torch.save({"x": torch.zeros(100)}, temporary)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ENAMETOOLONG])
@pytest.mark.parametrize("folder", [False, True])
def test_what_the_system_says_is_a_sentence(tmp_path: Path, code: int, folder: bool) -> None:
    told = pytest.raises(UserError, match=r"out' cannot be written, ")
    with told, atomic_path(tmp_path / "out", folder=folder) as temporary:
        if folder:
            temporary.mkdir()
            (temporary / "part").write_text("x")
        raise OSError(code, os.strerror(code), str(temporary / "part" if folder else temporary))
    assert os.listdir(tmp_path) == []
    with pytest.raises(OSError, match=os.strerror(code)), atomic_path(tmp_path / "out"):
        raise OSError(code, os.strerror(code), "/somewhere/else")
    with pytest.raises(UserError, match="cannot be written"), writing(tmp_path):
        raise OSError(code, os.strerror(code))


def test_a_name_that_is_too_long_is_found_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the name is too long: shorten it"), atomic_path(tmp_path / ("x" * 300)):
        pytest.fail("the work has begun")


def test_names_that_we_make_up_fit(tmp_path: Path) -> None:
    for stem in ("a" * 250, "ü" * 126, "表" * 84):
        made = fitting(tmp_path / f"{stem}_happily_surprised.jpg")
        made.touch()
        assert made.suffix == ".jpg" and made.stem.startswith(stem[:20])
    assert fitting(tmp_path / "short_happy.jpg").name == "short_happy.jpg"


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_killed_runs_left_is_swept_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = temporary_name(tmp_path / "a.csv")
    dead = tmp_path / mine.name.replace(f"-{os.getpid()}-", f"-{dead_process()}-")
    old = tmp_path / ".mimica-0123456789ab.png"
    foreign = tmp_path / mine.name.replace(mine.name.split("-")[1], "00000000")
    (tmp_path / "folder").mkdir()
    for path in (mine, dead, old, foreign, tmp_path / ".mimica-notes", tmp_path / ".poetry.lock", tmp_path / "b.csv"):
        path.touch()
    with Lock(tmp_path / "held.csv"):
        (tmp_path / ".dead.csv.lock").write_text('{"process": 1}')
        assert left_behind(tmp_path) == sorted([dead, tmp_path / ".dead.csv.lock"])
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    assert old in left_behind(tmp_path)
    monkeypatch.setattr(files, "_swept", set())
    sweep_once(tmp_path)
    assert not dead.exists() and not old.exists() and mine.exists() and foreign.exists()


def test_mimica_clean(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    left = inner / temporary_name(inner / "x.png").name.replace(f"-{os.getpid()}-", f"-{dead_process()}-")
    left.mkdir()
    (left / "00001.png").touch()
    run = CliRunner().invoke
    assert "Nothing was left" in run(app, ["clean", str(tmp_path)]).output
    assert "Would remove" in run(app, ["clean", str(tmp_path), "-r", "--dry-run"]).output and left.exists()
    assert run(app, ["clean", str(tmp_path), "-r"]).output.startswith("Removed") and not left.exists()


def test_endless_and_large_files_are_not_read_to_the_end(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has more than 1 MB"):
        read_bytes("/dev/zero", 1_000_000)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UserError, match="has more than 1 MB"):
        read_bytes(tmp_path / "sparse", 1_000_000)
    (tmp_path / "fits").write_bytes(b"x" * 1000)
    assert read_bytes(tmp_path / "fits", 1000) == b"x" * 1000
    with pytest.raises(UserError, match="has more than"):
        read_bytes(tmp_path / "fits", 999)
