"""The first renderer: the rig, fitted to the photo. Labels are exact: units, landmarks, mesh, masks and flow are the geometry
that made the picture. Head and eyes stay as the photo has them."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from mimica.errors import NoFaceError
from mimica.reader.face_choice import check_eyes
from mimica.reader.read import FaceReading
from mimica.synthesize import units
from mimica.synthesize.creases import Creases
from mimica.synthesize.fit import canvas_for, check_usable, fit
from mimica.synthesize.frame import Frame, original, render
from mimica.synthesize.layers import Layers
from mimica.synthesize.mixtures import Wanted
from mimica.synthesize.rig import load_rig
from mimica.synthesize.sample import EXACT, READ, Sample
from mimica.synthesize.settings import Settings
from mimica.synthesize.topology import topology

NAME = "rig"


class RigSubject:
    """One face. Raises `NoFaceError` for a photo that the rig cannot start from."""

    def __init__(self, rgb: np.ndarray, reading: FaceReading, settings: Settings, rng: np.random.Generator) -> None:
        check_usable(reading)
        if check_eyes(reading, rgb):
            raise NoFaceError("The eyes seem to be behind dark glasses: the rig needs to see them.")
        self._settings, self._reading = settings, reading
        rig, canvas = load_rig(), canvas_for(reading, settings.size)
        picture = _canvas_picture(rgb, canvas.from_photo, canvas.size)
        fitted = fit(rig, reading, canvas, picture, units.weights(reading.action_units))
        self._layers = Layers(rig, topology(), fitted, picture, Creases(rng))

    def source(self) -> Sample:
        """The photo's own crop, with what the reader sees in it."""
        return self._sample(original(self._layers, self._reading.action_units, self._settings.size), "source", READ)

    def frames(self, wanted: Iterator[Wanted]) -> Iterator[Sample]:
        """One sample for each."""
        for one in wanted:
            yield self._sample(render(self._layers, one.units, self._settings.size), one.name, EXACT)

    def _sample(self, frame: Frame, name: str, labels: str) -> Sample:
        settings = self._settings
        arrays = {"mesh.npy": frame.mesh} if settings.mesh else {}
        if settings.flow:
            arrays["flow.npy"] = frame.flow
        yaw, pitch, roll = self._layers.fit.pose
        head = {"yaw": yaw, "pitch": pitch, "roll": roll, "gaze_x": self._reading.gaze_x, "gaze_y": self._reading.gaze_y}
        classes = frame.classes if settings.masks else None
        return Sample(frame.image, name, NAME, labels, frame.units, head, frame.landmarks, frame.lip_gap, arrays, classes)


def _canvas_picture(rgb: np.ndarray, canvas_from_photo: np.ndarray, size: int) -> np.ndarray:
    """The canvas, uint8 (size, size, 3): smoothed before it is shrunk, mirrored beyond the photo's border."""
    scale = float(np.sqrt(abs(np.linalg.det(canvas_from_photo[:, :2]))))
    if scale < 0.8:
        height, width = rgb.shape[:2]
        small = max(2, round(width * scale / 0.9)), max(2, round(height * scale / 0.9))
        rgb = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA)
        factor = np.array([width / small[0], height / small[1]])
        canvas_from_photo = np.column_stack([canvas_from_photo[:, :2] * factor, canvas_from_photo[:, 2]])
    border = cv2.BORDER_REFLECT_101
    return np.asarray(cv2.warpAffine(rgb, canvas_from_photo, (size, size), flags=cv2.INTER_CUBIC, borderMode=border))
