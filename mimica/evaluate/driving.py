"""`mimica evaluate driving`: does a photo do what the driver does? What was asked of its frames against what is read of them.

The reader that reads the driver also reads the result, so the figure is about the transfer and the engine, not about the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimica.animation import fitted_size, own_controls, prepare, render_frame, resized
from mimica.engines.base import Engine
from mimica.errors import NoFaceError
from mimica.evaluate.acd import tracking
from mimica.facs import SIDED_AU_NAMES
from mimica.metrics import mean_absolute_error, pearson
from mimica.motion.driving import LIDS, LIDS_SHUT, Driver, read_driver
from mimica.motion.track import GAZE, POSE
from mimica.pictures.images import read_photo
from mimica.reader.read import FaceReading, Reader, largest_face

HEAD_NAMES = (*POSE, *GAZE)


@dataclass
class Report:
    """`tracking`: Action Unit -> Pearson's r and mean absolute error over all frames of all drivers and photos; `mean_r` over
    the units; `head` the same for pose and gaze, in degrees, of the changes from each photo, gaze where the eyes are to be open;
    `missing`: sentences about what was left out."""

    photos: int
    drivers: int
    frames: int
    tracking: dict[str, dict[str, float]]
    mean_r: float
    head: dict[str, dict[str, float]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def evaluate(
    photos: Sequence[Path],
    drivers: Sequence[Path],
    engine: Engine,
    *,
    size: int = 512,
    raw: bool = False,
    progress: Callable[[], None] | None = None,
) -> Report:
    """Every driver (a video) drives every photo, relative transfer; `raw` leaves the driver unsteadied, for frames that do not
    follow one another in time. `progress` is called after each pair. Raises `NoFaceError`, `VideoError`."""
    reader, missing = Reader(), list[str]()
    faces = list(_faces(photos, size, reader, missing))
    if not faces:
        raise NoFaceError("None of the photos shows a face that could be driven.")
    asked, read, heads = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for path in drivers:
        driver = read_driver(path, raw=raw)
        for photo, face in faces:
            wanted, seen, head = _drive(driver, photo, face, engine, reader)
            asked.append(wanted)
            read.append(seen)
            heads.append(head)
            if progress is not None:
                progress()
    figures = tracking(np.concatenate(asked), np.concatenate(read))
    mean = float(np.mean([row["r"] for row in figures.values()]))
    head_figures = _head_figures(np.concatenate(heads, axis=1))
    return Report(len(faces), len(drivers), sum(map(len, asked)), figures, mean, head_figures, missing)


def _head_figures(changes: np.ndarray) -> dict[str, dict[str, float]]:
    """(2, F, 5), asked and read, of `HEAD_NAMES`, NaN where there is nothing to be seen; what hardly moves is left out."""
    seen = {
        name: both[:, np.isfinite(both).all(axis=0)] for name, both in zip(HEAD_NAMES, np.moveaxis(changes, 2, 0), strict=True)
    }
    return {
        name: {"r": pearson(read, asked), "mae": mean_absolute_error(read, asked)}
        for name, (asked, read) in seen.items()
        if asked.size and np.ptp(asked) >= 1.0
    }


def _faces(photos: Sequence[Path], size: int, reader: Reader, missing: list[str]) -> list[tuple[np.ndarray, FaceReading]]:
    """Photos, the longer side at most `size` pixels, with their largest face; sentences about the others go to `missing`."""
    faces = []
    for path in photos:
        photo = read_photo(path).rgb
        try:
            face = largest_face(photo, reader=reader)
        except NoFaceError as error:
            missing.append(f"{path}: {error}")
            continue
        small, (face,) = resized(photo, [face], fitted_size(photo.shape, size))
        faces.append((small, face))
    return faces


def _drive(
    driver: Driver, photo: np.ndarray, face: FaceReading, engine: Engine, reader: Reader
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(F, 34) Action Units asked of the photo and read of its frames, where the driver is seen, and (2, F, 5) the changes of
    pose and gaze asked and read, NaN for the gaze of eyes that are to be shut."""
    prepared, own = prepare(photo, [face], engine), own_controls(face)
    track = driver.track(own)
    wanted = [track.sample(float(t)) for t in driver.times[driver.seen]]
    frames = (render_frame(prepared, [values]) for values in wanted)
    readings = [own_controls(reader.read_aligned(frame, [face.landmarks_photo])[0]) for frame in frames]
    units = [np.array([[values[name] for name in SIDED_AU_NAMES] for values in table]) for table in (wanted, readings)]
    heads = [[[values[name] - own[name] for name in HEAD_NAMES] for values in table] for table in (wanted, readings)]
    moved = np.array(heads)
    shut = np.array([min(values[name] for name in LIDS) > LIDS_SHUT for values in wanted], bool)
    for name in GAZE:
        moved[:, shut, HEAD_NAMES.index(name)] = np.nan
    return units[0], units[1], moved
