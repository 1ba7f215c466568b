"""Pairs on disk, beside the VAE's data: of a drawn copy which face it is a copy of, what was drawn, and where.

    pairs.csv     row, photo (rows of the data), attribute (`glasses:wayfarer,black`), dose
    alphas.npy    uint8 (P, S, S), 255 where it is drawn wholly

`mimica prepare vae` writes both for a folder of `mimica prepare attributes`. A data set without the files has no pairs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimica.errors import DataError
from mimica.face.attributes import KINDS, name_of, read
from mimica.foreign.tables import read_array, read_rows

COLUMNS = ("row", "photo", "attribute", "dose")
NATURAL = {"looked at", "natural"}
"""Options that say no more than that nothing is said."""


@dataclass(frozen=True)
class DrawnPairs:
    """P pairs: `rows` and `photos` int64 (P,), `keys` what was drawn, `doses` float32 (P,), `alphas` as in the description."""

    rows: np.ndarray
    photos: np.ndarray
    keys: tuple[str, ...]
    doses: np.ndarray
    alphas: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def switch_names(keys: Iterable[str]) -> dict[str, str]:
    """What a switch for each of the `keys` is called: options that say nothing, are the usual ones, or the only ones are left
    out, but never a hair colour. `glasses:wayfarer,black` -> `glasses`, `hair:blond,looked at` -> `hair:blond`. Raises
    `ValueRangeError`."""
    known = list(dict.fromkeys(keys))
    alone = {name for name in map(name_of, known) if sum(name_of(key) == name for key in known) == 1}
    return {key: name_of(key) if name_of(key) in alone - {"hair"} else _switch_of(key) for key in known}


def _switch_of(key: str) -> str:
    worn = read(key, 0.0)
    usual = {what: choice[0] for what, choice in KINDS[worn.name].choices.items()}
    if worn.name != "hair" and all(usual[what] == word for what, word in worn.options):
        return worn.name
    said = ",".join(word for what, word in worn.options if word not in NATURAL)
    return f"{worn.name}:{said}" if said else worn.name


def no_pairs(side: int = 0) -> DrawnPairs:
    """Of a data set without any."""
    nothing = np.zeros(0, np.int64)
    return DrawnPairs(nothing, nothing, (), np.zeros(0, np.float32), np.zeros((0, side, side), np.uint8))


def read_pairs(folder: Path, count: int, side: int) -> DrawnPairs:
    """The pairs of a prepared folder of `count` faces of `side` pixels. Raises `DataError` for damaged ones."""
    if not (folder / "pairs.csv").is_file():
        return no_pairs(side)
    table = read_rows(folder / "pairs.csv", COLUMNS)
    try:
        rows, photos = (np.array([int(row[name]) for row in table], np.int64) for name in ("row", "photo"))
        doses = np.array([float(row["dose"]) for row in table], np.float32)
    except ValueError as error:
        raise DataError(f"{folder / 'pairs.csv'} is damaged: prepare the data set again.") from error
    alphas = read_array(folder / "alphas.npy", mapped=True)[: len(table)]
    keys = tuple(row["attribute"] for row in table)
    places = np.concatenate([rows, photos])
    known = all(name_of(key) in KINDS for key in keys) and bool(np.isfinite(doses).all())
    if alphas.shape != (len(table), side, side) or not known or (len(places) and not 0 <= places.min() <= places.max() < count):
        raise DataError(f"The pairs of {folder} are damaged: prepare the data set again.")
    return DrawnPairs(rows, photos, keys, doses, alphas)


@dataclass
class PairWriter:
    """Collects pairs and writes them into `folder`."""

    folder: Path
    image_size: int
    _rows: list[tuple[int, int, str, float]] = field(default_factory=list, init=False)
    _alphas: list[np.ndarray] = field(default_factory=list, init=False)

    def add(self, row: int, photo: int, key: str, dose: float, alpha: np.ndarray) -> None:
        """`alpha` uint8 (S, S)."""
        self._rows.append((row, photo, key, dose))
        self._alphas.append(alpha)

    def write(self) -> None:
        """Nothing where there are no pairs."""
        if not self._rows:
            return
        with (self.folder / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *self._rows])
        np.save(self.folder / "alphas.npy", np.stack(self._alphas))
