"""The tables that `mimica annotate` can write: OpenFace's columns, py-feat's, ARKit's blendshapes. A layout is the names of the
columns and a face as a row of them.

py-feat (`Fex`): the box as FaceRectX, FaceRectY, FaceRectWidth, FaceRectHeight (pixels), FaceScore, landmarks x_0 ... y_67
(pixels; with --landmarks), Pitch, Roll, Yaw (degrees, Mimica's signs), AU01 ... AU43 in [0, 1], seven emotions, then frame (from
0), face_id, approx_time (MM:SS) and, for those who need it finer, timestamp (seconds). AU43 is what Mimica measures as AU45,
closed eyes; AU11, AU24 and AU28 are not measured and left empty; contempt, which py-feat does not know, is shared out among its
seven. Source: github.com/cosanlab/py-feat, `feat/utils/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mimica.errors import ValueRangeError, nearest
from mimica.facs import EMOTIONS
from mimica.motion import arkit, openface_columns
from mimica.reader.read import FaceReading

LANDMARKS = openface_columns.LANDMARKS


@dataclass(frozen=True)
class Layout:
    """columns    (with landmarks?) -> names
    face_row   (reading, frame from 1, face number from 0, seconds, with landmarks?) -> cells
    empty_row  (frame, seconds, with landmarks?) -> cells of a frame without a face"""

    columns: Callable[[bool], list[str]]
    face_row: Callable[[FaceReading, int, int, float, bool], list[str]]
    empty_row: Callable[[int, float, bool], list[str]]


# --- ARKit ----------------------------------------------------------------------------------------------------------

_HEAD = ("frame", "face_id", "timestamp", "confidence", "success")


def _arkit_columns(landmarks: bool = False) -> list[str]:
    return [*_HEAD, *_point_names(landmarks), *arkit.NAMES]


def _arkit_row(reading: FaceReading, frame: int, face_id: int, time: float, landmarks: bool = False) -> list[str]:
    weights = arkit.blendshapes(reading.action_units)
    head = [str(frame), str(face_id), f"{time:.3f}", f"{reading.confidence:.2f}", "1"]
    return [*head, *_points(reading, landmarks), *(f"{weights[name]:.3f}" for name in arkit.NAMES)]


def _arkit_empty(frame: int, time: float, landmarks: bool = False) -> list[str]:
    return [str(frame), "0", f"{time:.3f}", "0.00", "0", *["0"] * (len(_arkit_columns(landmarks)) - len(_HEAD))]


# --- py-feat --------------------------------------------------------------------------------------------------------

_BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
_POSE = ("Pitch", "Roll", "Yaw")
PYFEAT_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43)
PYFEAT_EMOTIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def _pyfeat_columns(landmarks: bool = False) -> list[str]:
    units = [f"AU{number:02d}" for number in PYFEAT_UNITS]
    return [*_BOX, *_point_names(landmarks), *_POSE, *units, *PYFEAT_EMOTIONS, "frame", "face_id", "approx_time", "timestamp"]


def _pyfeat_row(reading: FaceReading, frame: int, face_id: int, time: float, landmarks: bool = False) -> list[str]:
    left, top, right, bottom = reading.box_photo
    box = (left, top, right - left, bottom - top)
    units = {**reading.mean_action_units, "AU43": reading.mean_action_units["AU45"]}
    names = [f"AU{number:02d}" for number in PYFEAT_UNITS]
    shares = {name: float(reading.emotions[name]) for name in EMOTIONS if name in PYFEAT_EMOTIONS}
    total = sum(shares.values()) or 1.0
    return [
        *(f"{value:.1f}" for value in box),
        f"{reading.confidence:.2f}",
        *_points(reading, landmarks),
        *(f"{value:.2f}" for value in (reading.pitch, reading.roll, reading.yaw)),
        *(f"{units[name]:.3f}" if name in units else "" for name in names),
        *(f"{shares[name] / total:.3f}" for name in PYFEAT_EMOTIONS),
        *(str(frame - 1), str(face_id), _clock(time), f"{time:.3f}"),
    ]


def _pyfeat_empty(frame: int, time: float, landmarks: bool = False) -> list[str]:
    """As py-feat has it: nothing in the cells but the frame."""
    return [*[""] * (len(_pyfeat_columns(landmarks)) - 4), str(frame - 1), "", _clock(time), f"{time:.3f}"]


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60):02d}:{int(seconds % 60):02d}"


def _point_names(landmarks: bool) -> list[str]:
    return [f"{axis}_{i}" for axis in "xy" for i in range(LANDMARKS if landmarks else 0)]


def _points(reading: FaceReading, landmarks: bool) -> list[str]:
    return [f"{value:.1f}" for value in reading.landmarks_photo.T.ravel() - 0.5] if landmarks else []


LAYOUTS: dict[str, Layout] = {
    "openface": Layout(openface_columns.columns, openface_columns.face_row, openface_columns.empty_row),
    "pyfeat": Layout(_pyfeat_columns, _pyfeat_row, _pyfeat_empty),
    "arkit": Layout(_arkit_columns, _arkit_row, _arkit_empty),
}


def layout(name: str) -> Layout:
    """Raises `ValueRangeError` for a name that is none."""
    if name not in LAYOUTS:
        raise ValueRangeError(f"There are no columns '{name}'{nearest(name, LAYOUTS) or ';'} they are {', '.join(LAYOUTS)}.")
    return LAYOUTS[name]
