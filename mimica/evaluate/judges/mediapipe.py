"""MediaPipe's face landmarker as a judge: blendshapes -> Action Units by the names of `mimica.facs`.

Package mediapipe (extra `mimica[mediapipe]`), file face_landmarker.task. The blendshapes are scores of Apple's ARKit shapes,
left and right averaged. `COUNTED` are the units to which it plainly answers on exactly labelled frames; it hardly answers to
AU 5, 6, 7, 9, 10, 14, 15, 17 and 20 even where they are plain to see, and does not know AU 9 at all: those are reported, and
go into no mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.errors import MissingExtraError, WeightsError
from mimica.evaluate.judges.base import Judgement
from mimica.facs import ACTION_UNITS

COUNTED = ("AU01", "AU02", "AU04", "AU12", "AU23", "AU25", "AU26", "AU45")
_LIPS, _EYES = (13, 14), (33, 263)
"""Points of the mesh: the lips' inner edges in the middle, the outer eye corners."""
_MARGIN = 0.25
"""The landmarker finds faces that fill their picture badly: such pictures are mirrored outwards by so much of their side."""
_FULL = 0.35
"""Share of the picture's width that the landmarks span from which on it counts as filled."""


class MediaPipeJudge:
    """The landmarker; the face nearest to where the photo's was is read."""

    name, ours = "mediapipe", False
    counted: tuple[str, ...] = COUNTED
    note = (
        "MediaPipe's face landmarker (Google), blendshapes taken for Action Units; it guided no edit. It sees "
        f"{', '.join(COUNTED)}; the others, to which it hardly answers, are listed and not counted."
    )

    def __init__(self, file: Path | None) -> None:
        assert file is not None  # open_judges
        try:
            import mediapipe
        except ImportError as error:
            raise MissingExtraError("The judge 'mediapipe' needs a package: pip install 'mimica[mediapipe]'.") from error
        if not file.is_file():
            raise WeightsError(f"There is no file '{file}': give MediaPipe's face_landmarker.task.")
        self._mediapipe: Any = mediapipe
        vision = mediapipe.tasks.vision
        try:
            options = vision.FaceLandmarkerOptions(
                base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=file.read_bytes()),
                output_face_blendshapes=True, output_facial_transformation_matrixes=True, num_faces=8,
            )  # fmt: skip
            self._landmarker: Any = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise WeightsError(f"'{file}' is no face landmarker of MediaPipe: give its face_landmarker.task.") from error

    def close(self) -> None:
        """The landmarker's threads must end before the interpreter's do."""
        self._landmarker.close()

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        height, width = picture.shape[:2]
        filled = np.ptp(landmarks[:, 0]) > _FULL * width
        margin = round(_MARGIN * max(height, width)) if filled else 0
        shown = cv2.copyMakeBorder(picture, margin, margin, margin, margin, cv2.BORDER_REFLECT_101) if margin else picture
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(shown))
        found = self._landmarker.detect(image)
        if not found.face_landmarks:
            return None
        size = np.array([shown.shape[1], shown.shape[0]])
        centres = [np.mean([[p.x, p.y] for p in face], axis=0) * size - margin for face in found.face_landmarks]
        nearest = int(np.argmin([np.linalg.norm(centre - landmarks.mean(axis=0)) for centre in centres]))
        shapes = {shape.category_name: float(shape.score) for shape in found.face_blendshapes[nearest]}
        units = units_of(shapes) | {"AU25": lips_apart(found.face_landmarks[nearest], size)}
        return Judgement(units, pose=pose_of(np.asarray(found.facial_transformation_matrixes[nearest])))


def units_of(shapes: dict[str, float]) -> dict[str, float]:
    """Blendshape scores by ARKit's names -> Action Units without sides, the mean of the shapes of each."""
    units = {}
    for unit in ACTION_UNITS:
        names = [name.replace("*", side) for name in unit.blendshapes for side in (("Left", "Right") if "*" in name else ("",))]
        scores = [shapes[name] for name in names if name in shapes]
        if scores:
            units[unit.control] = float(np.mean(scores))
    return units


def lips_apart(face: Sequence[Any], size: np.ndarray) -> float:
    """AU 25 from the mesh, as no blendshape is it: the gap between the lips over the distance of the outer eye corners, 1 at
    0.12. `face` has points with x and y in shares of the picture's `size`."""
    points = {i: np.array([face[i].x, face[i].y]) * size for i in _LIPS + _EYES}
    gap = np.linalg.norm(points[_LIPS[0]] - points[_LIPS[1]]) / np.linalg.norm(points[_EYES[0]] - points[_EYES[1]])
    return min(1.0, float(gap) / 0.12)


def pose_of(matrix: np.ndarray) -> tuple[float, float, float]:
    """(4, 4), the model's frame to the camera's, y up and z towards the camera -> yaw, pitch, roll in degrees."""
    r = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    yaw, pitch = np.arctan2(r[0, 2], r[2, 2]), -np.arcsin(np.clip(r[1, 2], -1, 1))
    roll = -np.arctan2(r[1, 0], r[1, 1])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))
