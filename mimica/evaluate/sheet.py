"""`mimica evaluate sheet`: random faces that were kept from training, each with the same expressions, to be looked at beside the
frames of the pairs that show them (`mimica.data.pairs` describes the folder)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mimica.data.pairs import Row, by_source, read_rows
from mimica.engines.base import Engine, Face
from mimica.engines.ganimation.fast.data import is_validation
from mimica.facs import SIDED_AU_NAMES, emotion_controls, to_dict, with_sides
from mimica.pictures.images import read_photo

SHOWN = ("happiness", "surprise", "sadness", "anger", "fear", "disgust", "AU45", "AU26")


def sheet(
    folder: str | Path, engine: Engine, *, faces: int = 6, seed: int = 0, side: int = 384, labels: str | Path | None = None
) -> np.ndarray:
    """uint8 RGB: two rows a face. Above, the photo and its edits (`SHOWN`); below, up to as many frames of the pairs, each an
    edit of the photo to that frame's own Action Units and the frame itself. Faces are drawn with `seed`, never chosen."""
    sources = _validation_sources(Path(folder), Path(labels) if labels else None)
    rng = np.random.default_rng(seed)
    rows = []
    for name in rng.permutation(sorted(sources))[:faces]:
        frames = sources[name]
        first = next(row for row in frames if row["is_source"])
        state = engine.encode(read_face(Path(folder), first, side))
        above = [read_face(Path(folder), first, side).image]
        above += [engine.render(state, _expression(shown)).image for shown in SHOWN]
        below = [np.full((side, side, 3), 255, np.uint8)]
        others = [row for row in frames if not row["is_source"]]
        for k in rng.permutation(len(others))[: len(SHOWN) // 2]:
            target = read_face(Path(folder), others[k], side)
            below += [engine.render(state, target.controls).image, target.image]
        below += [np.full((side, side, 3), 255, np.uint8)] * (len(above) - len(below))
        rows += [np.hstack(above), np.hstack(below)]
    return np.vstack(rows)


def read_face(folder: Path, row: Row, side: int) -> Face:
    """A frame of the pairs, enlarged to `side` pixels, as an engine receives it."""
    image = read_photo(folder / row["file"]).rgb
    scale = side / len(image)
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    landmarks = np.array(row["lm68"], np.float32).reshape(68, 2) * np.float32(scale)
    return Face(large, landmarks, to_dict(row["au_left"] + row["au_right"], SIDED_AU_NAMES))


def _validation_sources(folder: Path, labels: Path | None) -> dict[str, list[Row]]:
    sources = by_source(filter(is_validation, read_rows(folder, labels)))
    return {name: rows for name, rows in sources.items() if any(row["is_source"] for row in rows)}


def _expression(shown: str) -> dict[str, float]:
    return (
        {**dict.fromkeys(SIDED_AU_NAMES, 0.0), **with_sides({shown: 1.0})} if shown.startswith("AU") else emotion_controls(shown)
    )
