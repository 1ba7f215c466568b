"""Latent data sets: codes of many faces of one generator, with what the faces show.

    latents.json  version, title, generator (fingerprint), num_ws, w_size, space, columns, count, notes
    codes.npy     float32 (count, rows, w_size); rows is 1 in the space "w" (one w for all layers), `num_ws` in "w_plus"
    values.npy    float32 (count, columns); Action Units in [0, 1] by `AUnn`, probabilities of emotions in [0, 1] by the names of
                  `mimica.facs.EMOTIONS`, yaw, pitch and roll in degrees; NaN where a value is not known
    table.csv     name, subject, emotion (what the person was asked to show, empty where not known); a row a code

`mimica prepare latents` writes the format (`mimica.prepare.latents`). No torch here.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mimica.data.dataset import is_validation
from mimica.errors import DataError, ValueRangeError, nearest
from mimica.facs import AU_NAMES, EMOTIONS, RECIPES, parse_emotion
from mimica.files import atomic_path
from mimica.foreign.tables import read_array, read_json, read_rows

VERSION = 1
POSE = ("yaw", "pitch", "roll")
GAZE = ("gaze_x", "gaze_y")
"""Columns of sets whose heads and eyes were turned by known angles (`prepare latents --posed`), besides those that are read."""
READ_COLUMNS: tuple[str, ...] = (*AU_NAMES, *EMOTIONS, *POSE)
"""What the reader gives for a face."""
_TABLE = ("name", "subject", "emotion")

Space = Literal["w", "w_plus"]


def layers_named(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as files hold it -> as constructors take it: in files `num_ws` is called `places`."""
    return {"num_ws" if name == "places" else name: value for name, value in config.items()}


@dataclass(frozen=True)
class LatentSet:
    """The data set as read: see the module's description. `codes` may be memory-mapped."""

    title: str
    generator: str
    num_ws: int
    codes: np.ndarray = field(repr=False)
    columns: tuple[str, ...]
    values: np.ndarray = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    subjects: tuple[str, ...] = field(repr=False)
    emotions: tuple[str, ...] = field(repr=False)
    notes: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def w_size(self) -> int:
        return int(self.codes.shape[2])

    @property
    def space(self) -> Space:
        return "w" if self.codes.shape[1] == 1 < self.num_ws else "w_plus"

    @property
    def action_units(self) -> tuple[str, ...]:
        """The columns that are Action Units and known for at least one code, in their order."""
        return tuple(c for c in self.columns if c.startswith("AU") and np.isfinite(self.column(c)).any())

    def w_plus(self, items: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """float32 (n, num_ws, w_size) of some codes, or of all."""
        codes = np.asarray(self.codes if items is None else self.codes[np.asarray(items)], np.float32)
        return np.array(np.broadcast_to(codes, (len(codes), self.num_ws, self.w_size)))

    def column(self, name: str) -> np.ndarray:
        """float32 (count,). Raises `ValueRangeError` for a name that the set does not have."""
        if name not in self.columns:
            raise ValueRangeError(
                f"The latents have no column '{name}'{nearest(name, self.columns) or ';'} they have {', '.join(self.columns)}."
            )
        return np.asarray(self.values[:, self.columns.index(name)])

    def averaged(self) -> LatentSet:
        """The set in the space "w": of each code the mean of its rows, (count, 1, w_size)."""
        return replace(self, codes=np.asarray(self.codes, np.float32).mean(axis=1, keepdims=True))

    def subset(self, items: np.ndarray) -> LatentSet:
        """Some of the codes, by number."""
        rows = [int(i) for i in items]
        names, subjects, emotions = (tuple(t[i] for i in rows) for t in (self.names, self.subjects, self.emotions))
        return replace(self, codes=self.codes[rows], values=self.values[rows], names=names, subjects=subjects, emotions=emotions)

    def part(self, validation: bool) -> LatentSet:
        """The held-out people, or all others."""
        return self.subset(np.flatnonzero([is_validation(s) == validation for s in self.subjects]))


def parse_column(text: str) -> str:
    """`happy` -> `happiness`, `12` or `au12` -> `AU12`, `label:happy` -> `label:happiness`, anything else as it is."""
    words = text.strip()
    if words.lower().startswith("label:"):
        return "label:" + parse_emotion(words[6:])
    number = words.upper().removeprefix("AU")
    if number.isdecimal():
        return f"AU{int(number):02d}"
    try:
        emotion = parse_emotion(words)
    except ValueRangeError:
        return words
    return emotion if emotion in EMOTIONS else words


def save_latents(folder: Path, latents: LatentSet) -> None:
    """Write the format; the folder appears whole or not at all. Raises `UserError` where it cannot be written."""
    with atomic_path(folder, folder=True) as temporary:
        temporary.mkdir()
        np.save(temporary / "codes.npy", np.asarray(latents.codes, np.float32))
        np.save(temporary / "values.npy", np.asarray(latents.values, np.float32))
        with (temporary / "table.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([_TABLE, *zip(latents.names, latents.subjects, latents.emotions, strict=True)])
        about = {
            "version": VERSION,
            "title": latents.title,
            "generator": latents.generator,
            "places": latents.num_ws,
            "w_size": latents.w_size,
            "space": latents.space,
            "columns": latents.columns,
            "count": len(latents),
            "notes": dict(latents.notes),
        }
        (temporary / "latents.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def open_latents(folder: Path, generator: str | None = None) -> LatentSet:
    """Read a latent data set; with `generator`, a fingerprint, one of another generator is refused. Raises `DataError`."""
    path = folder / "latents.json"
    if not path.is_file():
        raise DataError(f"{folder} is no latent data set (it has no latents.json); make one with `mimica prepare latents`.")
    about = read_json(path)
    codes = read_array(folder / "codes.npy", mapped=True)
    values = read_array(folder / "values.npy")
    rows = read_rows(folder / "table.csv", _TABLE)
    try:
        version, count = about["version"], int(about["count"])
        title, made_by, notes = str(about["title"]), str(about["generator"]), dict(about["notes"])
        num_ws, columns = int(about["places"]), tuple(map(str, about["columns"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"The latent data set {folder} is damaged: its latents.json does not say all that it should.") from error
    if version != VERSION:
        raise DataError(f"{folder} has version {version} of the format; this Mimica reads {VERSION}: prepare it again.")
    if not len(codes) == len(values) == len(rows) == count or codes.ndim != 3 or values.shape[1:] != (len(columns),):
        raise DataError(f"The latent data set {folder} is damaged: {codes.shape} codes, {values.shape} values, {len(rows)} rows.")
    if generator is not None and made_by != generator:
        raise DataError(
            f"The latents in {folder} are of another generator ({made_by} instead of {generator}): codes mean nothing "
            "to any other; prepare them again with this one."
        )
    names, subjects, emotions = (tuple(row[c] for row in rows) for c in _TABLE)
    return LatentSet(title, made_by, num_ws, codes, columns, values, names, subjects, emotions, notes)


def expression_pairs(latents: LatentSet) -> np.ndarray:
    """int64 (pairs, 2): all ordered pairs (source, target) of codes of the same person, as the paper of the pseudo-autoencoder
    trains on (w_S, w_T); both must have all their Action Units known."""
    units = [latents.columns.index(name) for name in latents.action_units]
    known = np.isfinite(latents.values[:, units]).all(axis=1)
    people: dict[str, list[int]] = {}
    for i, subject in enumerate(latents.subjects):
        if known[i]:
            people.setdefault(subject, []).append(i)
    pairs = [(s, t) for items in people.values() for s in items for t in items if s != t]
    return np.array(pairs, np.int64).reshape(-1, 2)


def within_people(latents: LatentSet) -> LatentSet:
    """The codes with everybody's mean code put in the place of the person's: what is left differs by expression, not by person
    or light. Only people shown at least twice. Raises `DataError` where there are none."""
    numbers = np.unique(np.array(latents.subjects), return_inverse=True)[1]
    counts = np.bincount(numbers)
    several = latents.subset(np.flatnonzero(counts[numbers] > 1))
    if not len(several):
        raise DataError("Nobody is shown twice in these latents: sampled faces are each another person; project a set of people.")
    codes = np.array(several.codes, np.float32)
    everybody = codes.mean(axis=0)
    owners = np.unique(np.array(several.subjects), return_inverse=True)[1]
    for person in range(owners.max() + 1):
        codes[owners == person] += everybody - codes[owners == person].mean(axis=0)
    return replace(several, codes=codes)


def labelled(latents: LatentSet, emotion: str) -> np.ndarray:
    """float32 (count,): 1 where the person was asked to show the emotion, 0 where another one of `mimica.facs.RECIPES`, NaN
    where it is not known."""
    return np.array([float(e == emotion) if e in RECIPES else np.nan for e in latents.emotions], np.float32)
