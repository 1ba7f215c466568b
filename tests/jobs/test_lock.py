"""One writer at a time; a killed one is no obstacle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mimica.errors import UserError
from mimica.jobs.lock import Lock, is_held, lock_path

HOLD = "import sys, time; from mimica.jobs.lock import Lock; lock = Lock(sys.argv[1]); print('held', flush=True); time.sleep(60)"


def holder(target: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(target)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_second_is_told_who_writes_and_a_killed_one_is_no_obstacle(tmp_path: Path) -> None:
    target = tmp_path / "aus.csv"
    process = holder(target)
    try:
        with pytest.raises(UserError, match=rf"'{target}' is being written by another run \(process {process.pid}, since 20"):
            Lock(target)
        assert is_held(lock_path(target))
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert lock_path(target).exists() and not is_held(lock_path(target))
    with Lock(target):
        assert f'"process": {os.getpid()}' in lock_path(target).read_text()
    assert list(tmp_path.iterdir()) == []


def test_within_a_process_too(tmp_path: Path) -> None:
    with Lock(tmp_path, inside=True):
        with pytest.raises(UserError, match="another run"):
            Lock(tmp_path, inside=True)
        with Lock(tmp_path / "other"):
            pass
    with Lock(tmp_path, inside=True):
        pass


def test_a_long_name_has_a_lock(tmp_path: Path) -> None:
    with Lock(tmp_path / ("ü" * 120 + ".csv")), pytest.raises(UserError):
        Lock(tmp_path / ("ü" * 120 + ".csv"))


def test_many_at_once_take_turns(tmp_path: Path) -> None:
    """Each of several processes adds to a file under the lock, read and written again; nothing is lost."""
    code = """
import sys, time; from pathlib import Path; from mimica.jobs.lock import Lock; from mimica.errors import UserError
target, done = Path(sys.argv[1]), 0
while done < 20:
    try:
        with Lock(target):
            target.write_text(str(int(target.read_text()) + 1)); done += 1
    except UserError:
        time.sleep(0.002)
"""
    (tmp_path / "n").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "n")]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert (tmp_path / "n").read_text() == "60"
    time.sleep(0)
