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
from mimica.images import read_photo
from mimica.motion.driving import Driver, read_driver
from mimica.reader.read import FaceReading, Reader, largest_face


@dataclass
class Report:
    """`tracking`: Action Unit -> Pearson's r and mean absolute error over all frames of all drivers and photos; `mean_r` over
    the units; `missing`: sentences about what was left out."""

    photos: int
    drivers: int
    frames: int
    tracking: dict[str, dict[str, float]]
    mean_r: float
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
    asked, read = list[np.ndarray](), list[np.ndarray]()
    for path in drivers:
        driver = read_driver(path, raw=raw)
        for photo, face in faces:
            wanted, seen = _drive(driver, photo, face, engine, reader)
            asked.append(wanted)
            read.append(seen)
            if progress is not None:
                progress()
    figures = tracking(np.concatenate(asked), np.concatenate(read))
    mean = float(np.mean([row["r"] for row in figures.values()]))
    return Report(len(faces), len(drivers), sum(map(len, asked)), figures, mean, missing)


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


def _drive(driver: Driver, photo: np.ndarray, face: FaceReading, engine: Engine, reader: Reader) -> tuple[np.ndarray, np.ndarray]:
    """(F, 34) Action Units asked of the photo and read of its frames, where the driver is seen."""
    prepared = prepare(photo, [face], engine)
    track = driver.track(own_controls(face))
    wanted = [track.sample(float(t)) for t in driver.times[driver.seen]]
    frames = (render_frame(prepared, [values]) for values in wanted)
    readings = [reader.read_aligned(frame, [face.landmarks_photo])[0].action_units for frame in frames]
    rows = [np.array([[values[name] for name in SIDED_AU_NAMES] for values in table]) for table in (wanted, readings)]
    return rows[0], rows[1]
