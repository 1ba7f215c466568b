"""The benchmarks of long lists measure what they say, with stand-ins for what is slow."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mimica.errors import MissingExtraError, UserError
from mimica.evaluate import bench, scale_speed
from mimica.evaluate.bench import Setting
from mimica.jobs.shards import Processes

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="read from /proc")
def test_processor_time_counts_descendants_and_nobody_else() -> None:
    before = scale_speed.processor_seconds()
    busy = "import time\nwhile time.process_time() < 0.5: pass\nprint(1, flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None and child.stdout.readline() == b"1\n"
        spent = scale_speed.processor_seconds() - before
    finally:
        child.kill()
        child.wait()
    assert 0.4 < spent < 5 and scale_speed.processor_seconds() - before < spent and os.getpid()


def test_the_pace_leaves_the_start_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def annotated(_sources: object, output: Path, **_: object) -> None:
        output.mkdir()
        time.sleep(0.4)
        for number in range(5):
            (output / f"part-{number:05d}.csv").touch()
            time.sleep(0.1)

    monkeypatch.setattr(scale_speed, "annotate_parts", annotated)
    pace = scale_speed._pace(tmp_path, tmp_path / "out", Processes())
    assert 0.3 * scale_speed.PART / 0.1 < pace.rate < 1.01 * scale_speed.PART / 0.1 and pace.whole > 0.8


def test_processor_time_is_that_of_the_middle() -> None:
    samples = [(0, 1.0), (1, 5.0), (2, 6.0), (4, 16.0), (5, 21.0), (6, 3.0)]
    assert scale_speed._spent(samples, 6) == pytest.approx(15 / (3 * scale_speed.PART))
    assert math.isnan(scale_speed._spent(samples[:3], 6))


def test_ray_is_compared_with_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    paces = iter([scale_speed.Pace(100, 0.02, 10), scale_speed.Pace(90, 0.022, 30)])
    monkeypatch.setattr(scale_speed, "album", lambda *_: tmp_path)
    monkeypatch.setattr(scale_speed, "_pace", lambda *_: next(paces))
    rows = scale_speed.ray(PHOTO, tmp_path, rounds=1, count=600)
    assert [row[1] for row in rows] == pytest.approx([100, 90, 100 * (100 / 90 - 1), 10, 30 - 600 / 90])

    def missing(*_: object) -> scale_speed.Pace:
        raise MissingExtraError("no Ray")

    monkeypatch.setattr(scale_speed, "_pace", missing)
    assert math.isnan(scale_speed.ray(PHOTO, tmp_path)[0][1])


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="read from /proc")
def test_memory_of_many_paths_and_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many, more = scale_speed.paths(tmp_path, (100, 2000))
    assert 20 < few[1] < many[1] * 1.2 and more[1] < 20_000
    monkeypatch.setattr(scale_speed, "_RUN", "raise SystemExit('broken')")
    with pytest.raises(UserError, match="broken"):
        scale_speed.paths(tmp_path / "b", (1, 2))


def test_the_benchmarks_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, function in (
        ("parts", "parts"),
        ("ray", "ray"),
        ("paths", "paths"),
        ("synthesize", "frames"),
        ("training", "training"),
    ):
        monkeypatch.setattr(scale_speed, function, lambda *_, name=name: [(name, 1.0, "s", "")])
        assert bench.BENCHMARKS[name](Setting(PHOTO, tmp_path, 3))[0].name == name and name in bench.ON_REQUEST
