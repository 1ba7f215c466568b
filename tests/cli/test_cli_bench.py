"""`mimica bench`: figures in text and JSON; the benchmarks themselves are stand-ins."""

import json
import math
from pathlib import Path

import pytest

from mimica.cli.bench import bench
from mimica.errors import ValueRangeError
from mimica.evaluate import bench as benchmarks
from mimica.evaluate.bench import Figure, hardware, median_ms

EXAMPLE = Path("photo.jpg")


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {
        "quick": lambda setting: [Figure("quick", 12.34, "ms", setting.photo.name)],
        "profile": lambda setting: [Figure("rig", 0.5, "ms")],
        "absent": lambda setting: [Figure("absent", math.nan, "ms", "torch is not installed")],
    }
    monkeypatch.setattr(benchmarks, "BENCHMARKS", made)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    bench(EXAMPLE, as_json=True)
    printed = json.loads(capsys.readouterr().out)
    assert [figure["value"] for figure in printed["figures"]] == [12.34, None]
    assert set(printed["hardware"]) == {"processor", "cores", "system", "python"} == set(hardware())


def test_text_and_choice(capsys: pytest.CaptureFixture[str]) -> None:
    bench(EXAMPLE, only=["absent"])
    text = capsys.readouterr().out
    assert "cores" in text and "torch is not installed" in text and "12.3" not in text


def test_profile_is_asked_for_by_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    bench(EXAMPLE)
    assert "rig" not in capsys.readouterr().out
    bench(EXAMPLE, profile=True)
    text = capsys.readouterr().out
    assert "rig" in text and "quick" not in text


def test_bad_requests() -> None:
    with pytest.raises(ValueRangeError, match="'quick'"):
        bench(EXAMPLE, only=["quik"])
    with pytest.raises(ValueRangeError, match="--repeats"):
        bench(EXAMPLE, repeats=1)


def test_median_leaves_the_first_call_out() -> None:
    calls: list[int] = []
    assert median_ms(calls.append, 3) < 1 and calls == [0, 1, 2, 3]
