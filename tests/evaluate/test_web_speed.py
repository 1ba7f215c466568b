"""The figures of the page: a real server, few clients, a short while."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimica.evaluate import bench, web_speed

pytest.importorskip("fastapi", reason="needs the extra 'web'")
PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def test_load_counts_answers_and_memory() -> None:
    rows = {name: (value, note) for name, value, _, note in web_speed.load(PHOTO, clients=3, seconds=2.0)}
    faults, note = rows["load, answers 5xx"]
    assert faults == 0 and "201" in note and rows["load, previews"][0] > 0
    assert 50 < rows["load, peak memory"][0] < 2000


def test_the_page_is_measured_when_it_is_asked_for() -> None:
    assert set(bench.ON_REQUEST) <= set(bench.BENCHMARKS)
    named = [name for name in bench.BENCHMARKS if name not in bench.ON_REQUEST]
    assert "frame" in named and "load" not in named


def test_a_server_that_does_not_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from mimica.errors import UserError

    monkeypatch.setattr(web_speed.sys, "executable", "/bin/echo")
    with pytest.raises(UserError, match="did not start"), web_speed.running():
        pass
