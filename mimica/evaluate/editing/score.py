"""Rows of readings to the figures of the benchmark, each with its 95% interval over photos (docs/benchmark.md).

Every figure is `[mean, low, high]`. Errors and leaks are on FACS's 0 to 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mimica.evaluate.editing import measures
from mimica.evaluate.editing.run import Collected, Row
from mimica.evaluate.judges.base import Judge, Judgement
from mimica.facs import AU_NAMES, EMOTIONS

FACS_SCALE = 5.0
Figure = list[float]
Report = dict[str, Any]
Reading = tuple[Judgement, Judgement]


def score(collected: Collected, judges: Sequence[Judge], *, name: str, size: int) -> Report:
    """The report of one run, plain values that JSON can hold (NaN where nothing could be measured)."""
    rows = collected.rows
    return {
        "name": name,
        "photos": len({row["photo"] for row in rows}),
        "edits": len(rows),
        "size": size,
        "pictures": _pictures(rows, collected),
        "judges": {judge.name: _judged(judge, collected) for judge in judges},
        "missing": collected.missing,
    }


def _figure(rows: Sequence[Row], value: Callable[[Row], float]) -> Figure:
    return list(measures.bootstrap([value(row) for row in rows], [row["photo"] for row in rows]))


def _pictures(rows: Sequence[Row], collected: Collected) -> dict[str, Any]:
    """What needs no judge."""
    edits = [row for row in rows if row["kind"] != "zero"]
    seconds = [row["seconds"] for row in rows if row["seconds"] == row["seconds"]]
    zero = [row["zero_difference"] for row in rows if "zero_difference" in row]
    figures: dict[str, Any] = {
        name: _figure(edits, lambda row, name=name: row.get(name, float("nan")))  # type: ignore[misc]
        for name in ("identity", "sharpness")
    }
    figures["background_largest"] = max((row["background"] for row in edits), default=float("nan"))
    figures["background_touched"] = _figure(edits, lambda row: float(row["background"] > 0))
    figures["zero_difference"] = max(zero, default=float("nan"))
    figures["seconds"] = float(np.median(seconds)) if seconds else float("nan")
    figures["peak_memory_mib"] = collected.peak_memory_mib or float("nan")
    return figures


def _judged(judge: Judge, collected: Collected) -> dict[str, Any]:
    rows = [row for row in collected.rows if row["kind"] != "zero"]
    readings = {row["id"]: collected.readings.get((row["id"], judge.name)) for row in rows}
    seen: list[tuple[Row, Reading]] = [(row, reading) for row in rows if (reading := readings[row["id"]]) is not None]
    known = {name for _, (_, after) in seen for name in after.units}
    units = {name: _unit(seen, name, judge.counted) for name in AU_NAMES if name in known}
    emotions = {name: _emotion(seen, name, judge.counted) for name in EMOTIONS}
    return {
        "ours": judge.ours,
        "note": judge.note,
        "counted": list(judge.counted),
        "faces_lost": 1 - len(seen) / len(rows) if rows else float("nan"),
        "units": units,
        "all_units": _units_mean(seen, judge.counted),
        "emotions": {name: figures for name, figures in emotions.items() if figures},
        "all_emotions": _emotion(seen, None, judge.counted),
        "pose_drift": _pose(seen),
    }


def _unit(seen: Sequence[tuple[Row, Reading]], name: str, counted: Sequence[str]) -> dict[str, Figure]:
    """The figures of one Action Unit: of each edit error and leak, of each photo's curve the rest."""
    mine = [(row, reading) for row, reading in seen if row["kind"] == "unit" and row["name"] == name]
    figures = _edits(mine, [name], counted)
    curves = list(_curves(mine, name).items())
    for figure, function in _OF_A_CURVE.items():
        values = [function(asked, read) for _, (asked, read) in curves]
        figures[figure] = list(measures.bootstrap(values, [photo for photo, _ in curves]))
    return figures


_OF_A_CURVE: dict[str, Callable[[Sequence[float], Sequence[float]], float]] = {
    "gain": measures.slope,
    "linearity": measures.linearity,
    "monotony": measures.monotony,
}


def _curves(mine: Sequence[tuple[Row, Reading]], name: str) -> dict[str, tuple[list[float], list[float]]]:
    """Photo -> doses asked and readings of one unit; photos with fewer than three doses have no curve."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for row, (_, after) in mine:
        if name in after.units:
            asked, read = curves.setdefault(row["photo"], ([], []))
            asked.append(row["value"])
            read.append(after.units[name])
    return {photo: curve for photo, curve in curves.items() if len(curve[0]) >= 3}


def _edits(mine: Sequence[tuple[Row, Reading]], units: Sequence[str], counted: Sequence[str]) -> dict[str, Figure]:
    photos = [row["photo"] for row, _ in mine]
    errors = [FACS_SCALE * measures.au_error(b.units, a.units, row["set"], units) for row, (b, a) in mine]
    leaks = [FACS_SCALE * measures.leak(b.units, a.units, row["set"], counted) for row, (b, a) in mine]
    return {"error": list(measures.bootstrap(errors, photos)), "leak": list(measures.bootstrap(leaks, photos))}


def _units_mean(seen: Sequence[tuple[Row, Reading]], counted: Sequence[str]) -> dict[str, Figure]:
    """All edits of single units that the judge counts, together."""
    mine = [(row, reading) for row, reading in seen if row["kind"] == "unit" and row["name"] in counted]
    figures = _edits(mine, list(counted), counted)
    curves = [
        (photo, curve)
        for name in counted
        for photo, curve in _curves([pair for pair in mine if pair[0]["name"] == name], name).items()
    ]
    for figure, function in _OF_A_CURVE.items():
        figures[figure] = list(measures.bootstrap([function(*curve) for _, curve in curves], [photo for photo, _ in curves]))
    return figures


def _emotion(seen: Sequence[tuple[Row, Reading]], name: str | None, counted: Sequence[str]) -> dict[str, Figure]:
    """One emotion, or all: error over all counted units, gain, and how often the judge names it (where it names emotions)."""
    mine = [(row, reading) for row, reading in seen if row["kind"] == "emotion" and name in (None, row["name"])]
    photos = [row["photo"] for row, _ in mine]
    figures: dict[str, Figure] = {}
    if counted:
        errors = [FACS_SCALE * measures.au_error(b.units, a.units, row["set"], counted) for row, (b, a) in mine]
        gains = [measures.emotion_gain(b.units, a.units, row["set"], counted) for row, (b, a) in mine]
        figures = {"error": list(measures.bootstrap(errors, photos)), "gain": list(measures.bootstrap(gains, photos))}
    named = [(row, after.emotions) for row, (_, after) in mine if row["name"] in after.emotions]
    if named:
        hits = [float(max(emotions, key=lambda e: emotions[e]) == row["name"]) for row, emotions in named]
        figures["recognised"] = list(measures.bootstrap(hits, [row["photo"] for row, _ in named]))
    return figures


def _pose(seen: Sequence[tuple[Row, Reading]]) -> Figure:
    known = [(row, b.pose, a.pose) for row, (b, a) in seen if b.pose is not None and a.pose is not None]
    return list(measures.bootstrap([measures.pose_drift(b, a) for _, b, a in known], [row["photo"] for row, _, _ in known]))


def plain(report: Mapping[str, Any]) -> Any:
    """A report with None for NaN, which JSON does not have."""
    if isinstance(report, Mapping):
        return {name: plain(value) for name, value in report.items()}
    if isinstance(report, list | tuple):
        return [plain(value) for value in report]
    return None if isinstance(report, float) and report != report else report
