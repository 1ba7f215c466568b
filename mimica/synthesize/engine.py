"""The second renderer: the fast engine of `ganimation`, which takes any photo and moves head and eyes too. Units, pose and gaze
are those that were asked for; landmarks are read of the picture made."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from mimica.animation import fitted_size, own_controls, prepare, render_patch, resized
from mimica.engines.base import Engine, load_engine
from mimica.face.align import TIGHT_EYE_DISTANCE, crop_from_photo, cut, transform
from mimica.facs import SIDED_AU_NAMES
from mimica.reader.read import FaceReading, Reader
from mimica.synthesize.mixtures import Wanted
from mimica.synthesize.sample import ASKED, HEAD, READ, Sample
from mimica.synthesize.settings import Settings

NAME = "engine"
_LARGER = 1.25
"""The photo is brought to so many times the frames' resolution."""


@lru_cache(1)
def _engine() -> Engine:
    return load_engine("ganimation")


@lru_cache(1)
def _reader() -> Reader:
    return Reader(threads=1, mirror=False)


class EngineSubject:
    """One face."""

    def __init__(self, rgb: np.ndarray, reading: FaceReading, settings: Settings) -> None:
        scale = min(1.0, _LARGER * TIGHT_EYE_DISTANCE * settings.size / reading.eye_distance)
        small, (near,) = resized(rgb, [reading], fitted_size(rgb.shape, round(scale * max(rgb.shape[:2]))))
        self._settings, self._reading = settings, near
        self._prepared = prepare(small, [near], _engine())

    def source(self) -> Sample:
        """The photo's own crop, with what the reader sees in it."""
        shown = own_controls(self._reading)
        return self._sample(self._prepared.photo, self._reading.landmarks_photo, "source", READ, shown)

    def frames(self, wanted: Iterator[Wanted]) -> Iterator[Sample]:
        """One sample for each."""
        own = own_controls(self._reading)
        for one in wanted:
            values = own | dict.fromkeys(SIDED_AU_NAMES, 0.0) | dict(one.units)
            values |= {name: own[name] + change for name, change in one.head.items()}
            picture = render_patch(self._prepared, [values]).over(self._prepared.photo)
            (seen,) = _reader().read_aligned(picture, [self._reading.landmarks_photo])
            yield self._sample(picture, seen.landmarks_photo, one.name, ASKED, values)

    def _sample(self, picture: np.ndarray, landmarks: np.ndarray, name: str, labels: str, values: dict[str, float]) -> Sample:
        size = self._settings.size
        matrix = crop_from_photo(landmarks, size)
        points = transform(landmarks, matrix).astype(np.float32)
        tilt = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))  # the crop is level, the photo's face need not be
        head = {key: values[key] for key in HEAD} | {"roll": values["roll"] + tilt}
        units = {key: values[key] for key in SIDED_AU_NAMES}
        return Sample(cut(picture, matrix, size), name, NAME, labels, units, head, points)
