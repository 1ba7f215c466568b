"""`docs/race.py`: what is trained, how long, and that it goes on where it stopped."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from emotion_sketches import write_emotions

from mimica.facs import EMOTIONS


@pytest.fixture(scope="module")
def race() -> ModuleType:
    spec = importlib.util.spec_from_file_location("race", Path(__file__).parents[2] / "docs" / "race.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["race"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_method_gets_the_same_minutes(race: ModuleType) -> None:
    words = ["a", "b", "--clips", "c", "-o", "out", "--minutes", "70", "--video-minutes", "30", "--judge-minutes", "5"]
    starts, others = race.trainings(race.parse(words))
    found = [*starts, *others]
    minutes = {name: sum(one.minutes for one in found if one.name == name) for name in dict.fromkeys(one.name for one in found)}
    methods = ("stargan", "ganimation", "icgan", "diat", "cyclegan")
    assert minutes == pytest.approx({"classifier": 5.0} | dict.fromkeys(methods, 70.0) | dict.fromkeys(race.VIDEOS, 30.0))
    assert [one.name for one in starts] == list(race.STARTED)
    assert all(("copying=true" in one.words) is (one.name != "ganimation") for one in starts)
    for one in others:
        begun = [word for word in one.words if word.startswith("start=")]
        start = next((first.folder for first in starts if first.name == one.name), None)
        assert begun == ([f"start={start / 'weights' / 'generator.safetensors'}"] if start else []), one.name
    pairs = [word for one in others if one.name == "diat" for word in one.words if word.startswith("domains=")]
    assert pairs == [f"domains=neutral,{emotion}" for emotion in EMOTIONS[1:]]
    assert len({one.folder for one in found}) == len(found), "no two trainings share a folder"
    assert {one.name for one in race.trainings(race.parse(["a", "-o", "out"]))[1]}.isdisjoint(race.VIDEOS)
    assert len({one.key for one in found}) == len(found)


def test_the_schedule_ends_with_the_minutes(race: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_emotions(tmp_path / "data", 60)
    monkeypatch.setattr(race, "FIRST", 0.5)
    chosen = race.parse([str(data), "-o", str(tmp_path / "out"), "--judge-minutes", "0.1", "--preset", "smoke"])
    (one,) = (one for one in race.trainings(chosen)[1] if one.name == "classifier")
    done = tmp_path / "out" / "race.json"
    done.parent.mkdir()
    race.train(one, done)
    found = json.loads(done.read_text())["classifier"]
    counted = json.loads((one.folder / "plan.json").read_text())
    assert found["planned"] == round(counted["steps"] * one.minutes / counted["minutes"])
    assert found["planned"] >= found["steps"] >= counted["steps"] > 0 and found["minutes"] > counted["minutes"] > 0
    before = done.stat().st_mtime_ns
    race.train(one, done)
    assert done.stat().st_mtime_ns == before, "what is done is not done again"
