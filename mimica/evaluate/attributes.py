"""`mimica evaluate attributes`: do drawn attributes teach about real ones, and does each show by a meter of its own?

Features of a face are fixed: histograms of oriented gradients (N. Dalal, B. Triggs, 2005) of a tight crop and a small colour
picture of it, and of its surroundings. Probes are ridge regressions on them. People are kept apart by
`mimica.data.dataset.is_validation`, and by a second checksum into those on whom attributes are drawn and those whose real
labels test.

    drawn     a probe that has only seen drawn glasses (beards) beside the same photos without: its AUC on real labels of other
    people
    real      the same of a probe that was trained on real labels, to compare
    rises     share of held-out photos in which the meter, a probe trained on real labels of other people, sees more of what was
    drawn
    change    by how many standard deviations of the meter over the photos      moved    the mean of all other meters, absolute
    apart     `moved` by meters that were trained on what the other labels do not explain of their own (least squares), so that
    a set's old people with gray hair do not make a meter of age one of hair
    distance  of dlib's face descriptors before and after, mean; below 0.6 two faces count as one person's

Where labels have a column `hat`, it is also counted which held-out heads are taken to be covered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.data.attribute_sets import find_set, with_labels
from mimica.engines.layers import masks
from mimica.engines.layers.subject import Subject
from mimica.errors import DataError, ImageError, MissingExtraError, NoFaceError
from mimica.evaluate.identity import Identity
from mimica.face.align import crop_from_photo, cut
from mimica.face.attributes import Worn, read
from mimica.prepare.attributes import Crop, crop_of, drawn_at_random, put_on
from mimica.reader.read import Reader, largest_face

SIZE = 256
"""Side of the ffhq crops on which attributes are drawn."""
SIDE, COLOURS = 96, 20
"""Of the tight crop for gradients, and of the colour picture of the ffhq crop."""
CELL, BINS = 8, 9
RIDGE = 30.0
TAUGHT = {"glasses": ("glasses", "sunglasses"), "beard": ("beard", "goatee", "moustache", "stubble")}
"""Real label -> what is drawn to teach it."""
METERS: Mapping[str, tuple[str, float]] = {
    "glasses": ("glasses", 1), "sunglasses": ("glasses", 1), "beard": ("beard", 1), "goatee": ("beard", 1),
    "age": ("age", 1), "age=-1": ("age", -1), "weight": ("weight", 1), "weight=-1": ("weight", -1),
    "hair:black": ("dark_hair", 1), "hair:blond": ("dark_hair", -1), "hair:gray": ("dark_hair", -1),
}  # fmt: skip
"""What is drawn -> the label whose meter must rise (1) or fall (-1)."""
OTHERS = ("rosy", "pale", "tan", "makeup", "lipstick", "brows", "stubble", "moustache", "oval", "nose", "pointed_nose", "lips")
"""Without a real label: only what they move beside, and the distance."""
LEAST = 12
"""Labels of either kind that a probe needs."""


@dataclass
class Report:
    """`probes[label][figure]`, `edits[attribute][figure]`, `moves[attribute][label]`, the change by every meter, `faces` by part,
    `hats`, how many held-out heads with and without a hat are taken to be covered, `photos` edited, `missing`: sentences."""

    probes: dict[str, dict[str, float]] = field(default_factory=dict)
    edits: dict[str, dict[str, float]] = field(default_factory=dict)
    moves: dict[str, dict[str, float]] = field(default_factory=dict)
    faces: dict[str, int] = field(default_factory=dict)
    hats: dict[str, int] = field(default_factory=dict)
    photos: int = 0
    missing: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Seen:
    """A face of the set: its crop, labels, whether it is held out, the half of the people it belongs to."""

    crop: Crop
    values: Mapping[str, float]
    validation: bool
    half: bool


def evaluate(
    folder: Path,
    *,
    labels: Path | None = None,
    photos: int = 40,
    drawings: int = 300,
    limit: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Report:
    """`drawings` attributes are drawn to teach each probe, `photos` held-out faces are edited. Raises `DataError` for what is no
    set."""
    report = Report()
    faces = _read(folder, labels, limit, report)
    features = np.stack([features_of(face.crop.image, face.crop.landmarks) for face in faces])
    training = np.array([not face.validation for face in faces])
    report.faces = {"training": int(training.sum()), "held out": int((~training).sum())}
    for label, names in TAUGHT.items():
        _teach(report, label, names, faces, features, drawings)
        progress()
    meters = {label: meter for label in dict.fromkeys(label for label, _ in METERS.values())
              if (meter := _meter(label, faces, features, training)) is not None}  # fmt: skip
    apart = apart_meters(tuple(meters), faces, features, training)
    everyone = [face for face in faces if face.validation]
    report.hats, held_out = hats(everyone), everyone[:photos]
    report.photos = len(held_out)
    for key in (*METERS, *OTHERS):
        _edit(report, key, held_out, meters, apart)
        progress()
    return report


def _read(folder: Path, labels: Path | None, limit: int, report: Report) -> list[Seen]:
    found = with_labels(find_set(folder), labels) if labels else find_set(folder)
    reader, faces = Reader(threads=1), list[Seen]()
    for face in found.faces[:limit] if limit else found.faces:
        try:
            photo = face.load()
            crop = crop_of(photo, largest_face(photo, reader=reader), SIZE)
        except (ImageError, NoFaceError) as error:
            report.missing.append(f"{face.name}: {error}")
            continue
        faces.append(Seen(crop, face.values, face.validation, sum(face.subject.encode()) % 2 == 0))
    if not faces:
        raise DataError(f"'{folder}' has no usable face.")
    return faces


def features_of(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """float32 (n,), of an ffhq crop, uint8 (S, S, 3), with landmarks (68, 2)."""
    tight = cut(picture, crop_from_photo(landmarks, SIDE), SIDE)
    gradients = histograms(cv2.cvtColor(tight, cv2.COLOR_RGB2GRAY)).ravel()
    colours = [cv2.resize(each, (COLOURS, COLOURS), interpolation=cv2.INTER_AREA).ravel() / 255.0 for each in (picture, tight)]
    return np.concatenate([gradients, 0.5 * colours[0], 0.5 * colours[1]]).astype(np.float32)


def histograms(gray: np.ndarray) -> np.ndarray:
    """uint8 (S, S) -> float32 (S / CELL - 1, S / CELL - 1, 4 * BINS): how much of the gradient points where, in each cell, for
    blocks of 2 x 2 cells of length 1."""
    light = gray.astype(np.float32)
    right, down = (cv2.Sobel(light, cv2.CV_32F, *way, ksize=1) for way in ((1, 0), (0, 1)))
    length, place = np.hypot(right, down), (np.arctan2(down, right) % np.pi) * np.float32(BINS / np.pi)
    low = np.floor(place)
    cells = np.zeros((BINS, len(gray) // CELL, gray.shape[1] // CELL), np.float32)
    for number, part in ((low, 1 - (place - low)), (low + 1, place - low)):
        for each in range(BINS):
            chosen = length * part * (number % BINS == each)
            cells[each] += chosen.reshape(cells.shape[1], CELL, cells.shape[2], CELL).sum(axis=(1, 3))
    blocks = np.concatenate([cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, :-1, 1:], cells[:, 1:, 1:]])
    normal: np.ndarray = blocks / np.sqrt((blocks**2).sum(axis=0) + 25)
    return normal.transpose(1, 2, 0)


class Probe:
    """Ridge regression, in its dual form, from features (N, n) to a value (N,)."""

    def __init__(self, features: np.ndarray, values: np.ndarray) -> None:
        self._mean, self._offset = features.mean(axis=0), float(values.mean())
        centred = features - self._mean
        kernel = centred @ centred.T + RIDGE * np.eye(len(centred), dtype=np.float32)
        self._weights = centred.T @ np.linalg.solve(kernel, values - self._offset)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        result: np.ndarray = (features - self._mean) @ self._weights + self._offset
        return result


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive has the higher score than a negative."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    count = int(positive.sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / max(count * (len(scores) - count), 1))


def _teach(report: Report, label: str, names: Sequence[str], faces: Sequence[Seen], features: np.ndarray, drawings: int) -> None:
    """A probe that learns from drawings on one half of the people, and its AUC on the real labels of the other."""
    known = np.array([np.isfinite(face.values.get(label, np.nan)) for face in faces])
    real = np.array([face.values.get(label, 0.0) > 0.5 for face in faces])
    half = np.array([face.half for face in faces])
    bare, test = np.flatnonzero(known & ~real & half), np.flatnonzero(known & ~half)
    if min(len(bare), int(real[test].sum()), int((~real[test]).sum()), int((real & half).sum())) < LEAST:
        report.missing.append(f"Too few real labels of '{label}' for a probe.")
        return
    rng = np.random.default_rng(0)
    made, from_rows = list[np.ndarray](), list[int]()
    for row in rng.permutation(np.resize(bare, max(drawings, len(bare))))[:drawings]:
        picture = _drawn(faces[row].crop, drawn_at_random(str(rng.choice(list(names))), rng))
        if picture is not None:
            made.append(features_of(*picture))
            from_rows.append(int(row))
    rows = np.unique(from_rows)
    taught = Probe(np.concatenate([made, features[rows]]), np.repeat([1.0, 0.0], [len(made), len(rows)]))
    truly = Probe(features[known & half], real[known & half].astype(float))
    report.probes[label] = {
        "drawn": auc(taught(features[test]), real[test]), "real": auc(truly(features[test]), real[test]),
        "drawings": float(len(made)), "tested on": float(len(test)), "with it": float(real[test].sum()),
    }  # fmt: skip


def hats(faces: Sequence[Seen]) -> dict[str, int]:
    """Of the faces with a label `hat`: `hats` and how many are `found`, `bare` heads and how many are `false` alarms."""
    told = {True: list[bool](), False: list[bool]()}
    for face in faces:
        if np.isfinite(value := face.values.get("hat", np.nan)):
            subject = Subject(face.crop.image.astype(np.float32), face.crop.landmarks.astype(float), face.crop.pose)
            told[value > 0.5].append(masks.find(subject).covered > masks.COVERED)
    if not (told[True] or told[False]):
        return {}
    return {"hats": len(told[True]), "found": sum(told[True]), "bare": len(told[False]), "false": sum(told[False])}


def _drawn(crop: Crop, worn: Worn) -> tuple[np.ndarray, np.ndarray] | None:
    """Picture and landmarks; None where it cannot be put on."""
    try:
        picture, dressed = put_on(crop, [worn])
    except NoFaceError:
        return None
    return picture, dressed.landmarks


def _meter(label: str, faces: Sequence[Seen], features: np.ndarray, training: np.ndarray) -> Probe | None:
    values = np.array([face.values.get(label, np.nan) for face in faces])
    rows = np.isfinite(values) & training
    return Probe(features[rows], values[rows]) if rows.sum() >= LEAST and values[rows].std() > 0 else None


def apart_meters(labels: Sequence[str], faces: Sequence[Seen], features: np.ndarray, training: np.ndarray) -> dict[str, Probe]:
    """Meters of what is a label's own: from the training faces that have all labels, with the others partialled out. None where
    fewer than `LEAST` have them all."""
    values = np.array([[face.values.get(label, np.nan) for label in labels] for face in faces])
    rows = np.flatnonzero(np.isfinite(values).all(axis=1) & training)
    if len(rows) < max(LEAST, len(labels) + 2):
        return {}
    known, meters = values[rows], dict[str, Probe]()
    for number, label in enumerate(labels):
        own = unexplained(known[:, number], np.delete(known, number, axis=1))
        if own.std() > 0:
            meters[label] = Probe(features[rows], own)
    return meters


def unexplained(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """What is left of values (n,) beside a least-squares fit of the others (n, k) and a constant."""
    known = np.column_stack([others, np.ones(len(values))])
    left: np.ndarray = values - known @ np.linalg.lstsq(known, values, rcond=None)[0]
    return left


def _edit(report: Report, key: str, faces: Sequence[Seen], meters: Mapping[str, Probe], apart: Mapping[str, Probe]) -> None:
    """One attribute on every held-out face that can wear it and does not yet."""
    name, _, dose = key.partition("=")
    worn = read(name, float(dose or 1))
    label, sign = METERS.get(key, ("", 1.0))
    fit = [face for face in faces if label not in ("glasses", "beard") or face.values.get(label, 0) < 0.5]
    pairs = [(face.crop, picture) for face in fit if (picture := _drawn(face.crop, worn)) is not None]
    if not pairs:
        report.missing.append(f"'{key}' can be put on none of the held-out faces.")
        return
    before = np.stack([features_of(crop.image, crop.landmarks) for crop, _ in pairs])
    after = np.stack([features_of(*picture) for _, picture in pairs])
    figures = {"photos": float(len(pairs)), "refused": float(len(fit) - len(pairs))}
    change = _changes(meters, before, after)
    if label in change:
        figures |= {"rises": float((sign * change[label] > 0).mean()), "change": float((sign * change[label]).mean())}
    report.moves[key] = {each: float(moved.mean()) for each, moved in change.items()}
    rest = [abs(moved) for each, moved in report.moves[key].items() if each != label]
    figures["moved"] = float(np.mean(rest)) if rest else 0.0
    if apart:
        own = [abs(float(moved.mean())) for each, moved in _changes(apart, before, after).items() if each != label]
        figures["apart"] = float(np.mean(own)) if own else 0.0
    distance = _distance(pairs, report)
    report.edits[key] = figures | ({} if distance is None else {"distance": distance})


def _changes(meters: Mapping[str, Probe], before: np.ndarray, after: np.ndarray) -> dict[str, np.ndarray]:
    """By every meter, of every face, in standard deviations of the meter over the faces before."""
    seen = {label: (meter(before), meter(after)) for label, meter in meters.items()}
    return {label: (new - old) / max(float(old.std()), 1e-6) for label, (old, new) in seen.items()}


def _distance(pairs: Sequence[tuple[Crop, tuple[np.ndarray, np.ndarray]]], report: Report) -> float | None:
    identity = Identity()
    try:
        identity.check()
    except MissingExtraError as error:
        if str(error) not in report.missing:
            report.missing.append(str(error))
        return None
    apart = [
        identity.descriptor(crop.image, crop.landmarks) - identity.descriptor(image, marks) for crop, (image, marks) in pairs
    ]
    return float(np.mean([np.linalg.norm(each) for each in apart]))
