"""A face before a camera moves a photo while it is watched: frame in, frame out.

The camera's face is followed (`mimica.reader.follow`), its change from rest goes over to the photo as in a driving video
(`mimica.motion.driving`). Rest is the median of the calmest frames of the first second, or of the second after `calibrate`.
A frame without a face holds the expression.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from mimica.animation import Prepared, engine_values, fitted_size, own_controls, render_frame
from mimica.engines.controls import in_parts
from mimica.motion.driving import Driver, assemble, values_of
from mimica.reader.follow import Finder, Follower

CALIBRATION_SECONDS = 1.0
FEWEST_FRAMES = 5
"""Frames with a face that rest is taken from, at least."""
WATCHED_SIDE = 480
"""Longer side, pixels, at which the camera's picture is read."""


@dataclass(frozen=True)
class Step:
    """One frame.

    image       uint8 (H, W, 3), the photo as it moves
    values      what it shows, by control; empty as long as nothing has moved it
    seen        a face was seen in the camera's picture
    calibrated  rest is known; until then the photo stands still
    read_ms, render_ms  milliseconds
    """

    image: np.ndarray
    values: Mapping[str, float]
    seen: bool
    calibrated: bool
    read_ms: float
    render_ms: float


class Puppet:
    """A photo with one encoded face, and who moves it.

    gain    how strongly changes are shown, above 0, up to 3
    parts   of `mimica.engines.controls.GROUPS`: what is moved; the rest stays as in the photo
    """

    def __init__(self, prepared: Prepared, finder: Finder, *, gain: float = 1.0, parts: Iterable[str] | None = None) -> None:
        self.prepared, self.gain = prepared, gain
        self._moving = None if parts is None else in_parts(parts)
        self._own = own_controls(prepared.faces[0].reading)
        self._finder = finder
        self._driver: Driver | None = None
        self._values: dict[str, float] = {}
        self.calibrate()

    def calibrate(self) -> None:
        """Takes rest anew, from the frames that come now; the face is to be at rest."""
        self._follower = Follower(self._finder)
        self._times: list[float] = []
        self._found: dict[int, np.ndarray] = {}
        self._rest: np.ndarray | None = None

    @property
    def calibrated(self) -> bool:
        return self._rest is not None

    def step(self, rgb: np.ndarray, time: float) -> Step:
        """The photo for the camera's frame, uint8 (H, W, 3), at `time` seconds, rising."""
        start = clock.perf_counter()
        seen = self._read(rgb, time)
        middle = clock.perf_counter()
        image = render_frame(self.prepared, [self._values]) if self._values else self.prepared.photo
        end = clock.perf_counter()
        return Step(image, self._values, seen, self.calibrated, 1e3 * (middle - start), 1e3 * (end - middle))

    def _read(self, rgb: np.ndarray, time: float) -> bool:
        """Follows the largest face and works out what the photo is to show."""
        width, height = fitted_size(rgb.shape, WATCHED_SIDE)
        small = rgb if (width, height) == rgb.shape[1::-1] else cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        faces = [reading for _, reading in self._follower.read(small, time)]
        if not faces:
            return False
        one = max(faces, key=lambda reading: reading.eye_distance)
        found = values_of(one)
        if self._rest is None:
            self._gather(found, time)
        if self._rest is not None:
            self._values = self._transferred(found, time)
        return True

    def _gather(self, found: np.ndarray, time: float) -> None:
        self._times.append(time)
        self._found[len(self._found)] = found
        if time - self._times[0] >= CALIBRATION_SECONDS and len(self._found) >= FEWEST_FRAMES:
            self._rest = assemble(self._times, self._found, 25.0).neutral

    def _transferred(self, found: np.ndarray, time: float) -> dict[str, float]:
        assert self._rest is not None
        now = Driver(np.array([time]), found[None], np.array([True]), self._rest, 25.0)
        shown = now.track(self._own, gain=self.gain).sample(time)
        kept = shown if self._moving is None else {name: value for name, value in shown.items() if name in self._moving}
        return engine_values(kept, self.prepared.engine)
