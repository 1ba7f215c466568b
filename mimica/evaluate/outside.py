"""Head pose and gaze by somebody else's eyes: MediaPipe's face landmarker, for figures that Mimica's reader alone would flatter.

Pose is the rotation of its facial transformation matrix; gaze its irises between its corners of the eyes, by the geometry of
`mimica.face.gaze`. It infers irises from lids as much as it sees them, so it sees less of a gaze than there is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import MissingExtraError, WeightsError
from mimica.face.gaze import directions, in_head, to_angles
from mimica.face.head import angles

_IRISES = (468, 473)
_CORNERS = (33, 133, 362, 263)
"""Places in MediaPipe's mesh, the eye at the left of the picture first."""
_PLACES = (36, 39, 42, 45)
"""The same corners in iBUG's numbers."""


class OutsideReader:
    """`model` is MediaPipe's face_landmarker.task. Raises `MissingExtraError` without the package, `WeightsError` for a file
    that it cannot use."""

    def __init__(self, model: Path) -> None:
        try:
            import mediapipe
        except ImportError as error:
            raise MissingExtraError("An outside reader needs a package: pip install mimica[mediapipe].") from error
        if not model.is_file():
            raise WeightsError(f"There is no file '{model}': give MediaPipe's face_landmarker.task.")
        vision = mediapipe.tasks.vision
        base = mediapipe.tasks.BaseOptions(model_asset_buffer=model.read_bytes())
        try:
            options = vision.FaceLandmarkerOptions(base_options=base, output_facial_transformation_matrixes=True)
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise WeightsError(f"'{model}' is no face landmarker of MediaPipe: give its face_landmarker.task.") from error
        self._image, self._format = mediapipe.Image, mediapipe.ImageFormat.SRGB

    def read(self, photo: np.ndarray) -> dict[str, float] | None:
        """uint8 (H, W, 3) with one face -> yaw, pitch, roll, gaze_x, gaze_y in degrees; None where it finds none."""
        found = self._landmarker.detect(self._image(image_format=self._format, data=np.ascontiguousarray(photo)))
        if not found.face_landmarks:
            return None
        pose = angles(np.array(found.facial_transformation_matrixes[0])[:3, :3])
        points = _points(found.face_landmarks[0], photo.shape)
        landmarks = np.zeros((68, 2))
        landmarks[list(_PLACES)] = points[list(_CORNERS)]
        gaze = in_head(to_angles(directions(points[list(_IRISES)], landmarks, pose)), pose).mean(axis=0)
        return {**dict(zip(("yaw", "pitch", "roll"), pose, strict=True)), "gaze_x": float(gaze[0]), "gaze_y": float(gaze[1])}


def _points(mesh: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """(N, 2), pixels of the photo."""
    return np.array([[point.x * shape[1], point.y * shape[0]] for point in mesh])
