"""What a judge makes of faces whose Action Units are known exactly: the scale on which its figures on edits are to be read.

The faces are a prepared set with the column `photo` (`mimica prepare reanimated`): the same photo under several exactly known
expressions, the calmest of which stands for the photo itself. Only held-out people count, where there are some: nobody's
reader was trained on them here. An edit cannot be expected to please a judge more than these frames do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.data.dataset import FaceDataset, open_datasets
from mimica.errors import DataError
from mimica.evaluate.editing import measures
from mimica.evaluate.editing.score import FACS_SCALE
from mimica.evaluate.judges.base import Judge, Judgement
from mimica.face.align import TIGHT_EYE_DISTANCE, TIGHT_EYES
from mimica.facs import AU_NAMES, without_sides
from mimica.reader.read import Reader

SIDE = 256
"""Pixels to which the crops are enlarged: several judges find no smaller face."""
STILL = 0.05
"""A unit whose true value changes by less is one that nobody asked for."""


def ceilings(folder: Path, judges: Sequence[Judge], frames: int = 600) -> dict[str, Any]:
    """Judge -> unit -> error, gain, linearity over the frames, and leak; at most so many frames, whole photos at a time. Raises
    `DataError` for a set without the column photo."""
    faces = open_datasets([folder])
    held_out = faces.part(validation=True)
    faces = held_out if len(_groups(held_out)) else faces
    groups = _groups(faces)
    if not groups:
        raise DataError(f"'{folder}' has no photo under several expressions; `mimica prepare reanimated` makes such a set.")
    chosen: list[list[int]] = []
    for group in groups:
        if sum(map(len, chosen)) + len(group) > frames and chosen:
            break
        chosen.append(group)
    reader = Reader()
    result = {judge.name: _of_judge(judge, faces, chosen, reader) for judge in judges}
    return {"frames": sum(map(len, chosen)), "photos": len(chosen), "data": faces.title, "judges": result}


def _groups(faces: FaceDataset) -> list[list[int]]:
    """Numbers of the faces of each photo with several, the calmest first."""
    of: dict[str, list[int]] = {}
    for number, photo in enumerate(faces.photos):
        if photo:
            of.setdefault(photo, []).append(number)
    return [sorted(group, key=lambda i: float(faces.values[i].sum())) for group in of.values() if len(group) > 1]


def canonical_landmarks(side: int) -> np.ndarray:
    """float32 (68, 2): where a tight crop's eyes are; the other points lie between them. The reader finds the rest."""
    middle, half = np.multiply(TIGHT_EYES, side), TIGHT_EYE_DISTANCE * side / 2
    points = np.tile(middle, (68, 1))
    for corners, sign in (((36, 39), -1), ((42, 45), 1)):
        points[list(corners)] = middle + np.array([sign * half, 0]) + np.array([[-half / 2, 0], [half / 2, 0]])
    return points.astype(np.float32)


def _of_judge(judge: Judge, faces: FaceDataset, groups: Sequence[Sequence[int]], reader: Reader) -> dict[str, Any]:
    truths: list[dict[str, float]] = []
    seen: list[tuple[str, dict[str, float], Judgement, Judgement]] = []
    lost = 0
    for group in groups:
        before: Judgement | None = None
        first = _truth(faces, group[0])
        for place, number in enumerate(group):
            picture = cv2.resize(faces.images([number], SIDE)[0], (SIDE, SIDE))
            points = reader.read_aligned(picture, [canonical_landmarks(SIDE)])[0].landmarks_photo
            after = judge.read(picture, points, faces.names[number])
            if place == 0:
                before = after
            if after is None or before is None:
                lost += 1
                continue
            truth = _truth(faces, number)
            truths.append(truth)
            wanted = {name: value for name, value in truth.items() if abs(value - first[name]) >= STILL}
            seen.append((faces.photos[number], wanted, before, after))
    units = {name: _unit(name, truths, seen) for name in AU_NAMES if any(name in after.units for *_, after in seen)}
    leaks = [FACS_SCALE * measures.leak(b.units, a.units, wanted, judge.counted) for _, wanted, b, a in seen]
    photos = [photo for photo, *_ in seen]
    return {"ours": judge.ours, "faces_lost": lost, "leak": list(measures.bootstrap(leaks, photos)), "units": units}


def _truth(faces: FaceDataset, number: int) -> dict[str, float]:
    return without_sides({name: float(v) for name, v in zip(faces.controls, faces.values[number], strict=True)})


def _unit(name: str, truths: Sequence[dict[str, float]], seen: Sequence[tuple[str, Any, Any, Judgement]]) -> dict[str, float]:
    pairs = [(t[name], s[3].units[name]) for t, s in zip(truths, seen, strict=True) if name in t and name in s[3].units]
    true, read = [a for a, _ in pairs], [b for _, b in pairs]
    error = float(np.mean(np.abs(np.subtract(true, read)))) if pairs else float("nan")
    return {"error": FACS_SCALE * error, "gain": measures.slope(true, read), "linearity": measures.linearity(true, read)}
