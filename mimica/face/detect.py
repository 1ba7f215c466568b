"""Finding faces in a photo: boxes, in reading order.

dlib's frontal detector (histograms of oriented gradients, D. E. King, "Max-margin object detection", 2015) sees faces of 80
pixels and more, tilted by up to about 30 degrees, and its time grows with the pixels it is shown. So the photo is shown to
it small first, then larger, and turned only if need be; see `detect`. MediaPipe's face landmarker is the other choice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np

from mimica.errors import MissingExtraError, ValueRangeError, WeightsError, nearest

UNPACKED = Path(__file__).parent.parent / "weights" / "face_detector.svm"
WINDOW = 80
"""Side in pixels of the smallest face that dlib's detector sees."""
FIRST_SIDES = (208, 640)
"""Long side, in pixels, to which the photo is brought for the first looks; then it doubles."""
MAX_SCAN = 12_000_000
"""Pixels of the largest look (about 3 s on one core): in larger photos the smallest faces are not looked for."""
SURE = 0.5
"""A score above which hardly anything but a face is found; false alarms are mostly below 0.3."""
TURN, TOLERANCE = 40, 30
"""Degrees between the turned looks, and what one look tolerates either way (measured: 100% found at 30, 77-81% at 45)."""


@dataclass(frozen=True)
class Box:
    """A face from about the brows to the chin, in continuous pixels of the photo; it may reach outside the photo.
    `score` is the detector's own: for dlib 0 is doubtful and 1 sure; MediaPipe gives none, it is 1."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2


def detect(
    rgb: np.ndarray, *, min_face: float = 40, max_tilt: float = 45, threshold: float = 0.0, thorough: bool = False
) -> list[Box]:
    """The faces of a photo, uint8 (H, W, 3) or gray (H, W), in reading order; none is an empty list.

    min_face   pixels of the photo; smaller faces are not looked for. The photo is at most doubled in size, and never shown
               at more than `MAX_SCAN` pixels: of a photo of 50 million pixels, faces of 170 pixels and more are found
    max_tilt   degrees that a face may be turned in the picture, either way
    threshold  the least score: below 0 more faces and more false alarms
    thorough   take every look. Otherwise looking ends at a size at which sure faces were found, none near the limit of what
               that size shows; at once if one face fills the photo; and turned looks are taken only if no face is sure

    Raises `ValueRangeError`.
    """
    if not min_face > 0 or not 0 <= max_tilt <= 180:
        raise ValueRangeError(
            f"The least face, {min_face:g} pixels, must be above 0, and the tilt, {max_tilt:g} degrees, in 0 to 180."
        )
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) if rgb.ndim == 3 else rgb
    found: list[Box] = []
    sides = _look_sides(gray.shape[0], gray.shape[1], min_face)
    for number, side in enumerate(sides):
        scale = side / max(gray.shape)
        found += _look(gray, scale, 0, threshold)
        if number == min(1, len(sides) - 1) and (thorough or not _sure(found)):
            for turn in _turns(max_tilt):
                found += _look(gray, scale, turn, threshold)
        found = _without_doubles(found)
        if not thorough and _is_enough(found, scale, gray.shape[1], first=number == 0):
            break
    return reading_order(found)


def reading_order(boxes: Sequence[Box]) -> list[Box]:
    """Rows from top to bottom, each from left to right. Boxes are in one row if their centres differ in height by less than
    half of the smaller one's height."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=lambda box: box.centre[1]):
        first = rows[-1][0] if rows else None
        if first and box.centre[1] - first.centre[1] < min(box.height, first.height) / 2:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row, key=lambda box: box.centre[0])]


# --- one look and what follows from it ------------------------------------------------------------------------------


_detecting = threading.Lock()
"""A detector of dlib's works for one thread at a time; two at once end the process."""


@lru_cache(maxsize=1)
def _dlib_detector() -> Any:
    """dlib's frontal detector, from a file, since unpacking dlib's own copy takes half a second (weights/face_detector.md)."""
    try:
        return dlib.fhog_object_detector(str(UNPACKED))
    except RuntimeError:  # another version of dlib may have another format
        return dlib.get_frontal_face_detector()


def _look(gray: np.ndarray, scale: float, turn: float, threshold: float) -> list[Box]:
    """dlib's finds in the photo brought to `scale` and turned clockwise by `turn` degrees, as boxes of the photo."""
    height, width = (max(1, round(length * scale)) for length in gray.shape)
    small = cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    turned_from_small, canvas = _turning(width, height, turn)
    if turn:
        small = cv2.warpAffine(small, turned_from_small, canvas, borderValue=128)
    small_from_turned = cv2.invertAffineTransform(turned_from_small)
    boxes = []
    with _detecting:
        found = _dlib_detector().run(small, 0, threshold)
    for rectangle, score, _ in zip(*found, strict=True):
        middle = [(rectangle.left() + rectangle.right() + 1) / 2, (rectangle.top() + rectangle.bottom() + 1) / 2, 1]
        x, y = (small_from_turned @ middle) / (width, height) * gray.shape[::-1]
        half = rectangle.width() / 2 / scale
        if 0 <= x <= gray.shape[1] and 0 <= y <= gray.shape[0]:
            boxes.append(Box(float(x - half), float(y - half), float(x + half), float(y + half), float(score)))
    return boxes


def _turning(width: int, height: int, degrees: float) -> tuple[np.ndarray, tuple[int, int]]:
    """The (2, 3) matrix that turns clockwise about the middle, and the (width, height) that hold all of the turned picture."""
    matrix = cv2.getRotationMatrix2D((0, 0), -degrees, 1.0)
    canvas = np.ceil(np.abs(matrix[:, :2]) @ [width, height])
    matrix[:, 2] = canvas / 2 - matrix[:, :2] @ [width / 2, height / 2]
    return matrix, (int(canvas[0]), int(canvas[1]))


def _turns(max_tilt: float) -> list[float]:
    """The angles of the turned looks that, with the upright one, cover tilts up to `max_tilt` degrees."""
    steps = [step for step in range(TURN, 180, TURN) if step - TURN + TOLERANCE < max_tilt]
    return [float(angle) for step in steps for angle in (step, -step)]


def _look_sides(height: int, width: int, min_face: float) -> list[int]:
    """The long sides, in pixels, at which a photo is shown to the detector, smallest first."""
    finest = max(height, width) * min(2.0, WINDOW / min_face, (MAX_SCAN / (height * width)) ** 0.5)
    sides = [*FIRST_SIDES]
    while sides[-1] < finest:
        sides.append(2 * sides[-1])
    return [side for side in sides if side < finest / 1.2] + [max(1, round(finest))]


def _sure(boxes: Sequence[Box]) -> list[Box]:
    return [box for box in boxes if box.score >= SURE]


def _is_enough(found: Sequence[Box], scale: float, photo_width: int, first: bool) -> bool:
    """True if a closer look would hardly find more: the faces are well above the smallest that this `scale` shows; or, at
    the first look, there is one face and no room beside it for another half as big."""
    sure = _sure(found)
    if first:
        return len(found) == len(sure) == 1 and max(sure[0].x0, photo_width - sure[0].x1) < 0.75 * sure[0].width
    return bool(sure) and min(box.width for box in sure) * scale > 1.1 * WINDOW


def _without_doubles(boxes: Sequence[Box]) -> list[Box]:
    """Of boxes that overlap much, or lie in one another, the one with the best score."""
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: -box.score):
        if not any(_is_same_face(box, other) for other in kept):
            kept.append(box)
    return kept


def _is_same_face(a: Box, b: Box) -> bool:
    shared_width = min(a.x1, b.x1) - max(a.x0, b.x0)
    shared_height = min(a.y1, b.y1) - max(a.y0, b.y0)
    if shared_width <= 0 or shared_height <= 0:
        return False
    shared, area_a, area_b = shared_width * shared_height, a.width * a.height, b.width * b.height
    return shared > 0.3 * (area_a + area_b - shared) or shared > 0.6 * min(area_a, area_b)


# --- MediaPipe, and the choice --------------------------------------------------------------------------------------


def detect_mediapipe(rgb: np.ndarray, model_path: str | Path) -> list[Box]:
    """The faces of a photo, uint8 (H, W, 3), by MediaPipe's face landmarker (a `.task` file), in reading order; the boxes
    are made as large as dlib's. Raises `MissingExtraError` without the package, `WeightsError` for an unusable file."""
    landmarker, mediapipe = _mediapipe_landmarker(Path(model_path))
    image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))
    faces = landmarker.detect(image).face_landmarks
    size = (rgb.shape[1], rgb.shape[0])
    return reading_order([_box_of_mesh(np.array([[point.x, point.y] for point in face]) * size) for face in faces])


def _box_of_mesh(points: np.ndarray) -> Box:
    """(N, 2) points of the face mesh -> the box dlib would give (medians over 150 faces: side 0.94, 3% of height higher)."""
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (low + high) / 2 - (0, 0.03 * (high[1] - low[1]))
    half = 0.94 * float(np.sqrt(np.prod(high - low))) / 2
    return Box(float(x - half), float(y - half), float(x + half), float(y + half), 1.0)


@lru_cache(maxsize=1)
def _mediapipe_landmarker(model_path: Path) -> tuple[Any, Any]:
    """The landmarker, and the module that its images come from."""
    try:
        import mediapipe
    except ImportError as error:
        raise MissingExtraError("The detector 'mediapipe' needs a package: pip install mimica[mediapipe].") from error
    if not model_path.is_file():
        raise WeightsError(f"There is no file '{model_path}': give MediaPipe's face_landmarker.task.")
    vision = mediapipe.tasks.vision
    try:
        options = vision.FaceLandmarkerOptions(
            base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=model_path.read_bytes()), num_faces=20
        )
        return vision.FaceLandmarker.create_from_options(options), mediapipe
    except (RuntimeError, ValueError) as error:
        raise WeightsError(f"'{model_path}' is no face landmarker of MediaPipe: give its face_landmarker.task.") from error


DETECTORS = ("dlib", "mediapipe")


def get_detector(name: str = "dlib", model: str | Path | None = None) -> Callable[[np.ndarray], list[Box]]:
    """The detector of that name, uint8 (H, W, 3) -> boxes. `model` is MediaPipe's file. Raises `ValueRangeError`."""
    if name not in DETECTORS:
        raise ValueRangeError(
            f"There is no detector '{name}'{nearest(name, DETECTORS) or ';'} the detectors are {', '.join(DETECTORS)}."
        )
    if name == "mediapipe" and model is None:
        raise ValueRangeError("The detector 'mediapipe' needs its model: give --model face_landmarker.task.")
    if name == "dlib" and model is not None:
        raise ValueRangeError(f"The detector 'dlib' takes no model: leave out --model {model}, or choose 'mediapipe'.")
    return detect if model is None else partial(detect_mediapipe, model_path=model)
