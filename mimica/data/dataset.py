"""The one on-disk format of prepared faces, and which people are held out.

    dataset.json       version, title, image_size, crop, controls, count, shards (file and count), licence and notes
    images-00000.npy   uint8 (n, S, S, 3) RGB, aligned face crops; n <= 4096
    values.npy         float32 (count, controls) in [0, 1]; NaN where a value is not known
    table.csv          name, subject, emotion and photo (empty where not known); a row a face. Faces of one photo are that
                       photo under other expressions, the same pixel by pixel elsewhere; sets without the column have none

The shards are opened memory-mapped: a data set larger than the memory trains as fast as the disk reads. `mimica prepare`
writes the format; `open_datasets` reads one folder or several as one, with the controls that all of them know.
"""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from mimica.errors import DataError
from mimica.foreign.tables import read_array, read_json, read_rows

VERSION = 1
SHARD = 4096
CROPS: Mapping[str, str] = {"tight": "mimica prepare folder", "ffhq": "mimica prepare ffhq"}
"""The ways in which faces are cut (`mimica.face.align`), and what makes such a set."""
AS_IS = "as is"
"""The way of cutting of pictures that came cut, which only their owner knows: it goes with every other."""
COLUMNS = ("name", "subject", "emotion", "photo")


def is_validation(subject: str) -> bool:
    """True for one subject in ten, by a checksum of the name: the same people everywhere, whatever else a set holds."""
    return zlib.crc32(subject.encode()) % 10 == 0


def is_kept_for_judging(subject: str) -> bool:
    """True for three subjects in ten, none of them held out: a classifier that is to judge edits learns from these people, and
    what it judges learns from the others (the option `people` of the trainings that are compared)."""
    return zlib.crc32(subject.encode()) % 10 in (1, 2, 3)


@dataclass(frozen=True)
class FaceDataset:
    """Prepared faces, opened for reading.

    title     what the data are
    crop      how faces are cut, one of `CROPS` or `AS_IS`
    controls  names of the columns of `values`
    values    float32 (N, len(controls)) in [0, 1], no NaN
    names, subjects, emotions, photos  N each; an unknown emotion or photo is ""
    shards    memory-mapped uint8 (n, S, S, 3)
    places    int64 (N, 2): shard and row of each face
    """

    title: str
    crop: str
    controls: tuple[str, ...]
    values: np.ndarray
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    emotions: tuple[str, ...]
    photos: tuple[str, ...]
    shards: tuple[np.ndarray, ...]
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    @property
    def mirrored(self) -> list[int]:
        """For each control the place of the one that takes its part in a mirrored picture."""
        swap = {"L": "R", "R": "L"}
        return [self.controls.index(n[:-1] + swap[n[-1]] if n[-1] in swap else n) for n in self.controls]

    def images(self, items: Sequence[int], size: int) -> np.ndarray:
        """uint8 (len(items), size, size, 3), resized by area or bicubic where the crops have another size."""
        out = np.empty((len(items), size, size, 3), np.uint8)
        for row, item in zip(out, items, strict=True):
            shard, place = self.places[item]
            row[:] = resized(self.shards[shard][place], size)
        return out

    def subset(self, items: np.ndarray) -> FaceDataset:
        """Some of the faces, by number, sharing the pictures on disk."""
        rows = [int(i) for i in items]
        columns = (self.names, self.subjects, self.emotions, self.photos)
        names, subjects, emotions, photos = (tuple(column[i] for i in rows) for column in columns)
        return replace(
            self,
            values=self.values[rows],
            places=self.places[rows],
            names=names,
            subjects=subjects,
            emotions=emotions,
            photos=photos,
        )

    def without_judging(self) -> FaceDataset:
        """All but the people kept for a classifier (`is_kept_for_judging`)."""
        return self.subset(np.flatnonzero([not is_kept_for_judging(s) for s in self.subjects]))

    def originals(self, most: int = 0) -> FaceDataset:
        """The photos themselves, without their copies under other expressions: `most` of them spread evenly, or all (0)."""
        rows = np.flatnonzero([photo == "" for photo in self.photos])
        if most and len(rows) > most:
            rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
        return self.subset(rows)

    def part(self, validation: bool) -> FaceDataset:
        """The held-out subjects, or all others."""
        return self.subset(np.flatnonzero([is_validation(s) == validation for s in self.subjects]))


def resized(image: np.ndarray, size: int) -> np.ndarray:
    """A square picture at another size: averaged when it shrinks, bicubic when it grows."""
    if image.shape[0] == size:
        return image
    how = cv2.INTER_AREA if size < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(np.asarray(image), (size, size), interpolation=how)


def open_datasets(folders: Sequence[Path], crop: str = "") -> FaceDataset:
    """Prepared folders as one data set. Raises `DataError` for what is no such folder, for values outside [0, 1], when no
    control is known for every face, for faces cut in two ways, and for such as are not cut as `crop` says ("": either way)."""
    parts = [_open(folder) for folder in folders]
    crop = _one_crop(folders, parts, crop)
    controls = tuple(c for c in parts[0].controls if all(c in part.controls for part in parts))
    if not controls:
        raise DataError(f"The data sets {', '.join(map(str, folders))} have no Action Unit in common that is known throughout.")
    offsets = np.cumsum([0] + [len(part.shards) for part in parts])
    return FaceDataset(
        title=" + ".join(part.title for part in parts),
        crop=crop,
        controls=controls,
        values=np.concatenate([part.values[:, [part.controls.index(c) for c in controls]] for part in parts]),
        names=sum((part.names for part in parts), ()),
        subjects=sum((part.subjects for part in parts), ()),
        emotions=sum((part.emotions for part in parts), ()),
        photos=sum((part.photos for part in parts), ()),
        shards=sum((part.shards for part in parts), ()),
        places=np.concatenate([part.places + np.array([offset, 0]) for part, offset in zip(parts, offsets, strict=False)]),
    )


def _one_crop(folders: Sequence[Path], parts: Sequence[FaceDataset], wanted: str) -> str:
    """The way of cutting that the parts share. A network that learnt from two, or from the other than its photos come in, draws
    faces of the wrong size in the wrong place, and says nothing."""
    crops = {part.crop: folder for part, folder in zip(parts, folders, strict=True) if part.crop != AS_IS}
    for crop, folder in crops.items():
        if wanted and crop != wanted:
            raise DataError(f"{folder} holds {crop} crops; {wanted} ones are needed here: `{CROPS[wanted]}` makes them.")
    if len(crops) > 1:
        told = " and ".join(f"{crop} ones ({folder})" for crop, folder in crops.items())
        raise DataError(f"The data sets hold crops of two kinds, {told}: prepare all of them in one way.")
    return next(iter(crops), AS_IS)


def _open(folder: Path) -> FaceDataset:
    """One folder; controls that are unknown for every face are left out, so are faces with another value unknown."""
    about = _read_about(folder)
    try:
        names = [str(shard["file"]) for shard in about["shards"]]
        title, controls, count = str(about["title"]), [str(name) for name in about["controls"]], int(about["count"])
        side, crop = int(about["image_size"]), str(about["crop"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"The data set {folder} is damaged: its dataset.json does not say all that it should.") from error
    if crop not in (*CROPS, AS_IS):
        raise DataError(f"The data set {folder} is damaged: it does not say how its faces are cut.")
    if any(Path(name).name != name for name in names):
        raise DataError(f"The data set {folder} is damaged: it names files outside its folder.")
    values = read_array(folder / "values.npy")
    shards = tuple(read_array(folder / name, mapped=True) for name in names)
    rows = read_rows(folder / "table.csv", ("name", "subject"))
    if values.shape != (len(rows), len(controls)) or any(s.shape[1:] != (side, side, 3) or s.dtype != np.uint8 for s in shards):
        raise DataError(f"The data set {folder} is damaged: its arrays have other shapes than it says.")
    places = np.array([(s, i) for s, shard in enumerate(shards) for i in range(len(shard))], np.int64).reshape(-1, 2)
    if not len(rows) == len(values) == len(places) == count:
        raise DataError(f"The data set {folder} is damaged: {len(places)} pictures, {len(values)} values, {len(rows)} rows.")
    check_range(values, str(folder))
    known = ~np.isnan(values).all(axis=0)
    complete = np.flatnonzero(~np.isnan(values[:, known]).any(axis=1))
    columns = {n: tuple(row.get(n, "") for row in rows) for n in COLUMNS}
    everything = FaceDataset(
        title,
        crop,
        tuple(name for name, use in zip(controls, known, strict=True) if use),
        values[:, known],
        columns["name"],
        columns["subject"],
        columns["emotion"],
        columns["photo"],
        shards,
        places,
    )
    return everything if len(complete) == len(places) else everything.subset(complete)


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / "dataset.json"
    if not path.is_file():
        raise DataError(f"{folder} is no prepared data set (it has no dataset.json); make one with `mimica prepare`.")
    about = read_json(path)
    if not isinstance(about, dict):
        raise DataError(f"The description {path} is no description of a data set.")
    if about.get("version") != VERSION:
        raise DataError(
            f"{folder} has version {about.get('version')} of the format; this Mimica reads {VERSION}: prepare it again."
        )
    return dict(about)


def check_range(values: np.ndarray, where: str) -> None:
    """Raise `DataError` unless all known values lie in [0, 1]; values up to 5 betray OpenFace's scale."""
    low, high = (float(np.nanmin(values)), float(np.nanmax(values))) if np.isfinite(values).any() else (0.0, 0.0)
    if low < 0 or high > 1:
        scale = ": that looks like OpenFace's scale of 0 to 5, divide by 5" if low >= 0 and high <= 5 else ""
        raise DataError(f"Action Units in {where} run from {low:g} to {high:g} and must lie in 0 to 1{scale}.")


@dataclass
class DatasetWriter:
    """Writes the format into `folder`, which should be a temporary one that is renamed at the end (`files.atomic_path`)."""

    folder: Path
    title: str
    image_size: int
    controls: tuple[str, ...]
    crop: str = "tight"
    notes: Mapping[str, Any] = field(default_factory=dict)
    _rows: list[tuple[str, str, str, str]] = field(default_factory=list, init=False)
    _values: list[list[float]] = field(default_factory=list, init=False)
    _images: list[np.ndarray] = field(default_factory=list, init=False)
    _shards: list[dict[str, Any]] = field(default_factory=list, init=False)

    def __enter__(self) -> DatasetWriter:
        return self

    def add(
        self, image: np.ndarray, values: Mapping[str, float], name: str, subject: str, emotion: str = "", photo: str = ""
    ) -> None:
        """One face: uint8 (S, S, 3), values by name (a missing one is not known)."""
        if image.shape != (self.image_size, self.image_size, 3) or image.dtype != np.uint8:
            raise ValueError(f"{name}: the picture is {image.dtype} {image.shape}")
        self._images.append(image)
        self._values.append([values.get(control, float("nan")) for control in self.controls])
        self._rows.append((name, subject, emotion, photo))
        if len(self._images) == SHARD:
            self._flush()

    def _flush(self) -> None:
        file = f"images-{len(self._shards):05d}.npy"
        np.save(self.folder / file, np.stack(self._images))
        self._shards.append({"file": file, "count": len(self._images)})
        self._images.clear()

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if kind is not None:
            return
        if self._images:
            self._flush()
        values = np.array(self._values, np.float32).reshape(-1, len(self.controls))
        check_range(values, self.title)
        np.save(self.folder / "values.npy", values)
        with (self.folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *self._rows])
        about = {
            "version": VERSION,
            "title": self.title,
            "image_size": self.image_size,
            "crop": self.crop,
            "controls": self.controls,
            "count": len(self._rows),
            "shards": self._shards,
            "notes": dict(self.notes),
        }
        (self.folder / "dataset.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
