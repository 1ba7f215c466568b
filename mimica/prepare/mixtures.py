"""`mimica prepare mixtures`: new faces of several, more people than a set has, for `mimica train stylegan`.

A face is made of three people whose heads are held alike and whose mouths are as wide open:

    the head      whose photo it is: hair, outline, background
    the shape     whose landmarks pull that photo, part of the way, by a thin plate spline that stands still at the border
    the features  whose eyes, brows, nose and mouth are pulled onto the same landmarks and laid over it, in the photo's colours
                  (for about every second face; the others keep the head's, and so do people with glasses)

Features come from people of about the same skin, by colour and by how much fine detail it has (wrinkles, beards). Mean and
deviation of the three colours are those of what is covered, in Lab (E. Reinhard et al., "Color transfer between images",
2001). Only people that are trained on are mixed, and a mixture counts as a person of the head's name. Action Units are read from
the result. Column `photo` names the mixture itself: it is no photo of anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from mimica.data.dataset import DatasetWriter, is_validation, resized
from mimica.errors import DataError, NoFaceError
from mimica.face.align import crop_from_photo, cut, transform
from mimica.face.glasses import SIDE, find_rims
from mimica.facs import AU_NAMES
from mimica.files import atomic_path
from mimica.prepare.ffhq import photos_of_folder, photos_of_set
from mimica.reader.read import FaceReading, Reader, find_faces

_POSE, _GAP = 7.0, 0.04
"""Degrees of yaw and pitch, and eye distances of lip gap, that may lie between people who are mixed."""
_LIGHTNESS, _COLOUR, _DETAIL = 22.0, 7.0, 0.35
"""Mean lightness and colours in Lab (of 255), and logarithm of the Laplacian's deviation, that may lie between two skins."""
_MOST_YAW = 28.0
"""Heads turned further are not mixed: half of such a face is hidden."""
_SHAPE = (0.5, 1.0)
"""How far a head goes towards another's shape."""
_FEATURES = 0.5
_GRID = 32
_BORDER = np.array([(x, y) for x in np.linspace(0, 1, 7) for y in np.linspace(0, 1, 7) if x in (0, 1) or y in (0, 1)])
"""Points of the border, shares of the side, that stand still."""
_BROWS, _MOUTH, _JAW = range(17, 27), range(48, 60), range(3, 14)
_LIPS = ((61, 67), (62, 66), (63, 65))
"""iBUG numbers."""


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
    def skin(self) -> np.ndarray:
        """(lightness, two colours, fine detail) of the middle of the face, each divided by what may lie between two people."""
        weight = features_mask(self.landmarks, len(self.photo))
        weight = weight / max(float(weight.sum()), 1e-6)
        lab = cv2.cvtColor(self.photo, cv2.COLOR_RGB2LAB).astype(np.float32)
        lightness, a, b = (lab * weight[..., None]).sum((0, 1))
        detail = np.sqrt((np.square(cv2.Laplacian(lab[..., 0], cv2.CV_32F)) * weight).sum())
        return np.array([lightness / _LIGHTNESS, a / _COLOUR, b / _COLOUR, np.log(detail + 1e-3) / _DETAIL])

    @property
    def glasses(self) -> bool:
        """Features of, and on, people with glasses would show two pairs of them, or parts."""
        matrix = crop_from_photo(self.landmarks, SIDE)
        return find_rims(cut(self.photo, matrix, SIDE), transform(self.landmarks, matrix) / SIDE) is not None


def onto(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`points` (N, 2) moved, turned and scaled to lie as near to `target` as they can (S. Umeyama, 1991, without reflection)."""
    a, b = points - points.mean(0), target - target.mean(0)
    turn = np.array([[np.sum(a * b), np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])]]) / np.sum(a * a)
    c, s = turn[0]
    return a @ np.array([[c, s], [-s, c]]) + target.mean(0)


def pulled(photo: np.ndarray, points: np.ndarray, target: np.ndarray, still: bool) -> np.ndarray:
    """The photo with `points` (N, 2) moved to `target`, smoothly; with `still` its border stands. Pixels."""
    side = len(photo)
    border = _BORDER * side if still else np.empty((0, 2))
    spline = RBFInterpolator(
        np.concatenate([target, border]), np.concatenate([points, border]), kernel="thin_plate_spline", smoothing=0.1
    )
    axis = (np.arange(_GRID + 1) / _GRID) * side
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)
    coarse = spline(grid.reshape(-1, 2)).reshape(_GRID + 1, _GRID + 1, 2).astype(np.float32)
    place = (np.arange(side) + 0.5) / side * _GRID
    where = np.stack(np.meshgrid(place, place), axis=-1).astype(np.float32)
    maps = cv2.remap(coarse, where[..., 0], where[..., 1], cv2.INTER_LINEAR) - 0.5  # cv2 counts from pixel centres
    return cv2.remap(photo, maps[..., 0], maps[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


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


def recoloured(picture: np.ndarray, like: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`picture` with the mean and deviation that `like` has under the mask, in Lab."""
    a, b = (cv2.cvtColor(x, cv2.COLOR_RGB2LAB).astype(np.float32) for x in (picture, like))
    weight = mask[..., None] / max(float(mask.sum()), 1e-6)
    means = [(x * weight).sum((0, 1)) for x in (a, b)]
    deviations = [np.sqrt((np.square(x - m) * weight).sum((0, 1))) + 1e-3 for x, m in zip((a, b), means, strict=True)]
    gain = np.clip(deviations[1] / deviations[0], 0.6, 1.6)
    return cv2.cvtColor(np.clip((a - means[0]) * gain + means[1], 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def mixture(head: Person, shape: Person, features: Person | None, share: float) -> np.ndarray:
    """uint8 (S, S, 3); see the module's description. `share`: how far to the other's shape."""
    points = head.landmarks
    target = points + share * (onto(shape.landmarks, points) - points)
    result = pulled(head.photo, points, target, still=True)
    if features is None:
        return result
    mask = features_mask(target, len(result))
    other = recoloured(pulled(features.photo, features.landmarks, target, still=False), result, mask)
    return np.round(mask[..., None] * other + (1 - mask[..., None]) * result).astype(np.uint8)


def partners(traits: np.ndarray, skins: np.ndarray, head: int, rng: np.random.Generator) -> tuple[int, int | None] | None:
    """Who lends the shape to `head`, and who the features (None: nobody), drawn among those alike; None where nobody is. NaN is
    like nothing."""
    like = (np.abs(traits - traits[head]) < 1).all(1)
    like[head] = False
    near = np.flatnonzero(like)
    if not len(near):
        return None
    nearer = np.flatnonzero(like & (np.abs(skins - skins[head]) < 1).all(1))
    lends = len(nearer) > 0 and rng.random() < _FEATURES
    return int(rng.choice(near)), int(rng.choice(nearer)) if lends else None


def read_people(faces: Path, limit: int = 0, report: Callable[[int, int], None] = lambda done, dropped: None) -> list[Person]:
    """All people of a set that are trained on and whose face is found."""
    photos = photos_of_set if (faces / "labels.parquet").is_file() else photos_of_folder
    reader, people, dropped = Reader(threads=1), list[Person](), 0
    for name, subject, photo in photos(faces):
        if is_validation(subject) or (limit and len(people) >= limit):
            continue
        try:
            reading = max(find_faces(photo, reader=reader), key=lambda one: one.eye_distance)
        except NoFaceError:
            dropped += 1
            continue
        if abs(reading.yaw) < _MOST_YAW:
            people.append(Person(name, subject, photo, reading))
        report(0, dropped)
    return people


def prepare_mixtures(
    faces: Path,
    output: Path,
    *,
    size: int = 256,
    count: int,
    seed: int = 0,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> tuple[int, int]:
    """Write `count` mixtures at most; gives the numbers of pictures kept and of mixtures without a face. Raises `DataError`."""
    people = read_people(faces, limit, progress)
    if len(people) < 3:
        raise DataError(f"'{faces}' shows {len(people)} faces to train on; three at least are mixed.")
    reader = Reader(threads=1)
    traits = np.stack([person.traits for person in people])
    skins = np.stack([np.full(4, np.nan) if person.glasses else person.skin for person in people])
    kept = dropped = 0
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        title = f"mixtures of the faces of {faces.name}"
        with DatasetWriter(temporary, title, size, AU_NAMES, crop="ffhq", notes={"source": "mixtures", "seed": seed}) as writer:
            for number in range(count):
                rng = np.random.default_rng([seed, number])
                head = number % len(people)
                chosen = partners(traits, skins, head, rng)
                if chosen is None:
                    continue
                shape, features = (people[i] if i is not None else None for i in chosen)
                assert shape is not None
                picture = mixture(people[head], shape, features, rng.uniform(*_SHAPE))
                try:
                    reading = max(find_faces(picture, reader=reader), key=lambda one: one.eye_distance)
                except NoFaceError:
                    dropped += 1
                    continue
                name = f"mixture_{number:05d}"
                writer.add(resized(picture, size), reading.mean_action_units, name, people[head].subject, "", name)
                kept += 1
                progress(kept, dropped)
    if not kept:
        raise DataError(f"No two faces in '{faces}' are alike enough to be mixed.")
    return kept, dropped
