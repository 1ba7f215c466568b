"""A sample: a picture and its labels, as a row of the table and as files of a WebDataset shard."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimica.facs import SIDED_AU_NAMES
from mimica.jobs.part_files import PartFiles
from mimica.jobs.part_tables import Column
from mimica.pictures.images import encode_image

HEAD = ("yaw", "pitch", "roll", "gaze_x", "gaze_y")
COMMENT = "synthesized by Mimica"
EXACT, ASKED, READ = "exact", "asked", "read"
"""Where labels come from: the rig's own geometry; what the engine was asked for; the reader."""
COLUMNS: tuple[Column, ...] = (
    *(Column(name, "text") for name in ("key", "source", "expression", "renderer", "labels")),
    *(Column(name) for name in (*SIDED_AU_NAMES, *HEAD, "lip_gap")),
    *(Column(f"{axis}_{i}") for axis in "xy" for i in range(68)),
)


@dataclass(frozen=True)
class Sample:
    """image      uint8 (S, S, 3) RGB, the tight crop
    expression    what was drawn: an emotion, a unit, "mixture"; "source" for the photo itself
    renderer      "rig" or "engine"
    labels        EXACT, ASKED or READ
    units         34 sided Action Units, [0, 1]
    head          yaw, pitch, roll, gaze_x, gaze_y in degrees, as the reader has them
    landmarks     float32 (68, 2), pixels of the image, pixel i spans i..i+1
    lip_gap       between the lips, in eye distances; NaN where it is not known
    arrays        further files by their suffix: `mesh.npy`, `flow.npy`, float16
    classes       uint8 (S, S), or None
    """

    image: np.ndarray
    expression: str
    renderer: str
    labels: str
    units: Mapping[str, float]
    head: Mapping[str, float]
    landmarks: np.ndarray
    lip_gap: float = float("nan")
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    classes: np.ndarray | None = None

    def row(self, key: str, source: str) -> list[str]:
        """Cells of `COLUMNS`."""
        units = [f"{self.units[name]:.4f}" for name in SIDED_AU_NAMES]
        head = [f"{self.head[name]:.2f}" for name in HEAD]
        gap = "" if np.isnan(self.lip_gap) else f"{self.lip_gap:.4f}"
        points = [f"{value:.2f}" for value in self.landmarks.T.ravel()]
        return [key, source, self.expression, self.renderer, self.labels, *units, *head, gap, *points]

    def files(self, key: str, source: str, quality: int) -> Iterator[tuple[str, bytes]]:
        """Name and content of each: KEY.jpg, KEY.json with all labels, and the arrays."""
        yield f"{key}.jpg", bytes(encode_image(Path("frame.jpg"), self.image, quality=quality, comment=COMMENT))
        labels = dict(zip([column.name for column in COLUMNS[:5]], self.row(key, source)[:5], strict=True))
        numbers = {name: round(float(self.units[name]), 4) for name in SIDED_AU_NAMES}
        about = {
            **labels,
            "units": numbers,
            **{name: round(float(self.head[name]), 2) for name in HEAD},
            "lip_gap": None if np.isnan(self.lip_gap) else round(float(self.lip_gap), 4),
            "landmarks": np.round(self.landmarks.astype(float), 2).tolist(),
        }
        yield f"{key}.json", json.dumps(about).encode()
        if self.classes is not None:
            yield f"{key}.classes.png", bytes(encode_image(Path("classes.png"), self.classes))
        for suffix, array in self.arrays.items():
            yield f"{key}.{suffix}", npy(array)

    def add_to(self, tar: PartFiles, key: str, source: str, quality: int) -> list[str]:
        """Puts the files into a shard; gives the row."""
        for name, content in self.files(key, source, quality):
            tar.add(name, content)
        return self.row(key, source)


def npy(array: np.ndarray) -> bytes:
    """A .npy file's content, float16."""
    file = io.BytesIO()
    np.save(file, array.astype(np.float16), allow_pickle=False)
    return file.getvalue()
