"""Short-lived files are gone, also when the server is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'web'")
from mimica.web import scratch


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def gone(folder: Path, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return not folder.exists()


def test_closing_removes_the_folder(own_folder: Path) -> None:
    made = scratch.Scratch()
    (made.path / "frame.png").write_bytes(b"x")
    assert made.path.parent == own_folder and made.path.stat().st_mode & 0o077 == 0, "for its owner's eyes only"
    made.close()
    assert not made.path.exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_server_leaves_nothing(own_folder: Path, how: signal.Signals) -> None:
    code = (
        "import time; from mimica.web.scratch import Scratch; s = Scratch(); (s.path / 'x').write_bytes(b'x');"
        "print(s.path, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "TMPDIR": str(own_folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        folder = Path(server.stdout.readline().strip())
        assert (folder / "x").is_file()
        server.send_signal(how)
    assert gone(folder)


def test_what_others_left_is_swept_at_the_next_start(own_folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as finished:
        pass
    dead, living, foreign = (
        own_folder / name for name in (f"mimica-web-{finished.pid}-abc", f"mimica-web-{os.getpid()}-abc", "mimica-web-notes")
    )
    for folder in (dead, living, foreign):
        folder.mkdir()
    assert scratch.sweep() == [dead]
    assert not dead.exists() and living.exists() and foreign.exists()
