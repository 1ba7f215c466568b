"""`mimica evaluate directions`: do directions show what they are named for?

Measured on codes that were not fitted on: the share of edits in which the reader sees the named column rise, how much it rises
on average, what other emotions rise, and the distance of dlib's face descriptors before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mimica.engines.stylegan.codec import Codec
from mimica.engines.stylegan.directions import Direction
from mimica.engines.stylegan.latents import READ_COLUMNS
from mimica.evaluate.latent_judge import HELD_OUT_SEED, Judge, missing
from mimica.facs import EMOTIONS
from mimica.reader.read import Reader


@dataclass
class DirectionReport:
    """`rows[name]` has rises, change, identity and, for emotions, wins; `curves[name]` the mean of the column at each of
    `doses`; `faces` how many; `missing` sentences."""

    faces: int
    doses: tuple[float, ...]
    dose: float
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def evaluate_directions(
    codec: Codec,
    directions: Mapping[str, Direction],
    *,
    count: int = 50,
    dose: float = 2.0,
    doses: Sequence[float] = (-3, -2, -1, 0, 1, 2, 3),
    truncation: float = 1.0,
    reader: Reader | None = None,
    progress: Callable[[], None] = lambda: None,
) -> DirectionReport:
    """Edits `count` held-out samples by `dose` of each direction whose column the reader measures."""
    judge = Judge(reader or Reader(threads=1))
    codes = np.repeat(codec.sample(count, HELD_OUT_SEED, truncation), codec.num_ws, axis=1)
    pictures = codec.decode(codes)
    before, readings = judge.look(pictures)
    own = judge.descriptors(pictures, readings)
    report = DirectionReport(count, tuple(doses), dose, missing=missing(judge.identity))
    for name, direction in directions.items():
        column = direction.column.removeprefix("label:")
        if column not in READ_COLUMNS:
            continue
        index = READ_COLUMNS.index(column)
        made = codec.decode(direction.apply(codes, dose))
        after, seen = judge.look(made)
        change = after[:, index] - before[:, index]
        row = {"rises": float((change > 0).mean()), "change": float(change.mean())}
        if column in EMOTIONS:
            columns = [READ_COLUMNS.index(e) for e in EMOTIONS]
            row["wins"] = float(((after - before)[:, columns].argmax(axis=1) == EMOTIONS.index(column)).mean())
        if own is not None:
            row["identity"] = float(np.linalg.norm(judge.descriptors(made, seen) - own, axis=1).mean())
        report.rows[name] = row
        known = {0.0: float(before[:, index].mean()), float(dose): float(after[:, index].mean())}
        others = {d: judge.look(codec.decode(direction.apply(codes, d)))[0][:, index].mean() for d in doses if d not in known}
        report.curves[name] = [known[d] if d in known else float(others[d]) for d in doses]
        progress()
    return report
