"""The people that `mimica prepare mixtures` mixes: photos, what the reader saw in them, and what makes two of them alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mimica.data.dataset import is_validation
from mimica.data.sources.base import NO_FACE, TURNED, Dropped, Found
from mimica.data.sources.faces import faces_source
from mimica.data.sources.folder import folder_source
from mimica.errors import DataError, ImageError, NoFaceError
from mimica.face.align import crop_from_photo, cut, transform
from mimica.face.glasses import SIDE, find_rims
from mimica.prepare.faces import picture_of, reason_of
from mimica.prepare.ffhq import ffhq_crops
from mimica.reader.read import FaceReading, Reader, largest_face

_POSE, _GAP = 7.0, 0.04
"""Degrees of yaw and pitch, and eye distances of lip gap, that may lie between people who are mixed."""
_LIGHTNESS, _COLOUR, _DETAIL = 22.0, 7.0, 0.35
"""Mean lightness and colours in Lab (of 255), and logarithm of the Laplacian's deviation, that may lie between two skins."""
_DETAIL_EYES = 20.0
"""Eye distance in pixels at which skins are compared: the same detail of a larger photo is spread over more pixels."""
_CLOSE_UP = 320
"""Pixels a side of the photos of people who lend."""
_MOST_YAW = 28.0
"""Heads turned further are not mixed: half of such a face is hidden."""
_BROWS, _MOUTH, _JAW = range(17, 27), range(48, 60), range(3, 14)
_LIPS = ((61, 67), (62, 66), (63, 65))
"""iBUG numbers."""
_FEATURES = 0.5
"""Share of the mixtures that get another's features, where somebody has them to lend."""
_TRIED = 6
"""So many of them are tried."""


@dataclass(frozen=True)
class Person:
    """One photo (S, S, 3) and what the reader saw in it."""

    name: str
    subject: str
    photo: np.ndarray
    reading: FaceReading

    @property
    def landmarks(self) -> np.ndarray:
        return np.asarray(self.reading.landmarks_photo, np.float64)

    @property
    def traits(self) -> np.ndarray:
        """(yaw, pitch, lip gap), each divided by what may lie between two people."""
        points = self.landmarks
        gap = np.mean([np.hypot(*(points[a] - points[b])) for a, b in _LIPS]) / self.reading.eye_distance
        return np.array([self.reading.yaw / _POSE, self.reading.pitch / _POSE, gap / _GAP])

    @property
    def gray(self) -> bool:
        return bool(np.all(self.photo == self.photo[..., :1]))

    @property
    def skin(self) -> np.ndarray:
        """(lightness, two colours, fine detail) of the middle of the face, each divided by what may lie between two people; NaN
        is not known: the colours of a gray photo, and all of a face with glasses, which neither lends features nor gets any."""
        if self.glasses:
            return np.full(4, np.nan)
        side = max(32, round(len(self.photo) * _DETAIL_EYES / self.reading.eye_distance))
        photo = cv2.resize(self.photo, (side, side), interpolation=cv2.INTER_AREA)
        weight = features_mask(self.landmarks * side / len(self.photo), side)
        weight = weight / max(float(weight.sum()), 1e-6)
        lab = cv2.cvtColor(photo, cv2.COLOR_RGB2LAB).astype(np.float32)
        lightness, a, b = (lab * weight[..., None]).sum((0, 1))
        detail = np.sqrt((np.square(cv2.Laplacian(lab[..., 0], cv2.CV_32F)) * weight).sum())
        colours = [np.nan, np.nan] if self.gray else [a / _COLOUR, b / _COLOUR]
        return np.array([lightness / _LIGHTNESS, *colours, np.log(detail + 1e-3) / _DETAIL])

    @property
    def glasses(self) -> bool:
        """Features of, and on, people with glasses would show two pairs of them, or parts."""
        matrix = crop_from_photo(self.landmarks, SIDE)
        return find_rims(cut(self.photo, matrix, SIDE), transform(self.landmarks, matrix) / SIDE) is not None


def features_mask(points: np.ndarray, side: int) -> np.ndarray:
    """float32 (side, side), 1 over brows, eyes, nose and mouth of landmarks (68, 2), falling to 0 well inside the outline."""
    centre = points[27:36].mean(0)
    outline = centre + 0.72 * (points[list(_JAW)] - centre)
    brows = points[list(_BROWS)] + 0.25 * (points[list(_BROWS)] - centre) * np.array([0.0, 1.0])
    hull = cv2.convexHull(np.concatenate([outline, brows, points[list(_MOUTH)]]).astype(np.float32))
    mask = np.zeros((side, side), np.float32)
    cv2.fillConvexPoly(mask, np.round(hull).astype(np.int32), 1.0)
    width = int(0.05 * side) | 1
    return cv2.GaussianBlur(cv2.erode(mask, np.ones((width // 2, width // 2), np.uint8)), (0, 0), 0.022 * side)


def partners(traits: np.ndarray, skins: np.ndarray, head: int, rng: np.random.Generator) -> tuple[int, list[int]] | None:
    """Who lends the shape to `head`, and who may lend the features (none: []), drawn among those alike; None where nobody is.
    Of skins (P, 4), see `Person.skin`, colours that are not known are like any, a skin that is not known is like none."""
    like = (np.abs(traits - traits[head]) < 1).all(1)
    like[head] = False
    near = np.flatnonzero(like)
    if not len(near):
        return None
    apart = np.abs(skins - skins[head])
    of_colour = np.nan_to_num(apart[:, 1:3]) < 1
    nearer = np.flatnonzero(like & (apart[:, [0, 3]] < 1).all(1) & of_colour.all(1))
    shape = int(rng.choice(near))
    if rng.random() >= _FEATURES:
        return shape, []
    return shape, [int(one) for one in rng.permutation(nearer)[:_TRIED]]


def read_people(
    faces: Path,
    limit: int = 0,
    left_out: list[Dropped] | None = None,
    report: Callable[[int, int], None] = lambda done, dropped: None,
) -> list[Person]:
    """All people of a set that are trained on and whose face is found. What cannot be used is put into `left_out`."""
    reader, people = Reader(threads=1), list[Person]()
    dropped = left_out if left_out is not None else []
    for name, subject, photo in ffhq_crops(faces):
        if is_validation(subject) or (limit and len(people) >= limit):
            continue
        try:
            reading = largest_face(photo, reader=reader)
        except NoFaceError:
            dropped.append(Dropped(name, NO_FACE))
            continue
        if abs(reading.yaw) < _MOST_YAW:
            people.append(Person(name, subject, photo, reading))
        else:
            dropped.append(Dropped(name, TURNED))
        report(0, len(dropped))
    return people


def read_lenders(
    folder: Path,
    but: Collection[str] = (),
    limit: int = 0,
    left_out: list[Dropped] | None = None,
    report: Callable[[int, int], None] = lambda done, dropped: None,
) -> list[Person]:
    """The people of a `faces` set (labels.parquet and tight160-*.tar) or of a folder of photos that are trained on, one picture
    of each, without the subjects named in `but`. What cannot be used is put into `left_out`. Raises `DataError` where nobody is
    left."""
    reader, people = Reader(threads=1), dict[str, Person]()
    dropped = left_out if left_out is not None else []
    for raw in _raw_faces(folder):
        if isinstance(raw, Dropped):
            dropped.append(raw)
            continue
        if raw.subject in people or raw.subject in but or is_validation(raw.subject):
            continue
        if limit and len(people) >= limit:
            break
        try:
            photo = picture_of(raw)
            reading = largest_face(photo, reader=reader)
        except (ImageError, NoFaceError) as error:
            dropped.append(Dropped(raw.name, reason_of(error)))
            continue
        if abs(reading.yaw) < _MOST_YAW:
            people[raw.subject] = Person(raw.name, raw.subject, *_close_up(photo, reading))
        else:
            dropped.append(Dropped(raw.name, TURNED))
        report(0, len(dropped))
    if not people:
        raise DataError(f"'{folder}' shows nobody who could lend anything: no face to train on that is not among the heads.")
    return list(people.values())


def _raw_faces(folder: Path) -> Found:
    return (faces_source if (folder / "labels.parquet").is_file() else folder_source)(folder)


def _close_up(photo: np.ndarray, reading: FaceReading) -> tuple[np.ndarray, FaceReading]:
    """A small square photo as it is; of others the FFHQ crop, since thousands of people lie in memory."""
    if photo.shape[0] == photo.shape[1] <= _CLOSE_UP:
        return photo, reading
    matrix = crop_from_photo(reading.landmarks_photo, _CLOSE_UP, "ffhq")
    landmarks = transform(reading.landmarks_photo, matrix)
    return cut(photo, matrix, _CLOSE_UP), dataclasses.replace(reading, landmarks_photo=landmarks)
