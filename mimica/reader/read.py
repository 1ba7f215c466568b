"""Reading faces: photo and boxes in, landmarks, pose, Action Units and emotion out, through ONNX Runtime, without torch.

A face is read twice: in a crop cut by its box, which finds the eyes, then in the `tight` crop those eyes define, which is
what the network knows best; again if the two differ. A tilted face, whose first reading is unsure, gets its first look at
other angles too. What is read of the aligned crop is refined by a second network that looks closely at eyes and mouth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from mimica.errors import NoFaceError, WeightsError
from mimica.face.align import crop_from_photo, eye_centres, invert, transform
from mimica.face.detect import Box, detect
from mimica.face.gaze import in_camera
from mimica.facs import EMOTIONS, SIDED_AU_NAMES, to_dict, without_sides
from mimica.model_files.onnx_session import Session, open_session
from mimica.reader.gaze import read_gazes
from mimica.reader.outputs import DETAIL_SIZE, EYE_DISTANCE, INPUT_SIZE, OUTPUT_SIZE, POINTS, POSE_UNIT, SLICES, mirrored_outputs

WEIGHTS = Path(__file__).parent.parent / "weights" / "reader.onnx"
MIN_CONFIDENCE = 0.5
"""Below this a detector's find is taken for a false alarm."""

# Where dlib's box puts the eyes, in box widths from its centre, and their distance (medians over 138 photos).
_EYES_IN_BOX = (0.0, -0.224)
_EYE_DISTANCE_IN_BOX = 0.357
_TURNS = (-40.0, 40.0)
_SURE = 0.9
# Mean distance between the landmarks of two looks, in eye distances: faces are at 0.05 or less when seen twice.
_AGREED, _WANDERING = 0.06, 0.12
_MORE_LOOKS = 2


@dataclass(frozen=True)
class FaceReading:
    """One face of a photo.

    box_photo        (x0, y0, x1, y1) in pixels of the photo: the landmarks' own extent
    landmarks_photo  float32 (68, 2), iBUG order, pixels of the photo (pixel i spans i..i+1)
    irises_photo     float32 (2, 2), iris centres, the one at the left of the picture first
    confidence       [0, 1], that this is a face
    yaw, pitch, roll degrees; yaw + turned to the right side of the picture, pitch + down, roll + clockwise in the picture
    action_units     34 sided controls (`AU12L` ...) in [0, 1]
    emotions         8 probabilities by the names of `mimica.facs.EMOTIONS`, sum 1
    gazes            ((x, y), (x, y)) of each eye, the one at the left of the picture first: degrees in the head, 0 is straight
                     ahead, x + to the right of the picture, y + down
    """

    box_photo: tuple[float, float, float, float]
    landmarks_photo: np.ndarray
    irises_photo: np.ndarray
    confidence: float
    yaw: float
    pitch: float
    roll: float
    action_units: Mapping[str, float]
    emotions: Mapping[str, float]
    gazes: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))

    @property
    def gaze_x(self) -> float:
        """Of both eyes, degrees in the head, + to the right of the picture."""
        return (self.gazes[0][0] + self.gazes[1][0]) / 2

    @property
    def gaze_y(self) -> float:
        """Of both eyes, degrees in the head, + down."""
        return (self.gazes[0][1] + self.gazes[1][1]) / 2

    @property
    def gaze_from_camera(self) -> tuple[float, float]:
        """Of both eyes, degrees, as seen from the camera: (0, 0) looks into it."""
        x, y = in_camera(np.array(self.gazes), (self.yaw, self.pitch, self.roll)).mean(axis=0).tolist()
        return x, y

    @property
    def pose_and_gaze(self) -> dict[str, float]:
        """Degrees, by the names of tracks: `yaw`, `pitch`, `roll`, `gaze_x`, `gaze_y`."""
        return {"yaw": self.yaw, "pitch": self.pitch, "roll": self.roll, "gaze_x": self.gaze_x, "gaze_y": self.gaze_y}

    @property
    def mean_action_units(self) -> dict[str, float]:
        """The 17 units without sides, `AU01` ... `AU45`."""
        return without_sides(self.action_units)

    @property
    def eye_distance(self) -> float:
        """Distance of the eye centres in pixels of the photo."""
        left, right = eye_centres(self.landmarks_photo)
        return float(np.hypot(*(right - left)))


class Reader:
    """The networks with their weights; one object serves any number of photos. `weights` is a reader.onnx; a refiner is used if
    `refine` is set and one lies beside it (`refiner_of`). With `mirror` aligned crops are also read in a mirror and both
    readings averaged, which takes twice as long and errs a little less. Raises `WeightsError` for unusable weights."""

    def __init__(self, weights: str | Path | None = None, threads: int = 2, mirror: bool = True, refine: bool = True) -> None:
        self._mirror = mirror
        path = Path(weights) if weights else WEIGHTS
        self._session, self.controls = _session(path, "reader", threads)
        refiner = refiner_of(path)
        self._refiner = _session(refiner, "reader-refiner", threads)[0] if refine and refiner.is_file() else None

    def raw(self, gray: np.ndarray) -> np.ndarray:
        """uint8 (B, INPUT_SIZE, INPUT_SIZE) crops -> float32 (B, OUTPUT_SIZE), as `mimica.reader.outputs` says."""
        return self._session.run({"gray": gray}, (len(gray), OUTPUT_SIZE))[0]

    def raw_aligned(self, gray: np.ndarray) -> np.ndarray:
        """uint8 (B, DETAIL_SIZE, DETAIL_SIZE) aligned crops -> float32 (B, OUTPUT_SIZE), refined where there is a refiner."""
        rows = self.raw(np.stack([shrunk(crop) for crop in gray]))
        if self._refiner is not None:
            rows = self._refiner.run({"gray": gray, "first": rows}, rows.shape)[0]
        return rows

    def read(self, photo: np.ndarray, boxes: Sequence[Box]) -> list[FaceReading]:
        """One reading a box, in their order, whatever the confidence. `photo` is uint8 (H, W, 3) or gray (H, W)."""
        if not boxes:
            return []
        gray = _gray(photo)
        return self._settle(gray, self._first_look(gray, [_crop_of_box(box) for box in boxes]))

    def read_aligned(self, photo: np.ndarray, landmarks: Sequence[np.ndarray]) -> list[FaceReading]:
        """Readings where (68, 2) landmarks are known already, roughly: one pass. For the next frame of a video."""
        return self._look_again(_gray(photo), list(landmarks)) if landmarks else []

    def _first_look(self, gray: np.ndarray, matrices: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Landmarks in the photo for each crop; unsure ones are tried turned, and the surest is taken."""
        out = self._run(gray, matrices)
        found = []
        for matrix, row in zip(matrices, out, strict=True):
            if _confidence(row) < _SURE:
                turned = [_turn(matrix, angle) for angle in _TURNS]
                tries = [(matrix, row), *zip(turned, self._run(gray, turned), strict=True)]
                matrix, row = max(tries, key=lambda t: _confidence(t[1]))
            found.append(_points(row, matrix)[:68])
        return found

    def _settle(self, gray: np.ndarray, landmarks: Sequence[np.ndarray]) -> list[FaceReading]:
        """Looks again where two looks differ: on a face they soon agree, on what is none they wander, which lowers the
        confidence."""
        readings = self._look_again(gray, landmarks)
        apart = [_apart(old, new) for old, new in zip(landmarks, readings, strict=True)]
        for _ in range(_MORE_LOOKS):
            unsettled = [i for i, distance in enumerate(apart) if distance > _AGREED]
            if not unsettled:
                break
            before = [readings[i].landmarks_photo for i in unsettled]
            for i, old, new in zip(unsettled, before, self._look_again(gray, before), strict=True):
                readings[i], apart[i] = new, _apart(old, new)
        return [
            replace(reading, confidence=reading.confidence * float(np.exp(-((distance / _WANDERING) ** 2))))
            for reading, distance in zip(readings, apart, strict=True)
        ]

    def _look_again(self, gray: np.ndarray, landmarks: Sequence[np.ndarray]) -> list[FaceReading]:
        matrices = [_tight(points) for points in landmarks]
        crops = np.stack([_cut_gray(gray, matrix * (DETAIL_SIZE / INPUT_SIZE), DETAIL_SIZE) for matrix in matrices])
        rows = self.raw_aligned(crops)
        if self._mirror:
            rows = (rows + mirrored_outputs(self.raw_aligned(np.ascontiguousarray(crops[:, :, ::-1])))) / 2
        return [_with_gaze(gray, _reading(row, matrix)) for row, matrix in zip(rows, matrices, strict=True)]

    def _run(self, gray: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
        return self.raw(np.stack([_cut_gray(gray, matrix) for matrix in matrices]))


def refiner_of(weights: Path) -> Path:
    """The refiner's file beside a reader's: `reader.onnx` -> `reader_refiner.onnx`."""
    return weights.with_name(weights.stem + "_refiner.onnx")


def shrunk(gray: np.ndarray) -> np.ndarray:
    """A crop for the refiner, uint8 (DETAIL_SIZE, DETAIL_SIZE), as the first network gets it, (INPUT_SIZE, INPUT_SIZE)."""
    return np.asarray(cv2.resize(gray, (INPUT_SIZE, INPUT_SIZE), interpolation=cv2.INTER_AREA))


def _session(path: Path, kind: str, threads: int) -> tuple[Session, tuple[str, ...]]:
    """A network and the names of its controls. Raises `WeightsError`."""
    if not path.is_file():
        raise WeightsError(f"There are no reader weights at '{path}': train them with `mimica train reader`.")
    session = _opened(path, path.stat().st_mtime_ns, threads)
    about = session.about()
    if about.get("kind") != kind:
        raise WeightsError(f"'{path}' holds '{about.get('kind')}', or another version of the reader: this one does not fit.")
    controls = about.get("controls")
    if not isinstance(controls, list) or tuple(controls) != SIDED_AU_NAMES:
        raise WeightsError(f"'{path}' reads other controls than the {len(SIDED_AU_NAMES)} of this version.")
    return session, SIDED_AU_NAMES


@lru_cache(4)
def _opened(path: Path, changed: int, threads: int) -> Session:
    """A file's network, opened once as long as the file has not `changed` (nanoseconds): any number of threads may run it."""
    return open_session(path, threads)


def find_faces(
    photo: np.ndarray,
    *,
    reader: Reader | None = None,
    detector: Callable[[np.ndarray], list[Box]] = detect,
    min_confidence: float = MIN_CONFIDENCE,
) -> list[FaceReading]:
    """The faces of a photo, uint8 (H, W, 3), in reading order: found by the `detector`, read, and kept where the reader agrees
    that they are faces. Raises `NoFaceError` if there is none."""
    boxes = detector(photo)
    readings = (reader or Reader()).read(photo, boxes)
    faces = [reading for reading in _distinct(readings) if reading.confidence >= min_confidence]
    if not faces:
        raise NoFaceError(_no_face_sentence(len(boxes)))
    return faces


def largest_face(photo: np.ndarray, *, reader: Reader | None = None) -> FaceReading:
    """Of the faces of a photo, uint8 (H, W, 3), the one whose eyes are furthest apart. Raises `NoFaceError`."""
    return max(find_faces(photo, reader=reader), key=lambda face: face.eye_distance)


def _no_face_sentence(boxes: int) -> str:
    why = "no face was found" if not boxes else "what looked like a face turned out not to be one"
    return f"In this photo {why}: use one where a face is seen from the front, at least 40 pixels wide, eyes and mouth free."


def _distinct(readings: Sequence[FaceReading]) -> list[FaceReading]:
    """Two boxes of one face lead to the same landmarks: the surer reading stays, in its place."""
    kept: list[FaceReading] = []
    for reading in sorted(readings, key=lambda r: -r.confidence):
        centre, reach = reading.landmarks_photo.mean(0), reading.eye_distance
        if all(np.hypot(*(centre - other.landmarks_photo.mean(0))) > 0.7 * max(reach, other.eye_distance) for other in kept):
            kept.append(reading)
    return [reading for reading in readings if any(reading is k for k in kept)]


def _gray(photo: np.ndarray) -> np.ndarray:
    return photo if photo.ndim == 2 else cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)


def _crop_of_box(box: Box) -> np.ndarray:
    """The matrix photo -> input crop that puts the eyes where the tight crop has them, going by the box."""
    eyes = np.array(box.centre) + np.array(_EYES_IN_BOX) * box.width
    scale = EYE_DISTANCE * INPUT_SIZE / (_EYE_DISTANCE_IN_BOX * box.width)
    target = np.array([0.5, 0.42]) * INPUT_SIZE
    return np.column_stack([scale * np.eye(2), target - scale * eyes])


def _turn(matrix: np.ndarray, degrees: float) -> np.ndarray:
    """The crop turned by `degrees` (clockwise) about its middle."""
    angle, middle = np.deg2rad(degrees), np.full(2, INPUT_SIZE / 2)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([rotation @ matrix[:, :2], rotation @ (matrix[:, 2] - middle) + middle])


def _tight(landmarks: np.ndarray) -> np.ndarray:
    try:
        return crop_from_photo(landmarks, INPUT_SIZE, "tight")
    except NoFaceError:  # both eyes at one point: certainly no face; any crop will show that
        return np.array([[1.0, 0, 0], [0, 1.0, 0]])


def _cut_gray(gray: np.ndarray, matrix: np.ndarray, size: int = INPUT_SIZE) -> np.ndarray:
    """The input crop, (size, size): averaged over areas where the photo is larger, mirrored beyond its border."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    corners = transform(np.array([[0, 0], [size, 0], [0, size], [size, size]]), invert(matrix))
    x0, y0 = np.maximum(np.floor(corners.min(0) - 2 / scale), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(0) + 2 / scale), gray.shape[::-1]).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return np.zeros((size, size), np.uint8)
    region, origin, factors = gray[y0:y1, x0:x1], np.array([x0, y0]), np.ones(2)
    if scale < 0.8:
        small = (max(2, round((x1 - x0) * scale * 1.25)), max(2, round((y1 - y0) * scale * 1.25)))
        factors = np.array(small) / [x1 - x0, y1 - y0]
        region = cv2.resize(region, small, interpolation=cv2.INTER_AREA)
    linear = matrix[:, :2] / factors
    offset = transform(origin, matrix) + linear @ [0.5, 0.5] - 0.5  # cv2 counts from pixel centres
    shifted = np.column_stack([linear, offset])
    return cv2.warpAffine(region, shifted, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _apart(landmarks: np.ndarray, reading: FaceReading) -> float:
    """Mean distance of (68, 2) landmarks from a reading's, in its eye distances."""
    distance = np.linalg.norm(landmarks - reading.landmarks_photo, axis=1).mean()
    return float(distance / max(reading.eye_distance, 1e-3))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


def _confidence(row: np.ndarray) -> float:
    return float(_sigmoid(row[SLICES["face"]])[0])


def _points(row: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(POINTS, 2) in pixels of the photo; `matrix` is photo -> input crop."""
    in_crop = row[SLICES["points"]].reshape(POINTS, 2) * EYE_DISTANCE * INPUT_SIZE + INPUT_SIZE / 2
    return transform(in_crop, invert(matrix)).astype(np.float32)


def _with_gaze(gray: np.ndarray, reading: FaceReading) -> FaceReading:
    pose = (reading.yaw, reading.pitch, reading.roll)
    return replace(reading, gazes=read_gazes(gray, reading.landmarks_photo, reading.irises_photo, pose))


def _reading(row: np.ndarray, matrix: np.ndarray) -> FaceReading:
    points = _points(row, matrix)
    yaw, pitch, roll = (float(v) for v in row[SLICES["pose"]] * POSE_UNIT)
    crop_turn = float(np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0])))  # how the crop was turned out of the photo
    logits = row[SLICES["emotions"]]
    chances = np.exp(logits - logits.max())
    low, high = points[:68].min(0), points[:68].max(0)
    return FaceReading(
        box_photo=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        landmarks_photo=points[:68],
        irises_photo=points[68:],
        confidence=_confidence(row),
        yaw=yaw,
        pitch=pitch,
        roll=(roll - crop_turn + 180) % 360 - 180,
        action_units=to_dict(_sigmoid(row[SLICES["aus"]]), SIDED_AU_NAMES),
        emotions=to_dict(chances / chances.sum(), EMOTIONS),
    )
