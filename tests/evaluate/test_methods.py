"""Several methods side by side, and judges beside the reader."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from emotion_sketches import tiny_weights

from mimica.errors import UserError
from mimica.evaluate import expressions, methods
from mimica.evaluate.judges.base import Judgement
from mimica.evaluate.methods import compare

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


class Sees:
    """A judge that takes each picture for what it is told."""

    counted: tuple[str, ...] = ("AU04", "AU12")
    note = "told"

    def __init__(self, name: str, ours: bool, *seen: Judgement | None) -> None:
        self.name, self.ours, self.seen = name, ours, list(seen)

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        return self.seen.pop(0)


class Result:
    def __init__(self, image: np.ndarray) -> None:
        self.image = image


def test_judges_beside_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "edit", lambda photo, emotion, engine: Result(photo))
    calm, half = Judgement({"AU04": 0.0, "AU12": 0.0}), Judgement({"AU04": 0.0, "AU12": 0.5}, {"happiness": 0.9, "anger": 0.1})
    judges = [Sees("mine", True, calm, calm, None), Sees("other", False, calm, half, half)]
    report = expressions.evaluate([PHOTO], None, emotions=["happiness", "anger"], judges=judges)  # type: ignore[arg-type]
    assert list(report.judges) == ["other", "mine"], "the independent one first"
    table = report.judges["other"]["table"]
    assert table["happiness"] == {"error": pytest.approx(5 * 0.25), "gain": pytest.approx(0.5), "recognised": 1.0}
    assert table["anger"]["recognised"] == 0 and table["anger"]["gain"] == pytest.approx(0)
    assert table["all"]["recognised"] == 0.5
    assert report.judges["mine"]["table"]["happiness"]["gain"] == pytest.approx(0) and report.judges["mine"]["ours"]
    assert report.judges["mine"]["table"]["anger"] == {}, "no face found: nothing said"


def test_a_table_and_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "COLUMNS", ("happiness", "surprise"))
    weights = tiny_weights("stargan", tmp_path)
    words = [f"stargan={weights}", "ours:ganimation"]
    ticks: list[int] = []
    reports = compare([PHOTO], words, tmp_path / "race", judges=["reader"], shown=1, progress=lambda: ticks.append(1))
    assert list(reports) == words and len(ticks) == 2
    text = (tmp_path / "race" / "methods.md").read_text()
    assert text.count("| stargan |") == 2 and text.count("| ours |") == 2 and "reader (ours)" in text
    stored = json.loads((tmp_path / "race" / "methods.json").read_text())
    assert set(stored["ours:ganimation"]["judges"]["reader"]["table"]) == {"all", "happiness", "surprise"}
    good, untrained = (reports[w].judges["reader"]["table"]["all"]["recognised"] for w in (words[1], words[0]))
    assert good > untrained
    assert (tmp_path / "race" / "figure.jpg").is_file()
    with pytest.raises(UserError, match="name a new folder"):
        compare([PHOTO], words, tmp_path / "race")
