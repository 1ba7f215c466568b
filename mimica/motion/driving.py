"""A driving video: what a person does in it, another face does.

Each frame is read (`mimica.reader.follow`: one face followed, steadied, blinks let through). The driver's own neutral is found
by calibration: the median of the calmest frames. What goes over to the photo is the change from it (relative transfer), so
that the driver's features and a photo's smile do not add up to a grimace; the lids are carried over in proportion, so that
a blink closes the photo's eyes whatever either pair looks like at rest. Head and gaze go over as changes too; near the limits of
what a photo can show they are met softly, and while the lids are closed the gaze is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from mimica.errors import NoFaceError, ValueRangeError
from mimica.face.align import TIGHT_EYE_DISTANCE, eye_centres
from mimica.face.head import rotation
from mimica.facs import SIDED_AU_NAMES
from mimica.motion.head import limits, softened
from mimica.motion.track import GAZE, HEAD, POSE, POSE_LIMIT, SHIFT, Track
from mimica.reader.follow import Finder, Follower
from mimica.reader.read import FaceReading
from mimica.video.reader import describe_losses, open_video

NAMES: tuple[str, ...] = (*SIDED_AU_NAMES, *HEAD)
CALM_SHARE = 0.1
"""The share of the frames that is taken for neutral: those in which least is shown and least moves."""
FEWEST_CALM = 5
_SPEED_WEIGHT = 0.5
_AS_MUCH_AS_A_UNIT = 10.0
"""Degrees by which head or eyes are turned, as little calm as one Action Unit fully shown."""
LIDS = ("AU45L", "AU45R")
LIDS_SHUT = 0.3
"""AU45 from which on the eyes are not seen: the gaze before is held."""
EYES = (0.0, 0.49, 0.39)
"""The middle between the eyes from the pivot of the head (`mimica.face.head`), in shares of the side of the tight crop, y up: a
turn moves it in the picture, which is no shift of the head."""
_UNITS, _POSES, _GAZES, _SHIFTS = ([NAMES.index(name) for name in names] for names in (SIDED_AU_NAMES, POSE, GAZE, SHIFT))
Transfer = Literal["relative", "absolute"]


@dataclass(frozen=True)
class Driver:
    """One face of a video, frame by frame.

    times    float64 (F,) seconds
    values   float64 (F, 42) in the order of `NAMES`; frames without the face repeat the one before (at the start, the first
             with it). For shift and zoom: where the eyes are, pixels, and the logarithm of their distance seen from the front
    seen     bool (F,)
    neutral  float64 (42,), what the face shows at rest
    fps      frames a second of the video
    losses   sentences about frames that the file does not have, or not whole
    """

    times: np.ndarray
    values: np.ndarray
    seen: np.ndarray
    neutral: np.ndarray
    fps: float
    losses: tuple[str, ...] = ()

    def track(
        self,
        own: Mapping[str, float],
        *,
        transfer: Transfer = "relative",
        gain: float = 1.0,
        pose_gain: float = 1.0,
        only: frozenset[str] | None = None,
    ) -> Track:
        """The track for a face that shows `own` when it is at rest. `relative` adds the driver's changes, those of Action Units
        times `gain`, those of head and gaze times `pose_gain`; `absolute` shows the driver's values, whatever the photo
        shows. What is not among `only` (None: all) stays `own`."""
        if not 0.0 < gain <= 3.0:
            raise ValueRangeError(f"The gain {gain:g} of a driving video must be above 0 and at most 3.")
        if not 0.0 <= pose_gain <= 3.0:
            raise ValueRangeError(f"The gain {pose_gain:g} of a driver's head must be from 0 to 3.")
        shown, rest = self._head(), self.neutral.copy()
        rest[_SHIFTS] = 0.0
        if transfer == "absolute":
            values = shown.copy()
        else:
            start = np.array([own.get(name, 0.0) for name in NAMES])
            gains = np.where(np.isin(np.arange(len(NAMES)), _UNITS), gain, pose_gain)
            values = start + gains * (shown - rest)
            for name in LIDS:
                i = NAMES.index(name)
                values[:, i] = _proportional(shown[:, i], rest[i], own[name])
        values[:, _UNITS] = np.clip(values[:, _UNITS], 0.0, 1.0)
        values[:, _POSES] = np.clip(values[:, _POSES], -POSE_LIMIT, POSE_LIMIT)
        ranges = limits(own)
        for name in HEAD:
            i = NAMES.index(name)
            values[:, i] = softened(values[:, i], own.get(name, 0.0), *ranges[name])
        for i, name in enumerate(NAMES):
            if only is not None and name not in only:
                values[:, i] = own.get(name, 0.0)
        times = np.append(self.times, self.times[-1] + 1.0 / self.fps)  # the last frame lasts as long as the others
        return Track.dense(times, NAMES, np.vstack([values, values[-1]]))

    def _head(self) -> np.ndarray:
        """`values` with the gaze held while the lids are closed, and with shift and zoom away from neutral as tracks have
        them."""
        values = self.values.copy()
        closed = (values[:, [NAMES.index(name) for name in LIDS]] > LIDS_SHUT).all(axis=1)
        held = np.maximum.accumulate(np.where(closed, -1, np.arange(len(values))))
        values[:, _GAZES] = np.where((held >= 0)[:, None], values[held][:, _GAZES], self.neutral[_GAZES])
        place, size = values[:, _SHIFTS[:2]] - self.neutral[_SHIFTS[:2]], values[:, _SHIFTS[2]] - self.neutral[_SHIFTS[2]]
        side = np.exp(self.neutral[_SHIFTS[2]]) / TIGHT_EYE_DISTANCE
        at_rest = rotation(*self.neutral[_POSES]) @ EYES
        turned = np.array([rotation(*pose) @ EYES - at_rest for pose in values[:, _POSES]])[:, :2] * [1, -1]
        values[:, _SHIFTS[:2]] = place / side - turned
        values[:, _SHIFTS[2]] = np.expm1(size)
        return values

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """(from, to), seconds: where the face was not seen and the expression is held."""
        edges = np.flatnonzero(np.diff(np.concatenate([[1], self.seen.astype(int), [1]])))
        ends = np.append(self.times, self.times[-1] + 1.0 / self.fps)
        return [(float(ends[a]), float(ends[b])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _proportional(values: np.ndarray, rest: float, own: float) -> np.ndarray:
    """Rest -> what the photo shows, 1 -> 1, linear in between; below rest, as much less."""
    above = own + (values - rest) * (1.0 - own) / max(1e-6, 1.0 - rest)
    return np.where(values >= rest, above, own + (values - rest))


def read_driver(
    path: str | Path,
    finder: Finder | None = None,
    *,
    neutral: float | None = None,
    raw: bool = False,
    face: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Driver:
    """Reads one face of a video.

    finder    finds and reads faces; None: dlib and the shipped reader
    neutral   the second at which the driver's face is at rest; None: the calmest frames are taken
    raw       not steadied over time
    face      its number from 1, as faces appear, in reading order; None: the one that is largest over the video
    progress  called with (frames read, frames in all or None)

    One frame is in memory at a time. Raises `VideoError`; `NoFaceError` where no frame shows a face.
    """
    video = open_video(path)

    def frames() -> Iterator[tuple[float, np.ndarray]]:
        for index, time, rgb in video:
            yield time, rgb
            if progress is not None:
                progress(index + 1, video.frame_count)

    driver = read_frames(frames(), video.fps, finder, neutral=neutral, raw=raw, face=face, source=str(path))
    return replace(driver, losses=tuple(describe_losses(video)))


def read_frames(
    frames: Iterable[tuple[float, np.ndarray]],
    fps: float,
    finder: Finder | None = None,
    *,
    neutral: float | None = None,
    raw: bool = False,
    face: int | None = None,
    source: str = "the video",
) -> Driver:
    """As `read_driver`, from frames: (seconds, uint8 (H, W, 3) RGB), in the order of time. Raises `NoFaceError`."""
    follower = Follower(finder or Finder(), raw)
    times: list[float] = []
    faces: dict[int, dict[int, tuple[np.ndarray, float]]] = {}
    for index, (time, rgb) in enumerate(frames):
        times.append(time)
        for face_id, reading in follower.read(rgb, time):
            faces.setdefault(face_id, {})[index] = (values_of(reading), reading.eye_distance)
    if not faces:
        raise NoFaceError(f"In '{source}' no frame shows a face: use a video where one is seen from the front throughout.")
    if face is not None and face - 1 not in faces:
        seen = "one face" if len(faces) == 1 else f"{len(faces)} faces, numbered as they appear"
        raise NoFaceError(f"There is no face {face} in '{source}': it shows {seen}.")
    return assemble(times, _main_face(faces, face), fps, neutral, source)


def values_of(reading: FaceReading) -> np.ndarray:
    """What a driver's face shows, float64 in the order of `NAMES`."""
    place = eye_centres(reading.landmarks_photo).mean(axis=0)
    size = np.log(max(reading.eye_distance, 1e-3) / np.cos(np.deg2rad(np.clip(reading.yaw, -60, 60))))
    head = {"yaw": reading.yaw, "pitch": reading.pitch, "roll": reading.roll, "gaze_x": reading.gaze_x, "gaze_y": reading.gaze_y}
    values = {**reading.action_units, **head, "shift_x": place[0], "shift_y": place[1], "zoom": size}
    return np.array([values[name] for name in NAMES])


def _main_face(faces: Mapping[int, Mapping[int, tuple[np.ndarray, float]]], number: int | None = None) -> dict[int, np.ndarray]:
    """Frame -> values of the face of this number, or of the one that is seen most, each frame weighed by its size. A person who
    was lost and found again has two numbers; frames where the main one is missing are filled from the largest other that was
    never beside it."""
    order = sorted(faces, key=lambda face: -sum(size for _, size in faces[face].values()))
    order.sort(key=lambda face: number is not None and face != number - 1)
    main = {frame: values for frame, (values, _) in faces[order[0]].items()}
    for face in order[1:]:
        if not main.keys() & faces[face].keys():
            main |= {frame: values for frame, (values, _) in faces[face].items()}
    return main


def assemble(
    times: Sequence[float], found: Mapping[int, np.ndarray], fps: float, neutral: float | None = None, source: str = "the video"
) -> Driver:
    """A `Driver` from the (42,) values of the frames that have any (at least one)."""
    seen = np.array([i in found for i in range(len(times))])
    held = np.maximum.accumulate(np.where(seen, np.arange(len(times)), -1))
    held[held < 0] = int(np.argmax(seen))
    values = np.stack([found[int(i)] for i in held])
    moments = np.asarray(times, np.float64)
    if neutral is None:
        rest = calmest(values[seen], moments[seen])
    else:
        if not 0.0 <= neutral <= moments[-1] + 1.0 / fps:
            raise ValueRangeError(f"The neutral moment {neutral:g} s lies outside '{source}', which is {moments[-1]:.2f} s long.")
        near = np.abs(moments - neutral) <= max(0.1, 0.5 / fps)
        if not (near & seen).any():
            raise NoFaceError(f"No face is seen in '{source}' at {neutral:g} s: name another moment for the neutral face.")
        rest = np.median(values[near & seen], axis=0)
    return Driver(moments, values, seen, rest, fps)


def calmest(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(F, 42) -> (42,): the median of the frames in which the sum of the Action Units, the lids' closing included, their speed (a
    second's change, times a weight), and how far head and eyes are from where they mostly are, come to least."""
    units, head = values[:, _UNITS], values[:, _POSES + _GAZES]
    speed = np.zeros(len(units))
    if len(units) > 1:
        speed = np.abs(np.gradient(units, np.maximum.accumulate(times + 1e-6 * np.arange(len(times))), axis=0)).sum(axis=1)
    turned = np.abs(head - np.median(head, axis=0)).sum(axis=1) / _AS_MUCH_AS_A_UNIT
    shown = units.sum(axis=1) + _SPEED_WEIGHT * speed + turned
    count = min(len(units), max(FEWEST_CALM, round(CALM_SHARE * len(units))))
    return np.asarray(np.median(values[np.argsort(shown, kind="stable")[:count]], axis=0))


def describe_gaps(driver: Driver) -> list[str]:
    """Sentences about frames without a face."""
    missing = int((~driver.seen).sum())
    if not missing:
        return []
    places = _listed(f"{a:.1f} to {b:.1f} s" for a, b in driver.gaps)
    return [f"{missing} of {len(driver.seen)} frames of the video show no face ({places}); the expression is held there."]


def _listed(places: Iterable[str]) -> str:
    listed = list(places)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
