"""A film frame by frame with its people, steadied, and how much of an edit each may have: what comes before anything is rendered.

A frame is handed on when `AHEAD` seconds more of the film have been seen, so that a face's motion is steadied from both sides
(`mimica.film.steady`) and an edit fades out before its face is lost, turned too far or covered, and in again after it. Nothing
reaches over a cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mimica.film.cast import LOST, Cast
from mimica.film.steady import REACH, steadied
from mimica.reader.face_choice import Which
from mimica.reader.follow import Finder, Follower
from mimica.reader.read import FaceReading
from mimica.video.cuts import CutFinder

FADE = 0.2
"""Seconds over which an edit fades out and in."""
AHEAD = max(FADE, REACH)


@dataclass(frozen=True)
class Seen:
    """One frame as it was read.

    rgb    uint8 (H, W, 3)           shot   its number from 0
    faces  number -> (reading, what is wrong with it or None)
    meant  the numbers of those that are to be edited
    """

    index: int
    time: float
    shot: int
    rgb: np.ndarray
    faces: Mapping[int, tuple[FaceReading, str | None]]
    meant: tuple[int, ...]

    def trouble(self, number: int) -> str | None:
        """Why a face is not edited in this frame: `LOST` where it is not seen, an empty word where it is not meant; None where
        it is edited."""
        if number not in self.meant:
            return ""
        return self.faces[number][1] if number in self.faces else LOST


@dataclass(frozen=True)
class Part:
    """A face of a frame that is edited: its number in the shot, its steadied reading, and the share of the edit it gets, (0,
    1]."""

    number: int
    reading: FaceReading
    share: float


@dataclass(frozen=True)
class Frame:
    """A frame ready to be edited. `troubles`: why faces that are meant are not edited in it; `others`, those not meant."""

    index: int
    time: float
    shot: int
    rgb: np.ndarray
    parts: tuple[Part, ...]
    troubles: tuple[str, ...]
    others: tuple[FaceReading, ...] = ()


def seen(frames: Iterable[tuple[int, float, np.ndarray]], finder: Finder, which: Which) -> Iterator[Seen]:
    """Reads (index, seconds, uint8 (H, W, 3)), in the order of time; one is in memory at a time."""
    cuts, shot = CutFinder(), 0
    follower, cast = Follower(finder, raw=True), Cast(which)
    for index, time, rgb in frames:
        if cuts.is_cut(rgb):
            shot, follower, cast = shot + 1, Follower(finder, raw=True), Cast(which)
        faces = cast.see(follower.read(rgb, time), rgb)
        yield Seen(index, time, shot, rgb, faces, cast.meant)


def settled(moments: Iterable[Seen]) -> Iterator[Frame]:
    """Frames with their steadied faces, `AHEAD` seconds after they were seen."""
    past: deque[Seen] = deque()
    coming: deque[Seen] = deque()
    for one in moments:
        coming.append(one)
        while coming and one.time - coming[0].time >= AHEAD:
            yield _next(past, coming)
    while coming:
        yield _next(past, coming)


def _next(past: deque[Seen], coming: deque[Seen]) -> Frame:
    now = coming[0]
    around = [one for one in (*past, *coming) if one.shot == now.shot]
    parts, troubles = [], []
    for number in _all_meant(around):
        share = _share(around, now, number)
        if share > 0:
            parts.append(Part(number, _steadied(around, now, number), share))
        if trouble := now.trouble(number):
            troubles.append(trouble)
    if not now.meant:
        troubles.append(LOST)
    used = {part.number for part in parts}
    others = tuple(reading for number, (reading, _) in now.faces.items() if number not in used)
    coming.popleft()
    past.append(_without_picture(now))
    while past and now.time - past[0].time >= AHEAD:
        past.popleft()
    return Frame(now.index, now.time, now.shot, now.rgb, tuple(parts), tuple(troubles), others)


def _without_picture(one: Seen) -> Seen:
    return Seen(one.index, one.time, one.shot, one.rgb[:0], one.faces, one.meant)


def _all_meant(around: list[Seen]) -> list[int]:
    return sorted({number for one in around for number in one.meant})


def _share(around: list[Seen], now: Seen, number: int) -> float:
    """1 where the face can be edited in all frames around, 0 where it cannot be now; between them by the time to the nearest
    frame in which it cannot be."""
    if number not in now.faces:
        return 0.0
    away = min((abs(one.time - now.time) for one in around if one.trouble(number) is not None), default=FADE)
    part = min(1.0, away / FADE)
    return part * part * (3.0 - 2.0 * part)


def _steadied(around: list[Seen], now: Seen, number: int) -> FaceReading:
    """By the frames on either side up to the first in which the face is not seen."""
    place = next(i for i, one in enumerate(around) if one is now)
    first, last = place, place
    while first > 0 and number in around[first - 1].faces:
        first -= 1
    while last + 1 < len(around) and number in around[last + 1].faces:
        last += 1
    mine = [(one.time, one.faces[number][0]) for one in around[first : last + 1] if abs(one.time - now.time) <= REACH]
    return steadied(mine, now.time)
