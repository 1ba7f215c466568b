"""`mimica evaluate expressions`: every emotion rendered for a set of faces, and measured (section 6.3 of GANimation's paper).

    accuracy     share of renderings that the reader classifies as the emotion asked for, over the eight it knows; 0.125 is chance
    au_error     mean absolute difference between the Action Units asked for and those the reader measures, over the 17
    identity     distance of dlib's face descriptors before and after (below 0.6 it counts as the same person); needs the
                 package face_recognition_models, and is left out without it
    sharpness    variance of the Laplacian in the tight crop, after over before; 1 is as sharp as the photo

The row `photo` is the photos as they are: how many the reader takes for neutral. The reader is one network; it can be fooled
where a person would not be, and it guided the engines: figures to be quoted are those of `judges` that did not
(`mimica.evaluate.judges`), of which a report has, over the Action Units that a judge counts,

    error        mean absolute difference of asked and seen, on FACS's 0 to 5
    gain         how much of the way from the photo to what was asked for was gone; 1 is all of it, a lazy edit has 0
    recognised   share of renderings whose emotion the judge names; only of judges that name emotions
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.api import edit
from mimica.engines.base import Engine
from mimica.errors import NoFaceError
from mimica.evaluate.editing import measures
from mimica.evaluate.identity import Identity
from mimica.evaluate.judges.base import Judge, Judgement
from mimica.face.align import crop_from_photo, cut
from mimica.facs import AU_NAMES, EMOTIONS, emotion_controls, without_sides
from mimica.pictures.images import read_photo
from mimica.reader.read import FaceReading, Reader, largest_face

CROP = 224
"""Side of the tight crop in which sharpness is measured."""


@dataclass
class Report:
    """Figures by emotion: `table[emotion][figure]`, the means over all under `all`; `confusion[asked][seen]` counts;
    `judges[name]` has `ours`, `note` and a `table` of the same kind for each judge beside the reader; `missing` says in sentences
    what could not be measured."""

    faces: int = 0
    table: dict[str, dict[str, float]] = field(default_factory=dict)
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)
    judges: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def sharpness(photo: np.ndarray, landmarks: np.ndarray) -> float:
    """Variance of the Laplacian of the tight crop's gray picture."""
    crop = cut(photo, crop_from_photo(landmarks, CROP), CROP)
    return float(cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def evaluate(
    photos: Sequence[Path],
    engine: Engine,
    *,
    emotions: Sequence[str] = EMOTIONS,
    judges: Sequence[Judge] = (),
    progress: Callable[[], None] = lambda: None,
) -> Report:
    """Renders each of the `emotions` for the largest face of each photo, which the reader and all `judges` look at. `progress` is
    called after each rendering.

    Raises `NoFaceError` where no photo has a face; a photo without one is left out and said in `missing`."""
    reader, identity, report = Reader(), Identity(), Report()
    if identity.path is None:
        report.missing.append("identity: the package face_recognition_models is not installed (pip install 'mimica[eval]')")
    rows: dict[str, list[dict[str, float]]] = {emotion: [] for emotion in ("photo", *emotions)}
    report.confusion = {emotion: dict.fromkeys(EMOTIONS, 0) for emotion in emotions}
    panel = Panel(judges, emotions)
    for path in photos:
        photo = read_photo(path).rgb
        try:
            before = _largest(photo, reader)
        except NoFaceError:
            report.missing.append(f"{path}: no face was found")
            continue
        report.faces += 1
        panel.see_photo(photo, before.landmarks_photo)
        rows["photo"].append({"accuracy": float(_seen(before) == "neutral"), "sharpness": 1.0})
        for emotion in emotions:
            edited = edit(photo, emotion, engine=engine).image
            after = reader.read_aligned(edited, [before.landmarks_photo])[0]
            rows[emotion].append(_figures(after, emotion) | _pixel_figures(photo, edited, before, identity))
            report.confusion[emotion][_seen(after)] += 1
            panel.see_edit(edited, before.landmarks_photo, emotion)
            progress()
    if not report.faces:
        raise NoFaceError("None of the photos has a face that could be used.")
    report.table = {emotion: _means(some) for emotion, some in rows.items()}
    report.table["all"] = _means([row for emotion in emotions for row in rows[emotion]])
    report.judges = panel.report()
    return report


class Panel:
    """The judges beside the reader, and what they saw: `rows[judge][emotion]`."""

    def __init__(self, judges: Sequence[Judge], emotions: Sequence[str]) -> None:
        self.judges = judges
        self.rows: dict[str, dict[str, list[dict[str, float]]]] = {j.name: {e: [] for e in emotions} for j in judges}
        self.before: dict[str, Judgement | None] = {}

    def see_photo(self, photo: np.ndarray, landmarks: np.ndarray) -> None:
        self.before = {judge.name: judge.read(photo, landmarks, "") for judge in self.judges}

    def see_edit(self, edited: np.ndarray, landmarks: np.ndarray, emotion: str) -> None:
        """Where a judge finds no face, before or after, it says nothing."""
        wanted = without_sides(emotion_controls(emotion))
        for judge in self.judges:
            before, after = self.before[judge.name], judge.read(edited, landmarks, "")
            if before is None or after is None:
                continue
            error = 5 * measures.au_error(before.units, after.units, wanted, judge.counted)
            gain = measures.emotion_gain(before.units, after.units, wanted, judge.counted)
            figures = {"error": error, "gain": gain}
            if emotion in after.emotions:
                figures["recognised"] = float(max(after.emotions, key=lambda e: after.emotions[e]) == emotion)
            self.rows[judge.name][emotion].append({name: value for name, value in figures.items() if value == value})

    def report(self) -> dict[str, dict[str, Any]]:
        """For each judge, independent ones first, whether it is ours, what it is, and its means by emotion and over `all`."""
        tables = {}
        for judge in sorted(self.judges, key=lambda judge: judge.ours):
            rows = self.rows[judge.name]
            table = {"all": _means([row for some in rows.values() for row in some])}
            table |= {emotion: _means(some) for emotion, some in rows.items()}
            tables[judge.name] = {"ours": judge.ours, "note": judge.note, "table": table}
        return tables


def _largest(photo: np.ndarray, reader: Reader) -> FaceReading:
    return largest_face(photo, reader=reader)


def _seen(face: FaceReading) -> str:
    return max(face.emotions, key=lambda emotion: face.emotions[emotion])


def _figures(after: FaceReading, emotion: str) -> dict[str, float]:
    """What the reader says of one rendering."""
    asked, units = without_sides(emotion_controls(emotion)), after.mean_action_units
    error = float(np.mean([abs(units[name] - asked[name]) for name in AU_NAMES]))
    return {"accuracy": float(_seen(after) == emotion), "au_error": error}


def _pixel_figures(photo: np.ndarray, edited: np.ndarray, before: FaceReading, identity: Identity) -> dict[str, float]:
    """What the pictures say of one rendering."""
    points = before.landmarks_photo
    figures = {"sharpness": sharpness(edited, points) / max(1e-9, sharpness(photo, points))}
    if identity.path is not None:
        change = identity.descriptor(photo, points) - identity.descriptor(edited, points)
        figures["identity"] = float(np.linalg.norm(change))
    return figures


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}
