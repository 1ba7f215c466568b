"""Two runs into one target: the second is told who writes, and the first loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mimica.errors import DataError, UserError
from mimica.files import atomic_path
from mimica.jobs.journal import Journal


def test_a_journal_has_one_writer(tmp_path: Path) -> None:
    path = tmp_path / "aus.csv.part"
    with Journal(path, {}) as first:
        first.add("a", "1\n")
        with pytest.raises(UserError, match=f"being written by another run .process {os.getpid()}"):
            Journal(path, {})
        first.add("b", "2\n")
    with Journal(path, {}) as again:
        assert again.read("a") == "1\n" and again.read("b") == "2\n"
        again.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_was_changed_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "aus.csv.part"
    with Journal(path, {}) as journal:
        journal.add("a", "row of a\n")
        content = path.read_bytes()
        for changed in (content.replace(b"row of", b"ROW OF"), content[:-3]):
            path.write_bytes(changed)
            with pytest.raises(DataError, match="was changed by something else"):
                journal.read("a")


def test_a_folder_that_is_made_has_one_maker(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "data", folder=True) as temporary:
        temporary.mkdir()
        with pytest.raises(UserError, match="being written by another run"), atomic_path(tmp_path / "data", folder=True):
            pytest.fail("the work has begun")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_two_annotates_at_once(tmp_path: Path) -> None:
    """Both as their own processes, on a slow finder; the second ends at once with exit code 2's sentence."""
    photo = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
    for index in range(6):
        (tmp_path / f"{index}.jpg").write_bytes(photo.read_bytes())
    code = """
import sys, time
from mimica.annotate import annotate
from mimica.errors import UserError
class Slow:
    def find(self, photo):
        time.sleep(0.3); return []
print('begun', flush=True)
try:
    print(annotate([sys.argv[1]], sys.argv[2], make_finder=Slow).annotated)
except UserError as error:
    print('told:', error)
"""
    command = [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "t.csv")]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "t.csv.part").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert f"told: '{tmp_path}/t.csv.part' is being written by another run (process {first.pid}" in second.stdout
    output, _ = first.communicate(timeout=60)
    assert output.split()[-1] == "6" and len((tmp_path / "t.csv").read_text().splitlines()) == 7
    assert not list(tmp_path.glob(".*"))


def test_a_training_has_its_folder_for_itself(tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    code = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path; from test_training import train
train(Path(sys.argv[2]), steps=100000, log_every=0, sample_every=0, checkpoint_minutes=0)
"""
    tests = str(Path(__file__).parents[1] / "training")
    command = [sys.executable, "-c", code, tests, str(tmp_path / "run")]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "run.md").exists():
            assert time.monotonic() < deadline and first.poll() is None
            time.sleep(0.05)
        second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert f"is being written by another run (process {first.pid}" in second.stderr
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
