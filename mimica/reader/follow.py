"""Faces over the frames of a video: who is who, read quickly and steadied.

A face found once is followed: the landmarks of one frame are where the network looks in the next, so the detector, which is
several times as slow as the network, runs only every `DETECT_EVERY` frames, and at once where a face is lost. Faces of two
frames are the same if their boxes overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product

import cv2
import numpy as np

from mimica.errors import NoFaceError
from mimica.face.detect import Box, get_detector
from mimica.facs import SIDED_AU_NAMES, to_dict, to_vector
from mimica.reader.one_euro import OneEuroFilter
from mimica.reader.read import MIN_CONFIDENCE, FaceReading, Reader, find_faces

DETECT_EVERY = 10
"""Frames: at the latest after so many the whole frame is searched for faces."""
SEARCH_SECONDS = 1.0
"""For so long after a face was seen, frames without one are all searched; later every `DETECT_EVERY`-th."""
SPARSE_SECONDS = 0.15
"""Frames that lie farther apart are all searched: the next one may be the last for a while."""
SAME_FACE = 0.25
"""The least overlap (intersection over union) of two boxes that are one face."""
FORGET_SECONDS = 1.0
"""A face not seen for so long is a new one when it comes back."""
GAP_SECONDS = 0.25
"""After a gap longer than this a face's values are not steadied with those before it."""


class Finder:
    """What finds and reads faces: a detector (see `mimica.face.detect.get_detector`) and the network.

    Raises `ValueRangeError` or `WeightsError` for what cannot be used.
    """

    def __init__(self, detector: str = "dlib", model: str | None = None, threads: int = 2) -> None:
        cv2.setNumThreads(threads)
        self._detector: Callable[[np.ndarray], list[Box]] = get_detector(detector, model)
        self._reader = Reader(threads=threads, mirror=False)  # many faces: speed counts

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        """The faces of a photo, uint8 (H, W, 3), in reading order; an empty list if there is none."""
        try:
            return find_faces(rgb, reader=self._reader, detector=self._detector)
        except NoFaceError:
            return []

    def follow(self, rgb: np.ndarray, readings: Sequence[FaceReading]) -> list[FaceReading]:
        """The same faces in the next frame, in their order, whatever the confidence."""
        return self._reader.read_aligned(rgb, [reading.landmarks_photo for reading in readings])


class _Steady:
    """The One-Euro filters of one face."""

    def __init__(self) -> None:
        self._filter = OneEuroFilter(*_FILTER)
        self._pixels = 1.0

    def __call__(self, reading: FaceReading, time: float) -> FaceReading:
        if time - self._filter.time > GAP_SECONDS:
            self._filter.reset()
            self._pixels = max(1.0, reading.eye_distance)
        units = to_vector(reading.action_units, SIDED_AU_NAMES)
        points = np.concatenate([reading.landmarks_photo, reading.irises_photo]) / self._pixels
        gazes = np.array(reading.gazes).ravel()
        measured = np.concatenate([units, [reading.yaw, reading.pitch, reading.roll], gazes, points.ravel()])
        steady = self._filter(measured, time)
        units, (yaw, pitch, roll), gazes, flat = np.split(steady, np.cumsum([len(units), 3, len(gazes)]))
        points = (flat.reshape(-1, 2) * self._pixels).astype(np.float32)
        landmarks, irises = points[: len(reading.landmarks_photo)], points[len(reading.landmarks_photo) :]
        (x0, y0), (x1, y1) = landmarks.min(axis=0), landmarks.max(axis=0)
        return replace(
            reading,
            box_photo=(float(x0), float(y0), float(x1), float(y1)),
            landmarks_photo=landmarks,
            irises_photo=irises,
            yaw=float(yaw),
            pitch=float(pitch),
            roll=float(roll),
            action_units=to_dict(units, SIDED_AU_NAMES),
            gazes=((float(gazes[0]), float(gazes[1])), (float(gazes[2]), float(gazes[3]))),
        )


def _filter_settings() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(min_cutoff, beta, d_cutoff) for each element of what `_Steady` filters. Blinks last 100 to 150 ms, so AU 45 opens
    its filter early and wide; eyes jump in as little; points are in eye distances, angles in degrees."""
    unit, blink, angle, gaze, coordinate = (1.5, 1.5, 1.0), (4.0, 6.0, 10.0), (1.5, 0.1, 1.0), (2.0, 0.3, 3.0), (2.0, 5.0, 1.0)
    rows = [blink if name.startswith("AU45") else unit for name in SIDED_AU_NAMES]
    rows += [angle] * 3 + [gaze] * 4 + [coordinate] * 2 * (68 + 2)
    min_cutoff, beta, d_cutoff = np.array(rows).T
    return min_cutoff, beta, d_cutoff


_FILTER = _filter_settings()


@dataclass(eq=False)
class _Track:
    """A face with its last reading, not steadied, and the time of that."""

    face_id: int
    reading: FaceReading
    time: float
    steady: _Steady = field(default_factory=_Steady)


class Follower:
    """Goes through the frames of one video. `raw` leaves the values as they were read.

    finder   a `Finder`, or anything with its `find` and `follow`
    """

    def __init__(self, finder: Finder, raw: bool = False) -> None:
        self._finder, self._raw = finder, raw
        self._tracks: list[_Track] = []
        self._next_id = 0
        self._since_search = DETECT_EVERY
        self._last_seen = 0.0
        self._last_time = 0.0

    def read(self, rgb: np.ndarray, time: float) -> list[tuple[int, FaceReading]]:
        """The faces of the next frame, uint8 (H, W, 3) at `time` (seconds, rising), by their ids: 0 for the first face of
        the video, one more for each new one. In the order of their ids."""
        step, self._last_time = time - self._last_time, time
        self._tracks = [track for track in self._tracks if time - track.time <= max(FORGET_SECONDS, 1.5 * step)]
        found = self._readings(rgb, time, step > SPARSE_SECONDS)
        seen = {id(track): self._seen(track, reading, time) for track, reading in found}
        self._last_seen = time if seen else self._last_seen
        now = [track for track in self._tracks if id(track) in seen]
        return [(track.face_id, seen[id(track)]) for track in sorted(now, key=lambda track: track.face_id)]

    def _readings(self, rgb: np.ndarray, time: float, sparse: bool) -> list[tuple[_Track, FaceReading]]:
        followed = [track for track in self._tracks if track.time == self._last_seen]
        self._since_search += 1
        if followed and not sparse and self._since_search < DETECT_EVERY:
            readings = self._finder.follow(rgb, [track.reading for track in followed])
            if all(map(_is_sound, readings)) and not _any_doubles(readings):
                return list(zip(followed, readings, strict=True))
        elif not followed and not sparse and self._since_search < DETECT_EVERY and time - self._last_seen > SEARCH_SECONDS:
            return []
        self._since_search = 0
        return self._matched(self._finder.find(rgb), time)

    def _matched(self, readings: list[FaceReading], time: float) -> list[tuple[_Track, FaceReading]]:
        """Readings with their tracks, best overlap first; new tracks for those that fit none."""
        pairs = product(range(len(self._tracks)), range(len(readings)))
        overlaps = sorted(((_overlap(self._tracks[i].reading, readings[j]), i, j) for i, j in pairs), reverse=True)
        track_of: dict[int, _Track] = {}
        for overlap, i, j in overlaps:
            if overlap >= SAME_FACE and j not in track_of and self._tracks[i] not in track_of.values():
                track_of[j] = self._tracks[i]
        for j, reading in enumerate(readings):
            if j not in track_of:
                track_of[j] = _Track(self._next_id, reading, time)
                self._tracks.append(track_of[j])
                self._next_id += 1
        return [(track_of[j], reading) for j, reading in enumerate(readings)]

    def _seen(self, track: _Track, reading: FaceReading, time: float) -> FaceReading:
        track.reading, track.time = reading, time
        return reading if self._raw else track.steady(reading, time)


def _is_sound(reading: FaceReading) -> bool:
    return reading.confidence >= MIN_CONFIDENCE


def _any_doubles(readings: Sequence[FaceReading]) -> bool:
    """True if two tracks have come to the same face."""
    return any(_overlap(a, b) > 0.5 for a, b in combinations(readings, 2))


def _overlap(a: FaceReading, b: FaceReading) -> float:
    """Intersection over union of the boxes."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.box_photo, b.box_photo
    shared = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    union = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - shared
    return shared / union if union > 0 else 0.0
