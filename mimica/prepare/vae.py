"""`mimica prepare vae SET [--frames PAIRS] -o OUT`: a face set with attributes -> the data of the VAE.

Every picture is read (landmarks, pose, Action Units, emotion), cut out as FFHQ is, masked, and stored with the attributes of
its set and those that the reader measured. PAIRS is a folder of re-animated frames (labels.jsonl and tight crops): each is laid
back over the crop of its photo, so that a person is there with many expressions; their Action Units are exact. A folder of
`mimica prepare attributes` has drawn copies of its photos: they are crops already, look as their photo does, and become pairs.
Where a set has no masks of heads, the network of masks makes them, or GrabCut if a folder that keeps its masks is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.data.attribute_sets import SourceFace, find_set, with_labels
from mimica.data.pairs import by_source, read_rows, source_first
from mimica.data.sources.base import Dropped
from mimica.engines.layers import masks as mask_network
from mimica.engines.vae.data import DataWriter
from mimica.engines.vae.masks import cached_mask
from mimica.errors import DataError, ImageError, NoFaceError
from mimica.face.align import crop_from_photo, cut, feather, invert, paste, transform
from mimica.face.attributes import name_of
from mimica.face.register import register
from mimica.facs import AU_NAMES, EMOTIONS, SIDED_AU_NAMES
from mimica.files import atomic_path
from mimica.foreign.tables import read_rows as table_rows
from mimica.pictures.images import read_photo
from mimica.prepare.faces import Report, reason_of
from mimica.reader.read import FaceReading, Reader, largest_face

WORK = 320
"""Side of the ffhq crop in which masks are made and frames are laid over."""
ANGLE_RANGE = 45.0
"""Degrees of yaw or pitch that attribute values 0 and 1 stand for, to either side of 0.5."""
MEASURED = ("smile", "open_mouth", "raised_brows", "frown", "closed_eyes", "turned", "nodding", *EMOTIONS, *SIDED_AU_NAMES)
"""Attributes that the reader measures in every picture."""
_RIM = 0.08
"""Width of the soft rim with which a frame is laid over its photo, as a share of the frame."""
_AGREE = 0.97
"""Correlation of photo and unchanged frame from which on the frame's place counts as found."""


def measured(reading: FaceReading) -> dict[str, float]:
    """What the reader saw, as attribute values in [0, 1]. `turned` and `nodding`: 0.5 is straight, 1 is `ANGLE_RANGE` degrees
    to the right side of the picture, or down."""
    angles = {"turned": reading.yaw, "nodding": reading.pitch}
    places = {name: float(np.clip(0.5 + 0.5 * angle / ANGLE_RANGE, 0, 1)) for name, angle in angles.items()}
    return {**from_units(reading.action_units), **places, **reading.emotions}


def from_units(sided: Mapping[str, float]) -> dict[str, float]:
    """34 sided Action Units -> the attributes that are made of them, and the units themselves."""
    mean = {name: (sided[name + "L"] + sided[name + "R"]) / 2 for name in AU_NAMES}
    return {
        "smile": mean["AU12"],
        "open_mouth": mean["AU25"],
        "raised_brows": (mean["AU01"] + mean["AU02"]) / 2,
        "frown": mean["AU04"],
        "closed_eyes": mean["AU45"],
        **{name: float(value) for name, value in sided.items()},
    }


def prepare(
    folder: Path,
    output: Path,
    *,
    frames: Path | None = None,
    labels: Path | None = None,
    size: int = 128,
    cache: Path | None = None,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda kept, dropped: None,
) -> Report:
    """Writes the new folder `output`; gives what became of the photos. `labels` is a table with more attributes, `cache` a folder
    that keeps masks; `limit` takes the first so many pictures. Raises `DataError` for a folder that is no such set, and where
    nothing can be used."""
    faces = with_labels(find_set(folder), labels) if labels else find_set(folder)
    copies = drawn_copies(folder)
    originals = [face for face in faces.faces if face.name not in copies.files]
    chosen = originals[:limit] if limit else originals
    groups = by_source(read_rows(frames)) if frames else {}
    rows = {photo: source_first(group) for photo, group in groups.items()}
    capacity = len(chosen) + len(copies.files) + sum(len(rows.get(face.name, [])) for face in chosen)
    attributes = (*(a for a in faces.attributes if a not in MEASURED), *MEASURED)
    reader, report = Reader(threads=1), Report()
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        with DataWriter(temporary, faces.title, size, attributes, capacity, {"set": folder.name}) as writer:
            for face in chosen:
                try:
                    aligned = face if not copies.files else replace(face, aligned=True)
                    _add(writer, aligned, rows.get(face.name, []), frames, reader, cache, copies.of.get(face.name, ()))
                except (ImageError, NoFaceError) as error:
                    report.dropped.append(Dropped(face.name, reason_of(error)))
                progress(len(writer), len(report.dropped))
            report.kept = len(writer)
        if not report.kept:
            raise DataError(f"None of the {len(chosen)} pictures of '{folder}' could be used.")
    return report


def _add(
    writer: DataWriter,
    face: SourceFace,
    frames: list[dict[str, Any]],
    folder: Path | None,
    reader: Reader,
    cache: Path | None,
    copies: Sequence[Copy] = (),
) -> None:
    photo = face.load()
    reading = largest_face(photo, reader=reader)
    crop, points, matrix = _ffhq(photo, reading, face.aligned)
    if face.mask is not None:
        whole = face.mask()
        mask = _resized(whole) if face.aligned else cut(np.dstack([whole] * 3), matrix, WORK)[..., 0]
    else:
        mask = network_mask(crop) if cache is None else cached_mask(crop, points, cache)
    row, values, place = (face.name, face.subject, face.name), {**face.values, **measured(reading)}, len(writer)
    writer.add(crop, mask, values, row, face.validation)
    for copy in copies:
        shown = {**values, copy.name: float(copy.dose > 0)}
        writer.add(read_photo(copy.file).rgb, mask, shown, (copy.file.name, face.subject, face.name), face.validation)
        writer.add_pair(place, copy.key, copy.dose, read_photo(copy.mask).rgb[:, :, 0])
    if frames and folder is not None:
        _add_frames(writer, face, crop, mask, points, frames, folder, reader)


def network_mask(crop: np.ndarray) -> np.ndarray:
    """The head of an ffhq crop, uint8 (S, S, 3) -> uint8 (S, S), by the network of masks."""
    side = mask_network.SIDE
    found, _ = mask_network.raw(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)[None])
    head = cv2.resize(found[0, 1], crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.rint(255 * np.clip(head, 0, 1)).astype(np.uint8))


# --- drawn copies ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copy:
    """A drawn copy: its picture, the mask of what was drawn, the key and the dose."""

    file: Path
    mask: Path
    key: str
    dose: float

    @property
    def name(self) -> str:
        """The attribute's."""
        return name_of(self.key)


@dataclass(frozen=True)
class Copies:
    """`of[photo]`: the copies of a picture; `files`: the names of all copies."""

    of: Mapping[str, list[Copy]]
    files: frozenset[str]


def drawn_copies(folder: Path) -> Copies:
    """Those that a folder of `mimica prepare attributes` lists; none in another. Raises `DataError`."""
    if not (folder / "pairs.csv").is_file():
        return Copies({}, frozenset())
    of: dict[str, list[Copy]] = {}
    for row in table_rows(folder / "pairs.csv", ("file", "photo", "attribute", "dose", "mask")):
        try:
            copy = Copy(folder / row["file"], folder / row["mask"], row["attribute"], float(row["dose"]))
        except ValueError as error:
            raise DataError(f"{folder / 'pairs.csv'} has the dose '{row['dose']}', which is no number.") from error
        of.setdefault(row["photo"], []).append(copy)
    return Copies(of, frozenset(copy.file.name for copies in of.values() for copy in copies))


def _resized(picture: np.ndarray) -> np.ndarray:
    return picture if picture.shape[:2] == (WORK, WORK) else cv2.resize(picture, (WORK, WORK), interpolation=cv2.INTER_AREA)


def _ffhq(photo: np.ndarray, reading: FaceReading, aligned: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The crop, its landmarks, and the matrix crop from photo. A picture that is a crop already is only resized."""
    if aligned:
        matrix = np.array([[WORK / photo.shape[1], 0, 0], [0, WORK / photo.shape[0], 0]])
        crop = _resized(photo)
    else:
        matrix = crop_from_photo(reading.landmarks_photo, WORK, "ffhq")
        crop = cut(photo, matrix, WORK)
    return crop, transform(reading.landmarks_photo, matrix), matrix


# --- re-animated frames ---------------------------------------------------------------------------------------------


def _add_frames(
    writer: DataWriter,
    face: SourceFace,
    crop: np.ndarray,
    mask: np.ndarray,
    points: np.ndarray,
    rows: list[dict[str, Any]],
    folder: Path,
    reader: Reader,
) -> None:
    source = read_photo(folder / rows[0]["file"]).rgb
    frame_from_crop, agreement = register(crop, source, crop_from_photo(points, source.shape[0], "tight"))
    if not rows[0]["is_source"] or agreement < _AGREE:
        return
    rim = feather(source.shape[:2], _RIM * len(source))
    for row in rows[1:]:
        frame = paste(crop, read_photo(folder / row["file"]).rgb, rim, frame_from_crop)
        reading = reader.read_aligned(frame, [points.astype(np.float32)])[0]
        units = dict(zip(SIDED_AU_NAMES, [*row["au_left"], *row["au_right"]], strict=True))
        values = {**face.values, **measured(reading), **from_units(units)}
        values.pop("happy", None)  # rated on the photo's own expression
        values.pop("alert", None)
        shown = np.maximum(mask, _hull(frame_from_crop, row, mask.shape))
        writer.add(frame, shown, values, (Path(row["file"]).stem, face.subject, face.name), face.validation)


def _hull(frame_from_crop: np.ndarray, row: Mapping[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """The face within its landmarks in this frame, whose chin may have dropped: uint8, 0 or 255."""
    points = transform(np.array(row["lm68"]).reshape(68, 2), invert(frame_from_crop))
    hull = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.rint(points).astype(np.int32)), 255)
    return hull
