"""Trainings on a full disk: one sentence, nothing lost, and the same command goes on."""

from __future__ import annotations

import errno
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_training import same, train

from mimica.errors import UserError
from mimica.training.run_folder import RunFolder


@pytest.mark.skipif(sys.platform == "win32", reason="limits of Unix")
def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_goes_on(tmp_path: Path) -> None:
    import resource

    whole, before = train(tmp_path / "whole"), resource.getrlimit(resource.RLIMIT_FSIZE)
    train(tmp_path / "run", interrupt=9, checkpoint_every=10)
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"interrupt": 9', '"interrupt": -1'))
    (kept,) = (tmp_path / "run" / "checkpoints").iterdir()
    content = kept.read_bytes()
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, before[1]))
    try:
        with pytest.raises(UserError, match=r"step-00000020\.pt' cannot be written, .*make room"):
            train(tmp_path / "run", checkpoint_every=10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == [kept] and kept.read_bytes() == content
    assert same(whole, train(tmp_path / "run", checkpoint_every=10))


@pytest.mark.parametrize("part", ["run.md", "config.json"])
def test_a_run_that_could_not_begin_can_begin_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    def refused(name: str, usual: Callable[..., Any]) -> Callable[..., Any]:
        def write(path: Path, *words: Any, **more: Any) -> Any:
            if path.name == name or (name == "config.json" and path.name.endswith(".json")):
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            return usual(path, *words, **more)

        return write

    with monkeypatch.context() as full, pytest.raises(UserError, match="the disk is full"):
        full.setattr(Path, "write_text", refused(part, Path.write_text))
        full.setattr(Path, "open", refused(part, Path.open))
        train(tmp_path / "run")
    assert same(train(tmp_path / "whole"), train(tmp_path / "run"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_a_thread_could_not_write_is_not_told_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard's thread raises what its next call raises again."""
    told: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda problem: told.append(problem.exc_type))

    def raised_in_a_thread(error: Exception) -> None:
        def fail() -> None:
            raise error

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()

    with RunFolder(tmp_path / "run").locked():
        raised_in_a_thread(OSError(errno.ENOSPC, "No space left on device"))
        assert told == []
        raised_in_a_thread(ValueError("a fault"))
    raised_in_a_thread(OSError(errno.ENOSPC, "No space left on device"))
    assert told == [ValueError, OSError]
