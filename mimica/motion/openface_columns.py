"""The table of OpenFace 2 (`FeatureExtraction`): names of its columns, and a face as a row of it.

Units are crossed here:

    pose_Rx, pose_Ry, pose_Rz   radians; pitch, yaw and roll. OpenFace's Ry grows as the head turns to the left side of the
                                picture, Mimica's yaw to the right; the other signs agree
    gaze_0_x ... gaze_1_z       unit vectors in the camera's axes (x right, y down, z away from the camera) of the eye at the
                                left of the picture, then of the other
    gaze_angle_x, gaze_angle_y  radians, the mean of both eyes; 0 looks into the camera, x + to the right of the picture, y +
                                down, as Mimica's gaze, which is in the head, though: the pose of the head lies between
    x_0 ... y_67                pixels; OpenFace counts from the centre of the first pixel, Mimica from its corner
    AU01_r ... AU45_r           0 to 5, the mean of both sides of the face
    AU01_c ... AU45_c           1 where the intensity is at least `PRESENT`, else 0

Left out is what Mimica does not measure: 3D landmarks, the head's place in millimetres (pose_T*) and AU28_c. Header
cells are written without the blank that OpenFace puts before them: readers strip it, and those that do not know of OpenFace
need none. Source: github.com/TadasBaltrusaitis/OpenFace/wiki/Output-Format.
"""

from __future__ import annotations

import math

import numpy as np

from mimica.face.gaze import in_camera, to_directions
from mimica.facs import AU_NAMES, to_openface
from mimica.reader.read import FaceReading

POSE_COLUMNS: dict[str, tuple[str, float]] = {
    "pitch": ("pose_Rx", 180.0 / math.pi),
    "yaw": ("pose_Ry", -180.0 / math.pi),
    "roll": ("pose_Rz", 180.0 / math.pi),
}
"""Mimica's name -> (column, degrees of Mimica in one radian of the column)."""
GAZE_COLUMNS: dict[str, tuple[str, float]] = {
    "gaze_x": ("gaze_angle_x", 180.0 / math.pi),
    "gaze_y": ("gaze_angle_y", 180.0 / math.pi),
}
"""Likewise, of gaze in the camera's axes."""
GAZE_VECTORS: tuple[str, ...] = tuple(f"gaze_{eye}_{axis}" for eye in "01" for axis in "xyz")
PRESENT = 1.0
"""The least AUxx_r at which AUxx_c is 1: FACS's intensity A, a trace."""
LANDMARKS = 68


def columns(landmarks: bool = False) -> list[str]:
    """The names of the columns, in OpenFace's order."""
    return [
        *("frame", "face_id", "timestamp", "confidence", "success"),
        *GAZE_VECTORS,
        *(column for column, _ in GAZE_COLUMNS.values()),
        *(column for column, _ in POSE_COLUMNS.values()),
        *(f"{axis}_{i}" for axis in "xy" for i in range(LANDMARKS if landmarks else 0)),
        *(f"{name}_r" for name in AU_NAMES),
        *(f"{name}_c" for name in AU_NAMES),
    ]


def face_row(reading: FaceReading, frame: int, face_id: int, time: float, landmarks: bool = False) -> list[str]:
    """One face. `frame` counts from 1, `face_id` from 0; `time` in seconds."""
    pose = {"pitch": reading.pitch, "yaw": reading.yaw, "roll": reading.roll}
    gazes = in_camera(np.array(reading.gazes), (reading.yaw, reading.pitch, reading.roll))
    vectors, angles = to_directions(gazes) * [1, 1, -1], np.deg2rad(gazes.mean(axis=0))
    points = reading.landmarks_photo.T.ravel() - 0.5 if landmarks else ()
    units = reading.mean_action_units
    intensities = [round(to_openface(units[name]), 2) for name in AU_NAMES]
    return [
        *(str(frame), str(face_id), f"{time:.3f}", f"{reading.confidence:.2f}", "1"),
        *(_fixed(float(value), 6) for value in vectors.ravel()),
        *(_fixed(float(value), 3) for value in angles),
        *(_fixed(pose[name] / factor, 3) for name, (_, factor) in POSE_COLUMNS.items()),
        *(_fixed(float(value), 1) for value in points),
        *(f"{value:.2f}" for value in intensities),
        *(str(int(value >= PRESENT)) for value in intensities),
    ]


def empty_row(frame: int, time: float, landmarks: bool = False) -> list[str]:
    """A frame without a face: `success`, `confidence` and all measures 0."""
    rest = len(columns(landmarks)) - 5
    return [str(frame), "0", f"{time:.3f}", "0.00", "0", *["0"] * rest]


def _fixed(value: float, digits: int) -> str:
    """With so many decimals, and never `-0.0`."""
    return f"{round(value, digits) + 0.0:.{digits}f}"
