"""What is asked of a face, in words or by the example of another photo, as an `Expression`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mimica.engines.controls import in_parts, parse_parts
from mimica.errors import NoFaceError, ValueRangeError
from mimica.face.detect import Box
from mimica.motion.expression import MAX_INTENSITY, Expression, checked, wanted
from mimica.motion.likeness import Likeness
from mimica.pictures.images import PhotoSource, read_photo
from mimica.reader.face_choice import parse_which, select
from mimica.reader.read import FaceReading, find_faces

Detector = Callable[[np.ndarray], list[Box]]
Parts = str | Iterable[str] | None


@dataclass(frozen=True)
class Like:
    """The example: another photo, which of its faces (None: the largest), and how much of its expression, 0 to 1.5."""

    photo: PhotoSource
    face: int | str | None = None
    ratio: float = 1.0

    def read(self, find: Detector) -> FaceReading:
        """The face. Raises `ImageError`, `NoFaceError`, `ValueRangeError`."""
        return chosen(self.photo, self.face, find)


def chosen(photo: PhotoSource, face: int | str | None, find: Detector) -> FaceReading:
    """The one face of a photo from which an expression is taken. Raises `ImageError`, `NoFaceError`, `ValueRangeError`."""
    which = parse_which(face)
    if which == "all":
        raise ValueRangeError("An expression is taken from one face: name it by its number, or 'largest', not 'all'.")
    opened = read_photo(photo)
    try:
        found = find_faces(opened.rgb, detector=find)
    except NoFaceError as error:
        raise NoFaceError(f"No expression can be taken from {opened.path}: {error}") from error
    return select(found, which or "largest", str(opened.path))[0][0]


def only_of(parts: Parts) -> frozenset[str] | None:
    """The controls of some parts of the face; None, that is all, where no parts are named. Raises `ValueRangeError`."""
    return None if parts is None else in_parts(parse_parts(parts))


def wish(
    expression: str | Mapping[str, float] | None = None,
    au: str | Mapping[str | int, float] | None = None,
    intensity: float = 1.0,
    pose: str | Mapping[str, float] | None = None,
    gaze: str | Mapping[str, float] | None = None,
    look: str | None = None,
    *,
    like: Like | None = None,
    parts: Parts = None,
    find: Detector | None = None,
) -> Expression | None:
    """What the face is to show, as `mimica.edit` has the arguments; None where nothing is asked of it. `find` finds the face of
    `like`. Raises `ValueRangeError`, `DataError`, and for `like` what `Like.read` raises."""
    only = only_of(parts)
    asked = [one for one in (expression, au, pose, gaze, look) if one is not None]
    if like is None:
        return wanted(expression, au, intensity, pose=pose, gaze=gaze, look=look, only=only) if asked else None
    if expression is not None:
        raise ValueRangeError("An expression by its name and one like another photo's exclude each other; leave one out.")
    ratio, part = checked(like.ratio, "the ratio", 0.0, MAX_INTENSITY), checked(intensity, "the intensity", 0.0, MAX_INTENSITY)
    plain = wanted(None, au, intensity, pose=pose, gaze=gaze, look=look) if asked else Expression()
    assert find is not None
    reading = like.read(find)
    other = {**reading.action_units, **reading.pose_and_gaze}
    return Likeness((), plain.changes, part, plain.head, plain.at_camera, (), only, other, ratio)
