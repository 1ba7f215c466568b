"""`mimica evaluate sheet`: random faces that were kept from training, each with the same expressions, to be looked at beside the
frames of the pairs that show them (`mimica.data.pairs` describes the folder)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mimica.data.pairs import Row, by_source, read_rows
from mimica.engines.base import Engine, Face
from mimica.engines.ganimation.fast.data import is_validation
from mimica.errors import ValueRangeError, nearest
from mimica.facs import SIDED_AU_NAMES, emotion_controls, to_dict, with_sides
from mimica.pictures.images import read_photo

SHOWN = ("happiness", "surprise", "sadness", "anger", "fear", "disgust", "AU45", "AU26")


@dataclass(frozen=True)
class Zoom:
    """What is enlarged: `landmarks`, with so much of their width around them, cells `height` times as high as wide, and what
    shows faults there."""

    landmarks: tuple[int, ...]
    room: float
    height: float
    shown: tuple[str, ...]


ZOOMS: dict[str, Zoom] = {
    "eyes": Zoom((*range(17, 27), *range(36, 48)), 0.12, 0.42, ("AU45", "AU05", "AU04", "AU01", "AU02", "anger", "surprise")),
    "mouth": Zoom(tuple(range(48, 68)), 0.4, 0.8, ("neutral", "happiness", "sadness", "AU25", "AU26", "AU12", "AU04", "AU06")),
}


def sheet(
    folder: str | Path,
    engine: Engine,
    *,
    faces: int = 6,
    seed: int = 0,
    side: int = 384,
    labels: str | Path | None = None,
    zoom: str | None = None,
) -> np.ndarray:
    """uint8 RGB: two rows a face. Above, the photo and its edits (`SHOWN`); below, up to as many frames of the pairs, each an
    edit of the photo to that frame's own Action Units and the frame itself. With `zoom`, of `ZOOMS`, one row a face: that part of
    the photo and of edits that show its faults. Faces are drawn with `seed`, never chosen. Raises `ValueRangeError`."""
    if zoom is not None and zoom not in ZOOMS:
        raise ValueRangeError(
            f"There is no part '{zoom}' to zoom in on{nearest(zoom, ZOOMS) or ';'} choose {' or '.join(ZOOMS)}."
        )
    sources = _validation_sources(Path(folder), Path(labels) if labels else None)
    rng = np.random.default_rng(seed)
    rows = []
    for name in rng.permutation(sorted(sources))[:faces]:
        frames = sources[name]
        first = next(row for row in frames if row["is_source"])
        if zoom is not None:
            rows.append(_zoomed(engine, read_face(Path(folder), first, 2 * side), ZOOMS[zoom], side))
            continue
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


def _zoomed(engine: Engine, face: Face, zoom: Zoom, side: int) -> np.ndarray:
    """A part of a face and of its edits, cells `side` pixels wide."""
    state, height = engine.encode(face), round(side * zoom.height)
    points = face.landmarks_crop[list(zoom.landmarks)]
    width = (1 + 2 * zoom.room) * float(np.ptp(points[:, 0]))
    left, top = (points.min(axis=0) + points.max(axis=0)) / 2 - [width / 2, width * zoom.height / 2]
    place = np.array([[side / width, 0, -left * side / width], [0, side / width, -top * side / width]])
    own = dict.fromkeys(SIDED_AU_NAMES, 0.0) | dict(face.controls)
    edits = [{**own, **with_sides({one: 1.0})} if one.startswith("AU") else emotion_controls(one) for one in zoom.shown]
    pictures = [
        face.image,
        *(engine.render(state, {n: v for n, v in edit.items() if n in SIDED_AU_NAMES}).image for edit in edits),
    ]
    return np.hstack(
        [cv2.warpAffine(p, place, (side, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE) for p in pictures]
    )


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
