"""`mimica prepare wrinkles SET -o wrinkles.safetensors`: faces that look old -> the atlas of `mimica.engines.layers.age`.

Taken are faces rated at least `OLD`, nearly frontal, without glasses and, by a table (`--labels`), without a beard. Of each the
log of its light finer than `BAND` is brought to the mean landmarks and averaged, with its mirror image, where its skin is; the
mean, which is softer than each, gets back the strength that they have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mimica.data.attribute_sets import SourceFace, find_set, with_labels
from mimica.data.sources.base import Dropped
from mimica.engines.layers.age import BAND, KIND, VERSION, warped
from mimica.engines.layers.drawing import band, blur, luma
from mimica.engines.layers.dress import wears_glasses
from mimica.engines.layers.skin import face_skin
from mimica.engines.layers.subject import Subject
from mimica.errors import DataError, ImageError, NoFaceError
from mimica.face.align import crop_from_photo, transform
from mimica.model_files.checkpoint import Weights, save_weights
from mimica.prepare.faces import Report, reason_of
from mimica.reader.read import FaceReading, Reader, largest_face

OLD, YOUNG = (0.58, 1.0), (0.20, 0.32)
"""Ratings of age, in units of 100 years."""
MOST_YAW, MOST_PITCH = 14.0, 14.0
"""How far a face may be turned, degrees."""
MOST = 60
"""Faces of each kind, the first ones of the set."""
STRONGER = 1.8
"""By how much the mean may be strengthened."""
SIDE, ROWS = 256, 288
"""Of the atlas: a tight crop and what lies below it."""
FEWEST = 3
Donor = tuple[np.ndarray, FaceReading]
"""A photo, uint8 (H, W, 3), and its face."""
MIRRORED = [
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), *range(45, 41, -1), 47, 46, *range(39, 35, -1),
    41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
]  # fmt: skip
"""The landmark that each is in a mirror."""


def prepare(
    folder: Path,
    output: Path,
    *,
    labels: Path | None = None,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda kept, dropped: None,
) -> Report:
    """Writes the atlas. Raises `DataError` where fewer than `FEWEST` faces can be taken."""
    if output.suffix != ".safetensors":
        raise DataError(f"The atlas is one file: '{output}' must end in .safetensors.")
    faces = with_labels(find_set(folder), labels) if labels else find_set(folder)
    reader, report = Reader(threads=1), Report()
    groups = []
    for low, high in (OLD, YOUNG):
        fit = [f for f in faces.faces if low <= f.values.get("age", 0) <= high and not f.values.get("beard", 0)]
        donors = list[Donor]()
        for face in fit[: limit or len(fit)]:
            try:
                donors.append(_donor(face, reader))
            except (ImageError, NoFaceError) as error:
                report.dropped.append(Dropped(face.name, reason_of(error)))
            progress(report.kept + len(donors), len(report.dropped))
            if len(donors) == MOST:
                break
        if len(donors) < FEWEST:
            raise DataError(f"'{folder}' has {len(donors)} straight, bare faces rated {100 * low:g} to {100 * high:g}; too few.")
        report.kept += len(donors)
        groups.append(donors)
    shading, landmarks = atlas_of(*groups)
    tensors: dict[str, np.ndarray] = {"shading": shading.astype(np.float16), "landmarks": landmarks.astype(np.float32)}
    notes = {"set": faces.title, "old": len(groups[0]), "young": len(groups[1])}
    save_weights(output, Weights(KIND, VERSION, (), {}, tensors, notes))
    return report


def _donor(face: SourceFace, reader: Reader) -> Donor:
    """Raises `NoFaceError` for a face that is turned or wears glasses."""
    photo = face.load()
    reading = largest_face(photo, reader=reader)
    if abs(reading.yaw) > MOST_YAW or abs(reading.pitch) > MOST_PITCH:
        raise NoFaceError("The face is turned.")
    if wears_glasses(photo, reading.landmarks_photo):
        raise NoFaceError("The face wears glasses.")
    return photo, reading


def atlas_of(old: list[Donor], young: list[Donor]) -> tuple[np.ndarray, np.ndarray]:
    """-> shading (ROWS, SIDE) and landmarks (68, 2) in its pixels."""
    points = [reading.landmarks_photo for _, reading in (*old, *young)]
    places = np.mean([transform(own, crop_from_photo(own, SIDE)) for own in points], axis=0)
    landmarks = (places + np.stack([SIDE - places[MIRRORED, 0], places[MIRRORED, 1]], axis=1)) / 2
    (aged, weight, strength), (fresh, other, _) = (_mean(donors, landmarks) for donors in (old, young))
    apart = float(landmarks[42:48, 0].mean() - landmarks[36:42, 0].mean())
    change = (aged - fresh).astype(np.float32)
    fine = change - blur(change, BAND * apart)
    shown = np.minimum(weight / weight.max(), other / other.max())
    own = max(float(np.sqrt(np.average(fine**2, weights=shown))), 1e-6)
    gain = min(STRONGER, strength / own)
    result: np.ndarray = np.clip(fine * gain, -0.6, 0.4) * np.clip(2 * shown, 0, 1)
    return result, landmarks


def _mean(donors: list[Donor], landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The mean shading (ROWS, SIDE), how much skin it is the mean of, and the strength that the donors' own has."""
    total, weight, strength = np.zeros((ROWS, SIDE)), np.full((ROWS, SIDE), 0.3), list[float]()
    for photo, reading in donors:
        shading, skin = _brought(photo, reading, landmarks)
        for flip in (slice(None), slice(None, None, -1)):
            total += (shading * skin)[:, flip]
            weight += skin[:, flip]
        strength.append(float(np.sqrt(np.average(shading**2, weights=skin + 1e-9))))
    return total / weight, weight, float(np.mean(strength))


def _brought(photo: np.ndarray, reading: FaceReading, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The fine shading and the skin of a face, at the atlas's landmarks."""
    own = np.asarray(reading.landmarks_photo, np.float64)
    subject = Subject(photo.astype(np.float32), own, (reading.yaw, reading.pitch, reading.roll))
    skin = face_skin(subject, np.zeros(subject.shape, np.float32))
    shading = np.clip(band(luma(subject.picture), BAND * subject.apart), -0.5, 0.35)
    return warped(shading, own, landmarks, (ROWS, SIDE)), np.clip(warped(skin, own, landmarks, (ROWS, SIDE)), 0, 1)
