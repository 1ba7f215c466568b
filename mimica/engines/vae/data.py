"""The VAE's data on disk: square ffhq crops, head masks and attribute values, memory-mapped.

    faces.json   version, title, image_size, count, attributes, notes
    images.npy   uint8 (N, S, S, 3) RGB
    masks.npy    uint8 (N, S, S), 255 where face, hair and hat are
    values.npy   float32 (N, attributes) in [0, 1]; NaN where a value is not known
    table.csv    name, subject, photo (frames of one photo share it), validation (0 or 1)
    pairs.csv    and alphas.npy, where faces are drawn copies of others (`mimica.engines.vae.pairs`)

N in the arrays may be larger than `count`; what is beyond it is empty. `mimica prepare vae` writes the folder.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from mimica.data.dataset import check_range
from mimica.engines.vae.pairs import DrawnPairs, PairWriter, no_pairs, read_pairs
from mimica.errors import DataError
from mimica.foreign.tables import read_array, read_json, read_rows

VERSION = 1
COLUMNS = ("name", "subject", "photo", "validation")


@dataclass(frozen=True)
class VaeData:
    """N faces, opened for reading; fields as in the module's description."""

    title: str
    image_size: int
    attributes: tuple[str, ...]
    images: np.ndarray
    masks: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    photos: tuple[str, ...]
    validation: np.ndarray
    pairs: DrawnPairs = field(default_factory=no_pairs)

    def __len__(self) -> int:
        return len(self.names)

    def rows(self, validation: bool) -> np.ndarray:
        """Numbers of the faces of held-out people, or of all others."""
        return np.flatnonzero(self.validation == validation)

    def values_of(self, attribute: str) -> np.ndarray:
        """(N,) values of one attribute. Raises `DataError` for an unknown one."""
        if attribute not in self.attributes:
            raise DataError(f"The data set '{self.title}' has no attribute '{attribute}'.")
        column: np.ndarray = self.values[:, self.attributes.index(attribute)]
        return column


def open_data(folder: Path) -> VaeData:
    """Raises `DataError` for what is no such folder, is damaged, or has values outside [0, 1]."""
    path = folder / "faces.json"
    if not path.is_file():
        raise DataError(f"{folder} is no data set for the VAE (it has no faces.json); make one with `mimica prepare vae`.")
    about = read_json(path)
    rows = read_rows(folder / "table.csv", COLUMNS)
    arrays = [read_array(folder / f"{name}.npy", mapped=True) for name in ("images", "masks", "values")]
    try:
        count, side = int(about["count"]), int(about["image_size"])
        title, attributes = str(about["title"]), tuple(map(str, about["attributes"]))
        version = about["version"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"The data set {folder} is damaged: its faces.json does not say all that it should.") from error
    images, masks, values = (array[:count] for array in arrays)
    wanted = ((count, side, side, 3), (count, side, side), (count, len(attributes)))
    if version != VERSION or (images.shape, masks.shape, values.shape) != wanted or len(rows) != count:
        raise DataError(f"The data set {folder} is damaged or of another version: prepare it again.")
    columns = {name: tuple(row[name] for row in rows) for name in COLUMNS}
    check_range(np.asarray(values), str(folder))
    validation = np.array([v == "1" for v in columns["validation"]])
    return VaeData(
        title, side, attributes, images, masks, np.array(values),
        columns["name"], columns["subject"], columns["photo"], validation, read_pairs(folder, count, side),
    )  # fmt: skip


def open_all(folders: Sequence[Path]) -> VaeData:
    """One or several folders as one data set, whose attributes are those of all. Raises as `open_data`, and `DataError` for
    pictures of several sizes."""
    parts = [open_data(folder) for folder in folders]
    if len(parts) == 1:
        return parts[0]
    if len({part.image_size for part in parts}) > 1:
        raise DataError("The data sets have pictures of several sizes: prepare them with one --size.")
    attributes = tuple(dict.fromkeys(name for part in parts for name in part.attributes))
    values = np.full((sum(map(len, parts)), len(attributes)), np.nan, np.float32)
    starts = np.cumsum([0, *map(len, parts)])
    for part, start in zip(parts, starts, strict=False):
        values[start : start + len(part), [attributes.index(name) for name in part.attributes]] = part.values
    pairs = DrawnPairs(
        np.concatenate([part.pairs.rows + start for part, start in zip(parts, starts, strict=False)]),
        np.concatenate([part.pairs.photos + start for part, start in zip(parts, starts, strict=False)]),
        tuple(key for part in parts for key in part.pairs.keys),
        np.concatenate([part.pairs.doses for part in parts]),
        np.concatenate([part.pairs.alphas for part in parts]),
    )
    images, masks, validation = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "masks", "validation")
    )
    names, subjects, photos = (
        tuple(one for part in parts for one in getattr(part, name)) for name in ("names", "subjects", "photos")
    )
    title = " + ".join(part.title for part in parts)
    return VaeData(
        title, parts[0].image_size, attributes, images, masks, values, names, subjects, photos, validation, pairs
    )  # fmt: skip


@dataclass
class DataWriter:
    """Writes the format into `folder`, a temporary one that is renamed at the end; room for `capacity` faces."""

    folder: Path
    title: str
    image_size: int
    attributes: tuple[str, ...]
    capacity: int
    notes: Mapping[str, Any] = field(default_factory=dict)
    _rows: list[tuple[str, str, str, int]] = field(default_factory=list, init=False)

    def __enter__(self) -> DataWriter:
        shapes = {"images": (self.image_size, self.image_size, 3), "masks": (self.image_size, self.image_size)}
        self._arrays = {
            name: np.lib.format.open_memmap(self.folder / f"{name}.npy", "w+", np.uint8, (self.capacity, *shape))
            for name, shape in shapes.items()
        }
        self._pairs = PairWriter(self.folder, self.image_size)
        self._values = np.full((self.capacity, len(self.attributes)), np.nan, np.float32)
        return self

    def add(
        self, image: np.ndarray, mask: np.ndarray, values: Mapping[str, float], row: tuple[str, str, str], validation: bool
    ) -> None:
        """One face: uint8 (s, s, 3) and (s, s) of any side, values by name (a missing one is not known), and its name,
        subject and photo."""
        place = len(self._rows)
        self._arrays["images"][place] = _sized(image, self.image_size)
        self._arrays["masks"][place] = _sized(mask, self.image_size)
        self._values[place] = [values.get(name, np.nan) for name in self.attributes]
        self._rows.append((*row, int(validation)))

    def add_pair(self, photo: int, key: str, dose: float, alpha: np.ndarray) -> None:
        """Says that the last face is the face of row `photo` with `key` drawn, where `alpha`, uint8 (s, s), is above 0."""
        self._pairs.add(len(self._rows) - 1, photo, key, dose, _sized(alpha, self.image_size))

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if kind is not None:
            return
        for array in self._arrays.values():
            array.flush()  # type: ignore[attr-defined]
        check_range(self._values, self.title)
        np.save(self.folder / "values.npy", self._values)
        self._pairs.write()
        with (self.folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *self._rows])
        about = {
            "version": VERSION,
            "title": self.title,
            "image_size": self.image_size,
            "count": len(self._rows),
            "attributes": list(self.attributes),
            "notes": dict(self.notes),
        }
        (self.folder / "faces.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")

    def __len__(self) -> int:
        return len(self._rows)


def _sized(picture: np.ndarray, size: int) -> np.ndarray:
    if picture.shape[0] == size:
        return picture
    how = cv2.INTER_AREA if size < picture.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(picture, (size, size), interpolation=how)


def spread(rows: np.ndarray, count: int) -> Sequence[int]:
    """At most `count` of the rows, evenly spread."""
    if len(rows) <= count:
        return [int(r) for r in rows]
    return [int(rows[i]) for i in np.linspace(0, len(rows) - 1, count).astype(int)]
