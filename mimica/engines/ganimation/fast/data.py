"""Pairs for the fast generator: photos of people and the same photos with other expressions, with a mesh for every frame.

A folder of pairs holds

    labels.jsonl        one line a frame: {"file": "anna_03.jpg", "source_id": "anna", "is_source": false, "recipe": "happiness",
                        "lm68": [x0, y0, ... x67, y67], "au_left": [17 values], "au_right": [17 values], ...}
    *.jpg, *.png        the frames, square tight crops (`mimica.face.align`), all of one size
    dense/anna.npz      `xy`, int16 (frames, vertices, 2), eighths of a pixel: where each vertex of the head mesh lies in each
                        frame of this source, in the order of the lines; the mesh is ICT-FaceKit's (its first 14,062 vertices)

`lm68` are the 68 landmarks in pixels of the frame, in iBUG order; `au_left` and `au_right` the Action Units of the subject's
left and right side in FACS order (`mimica.facs.AU_NUMBERS`), [0, 1]. Every source has one line with `is_source`: the
unchanged photo, to which its other frames are aligned pixel by pixel. Optional: `subject` (the person, where several sources
show one; otherwise the source is the person) and `split` ("train" or "validation"; otherwise one subject in ten validates,
those with crc32(subject) % 10 == 0).

`prepare` turns such a folder into arrays; coordinates become shares of the frame's side.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.data.pairs import by_source, read_rows
from mimica.engines.ganimation.fast.warp import SIDE
from mimica.errors import DataError
from mimica.facs import SIDED_AU_NAMES, to_vector
from mimica.pictures.images import read_photo
from mimica.reader.read import Reader

FRACTION = 8.0
"""`xy` counts in parts of this many to the pixel."""


@dataclass(frozen=True)
class Pairs:
    """All frames of a folder of pairs, those of one source next to one another.

    landmarks    float32 (N, 68, 2), shares of the side          controls   float32 (N, 34), `SIDED_AU_NAMES` order
    mesh         float32 (N, V, 2), shares of the side           images     uint8 (N, SIDE, SIDE, 3) RGB
    source       int (N,), the frame that is this frame's source validation bool (N,)
    names        (N,) files
    seen_landmarks, seen_controls   as the first two, but as Mimica's reader sees the frame; empty where it was not asked
    """

    landmarks: np.ndarray
    controls: np.ndarray
    mesh: np.ndarray
    images: np.ndarray
    source: np.ndarray
    validation: np.ndarray
    names: np.ndarray
    seen_landmarks: np.ndarray
    seen_controls: np.ndarray

    @property
    def read(self) -> bool:
        """Whether the reader has looked at the frames."""
        return len(self.seen_landmarks) == len(self.landmarks)

    def subset(self, frames: np.ndarray) -> Pairs:
        """Some of the frames, in whole sources and in rising order."""
        rows = {n: a[frames] if len(a) == len(self.landmarks) else a for n, a in vars(self).items()}
        return Pairs(**rows | {"source": np.searchsorted(frames, self.source[frames])})

    def save(self, folder: Path) -> None:
        """One .npy a field, so that they can be mapped into memory instead of read."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in vars(self).items():
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> Pairs:
        """The arrays that `save` wrote, images mapped, not read."""
        return cls(**{n: np.load(folder / f"{n}.npy", mmap_mode="r" if n == "images" else None) for n in cls.__annotations__})

    def partners(self) -> list[np.ndarray]:
        """For each source the numbers of its frames."""
        order = np.argsort(self.source, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.source[order])) + 1)


def prepare(
    folder: str | Path,
    topology: dict[str, np.ndarray],
    *,
    labels: str | Path | None = None,
    keep: Callable[[dict[str, Any]], bool] = lambda row: True,
    reader: Reader | None = None,
    limit: int = 0,
) -> Pairs:
    """Reads a folder of pairs. `topology` is the generator's (`mimica.engines.ganimation.fast.rig`), `labels` another labels file
    than the folder's, `keep` chooses lines, `reader` reads the frames too, `limit` takes the first so many sources (0: all).
    Raises `DataError` where the folder is not as documented above."""
    folder = Path(folder)
    sources = by_source(filter(keep, read_rows(folder, Path(labels) if labels else None)))
    chosen = list(sources.items())[: limit or None]
    parts = [part for name, lines in chosen if (part := _read_source(folder, name, lines, topology, reader)) is not None]
    if not parts:
        raise DataError(f"{folder} has no usable source with a file in its folder 'dense': make the pairs with dense meshes.")
    if all(part["validation"].all() for part in parts):
        raise DataError(f"All people of {folder} are held out from training: more sources are needed.")
    return _joined(parts)


def is_validation(row: dict[str, Any]) -> bool:
    """Whether a frame's person is kept from training (see the module's docstring)."""
    if "split" in row:
        return bool(row["split"] == "validation")
    return zlib.crc32(str(row.get("subject", row["source_id"])).encode()) % 10 == 0


def frame_mesh(xy: np.ndarray, side: int, topology: dict[str, np.ndarray]) -> np.ndarray:
    """(F, vertices, 2) int16 of a dense file -> float32 (F, V, 2): the vertices of the generator's mesh, the skin's and the
    inner mouth's (teeth, gums, tongue: affine combinations of anchors in the mouth's sockets), in shares of the side."""
    points = xy.astype(np.float32) / (FRACTION * side)
    inner = np.einsum("va,fac->fvc", topology["inner_weights"].astype(np.float32), points[:, topology["inner_anchors"]])
    return np.concatenate([points[:, topology["pair_vertices"]], inner.astype(np.float32)], axis=1)


def _read_source(
    folder: Path, name: str, rows: list[dict[str, Any]], topology: dict[str, np.ndarray], reader: Reader | None
) -> dict[str, np.ndarray] | None:
    dense = folder / "dense" / f"{name}.npz"
    firsts = [i for i, row in enumerate(rows) if row["is_source"]]
    if not dense.is_file() or len(firsts) != 1:
        return None
    xy = np.load(dense)["xy"]
    if len(xy) != len(rows):
        raise DataError(f"{dense} has {len(xy)} meshes for the {len(rows)} frames of '{name}' in labels.jsonl.")
    images = [read_photo(folder / row["file"]).rgb for row in rows]
    side = images[0].shape[0]
    landmarks = np.array([row["lm68"] for row in rows], np.float32).reshape(-1, 68, 2)
    readings = [reader.read_aligned(i, [points])[0] for i, points in zip(images, landmarks, strict=True)] if reader else []
    seen = np.array([reading.landmarks_photo for reading in readings], np.float32).reshape(-1, 68, 2)
    frames = [cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for image in images]
    return {
        "seen_landmarks": seen / side,
        "seen_controls": np.array([to_vector(r.action_units, SIDED_AU_NAMES) for r in readings], np.float32).reshape(-1, 34),
        "landmarks": landmarks / side,
        "controls": np.array([row["au_left"] + row["au_right"] for row in rows], np.float32),
        "mesh": frame_mesh(xy, side, topology),
        "images": np.stack(frames),
        "source": np.full(len(rows), firsts[0]),
        "validation": np.array([is_validation(row) for row in rows]),
        "names": np.array([row["file"] for row in rows]),
    }


def _joined(parts: list[dict[str, np.ndarray]]) -> Pairs:
    starts = np.cumsum([0] + [len(part["source"]) for part in parts])
    for part, start in zip(parts, starts, strict=False):
        part["source"] = part["source"] + start
    return Pairs(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
