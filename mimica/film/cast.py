"""Who is who in a shot, who of them is meant, and whether a face can be edited as it is seen.

In each shot faces are numbered as they appear, those that appear together in reading order. A face that was lost and is found
again where it was keeps its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mimica.errors import NoFaceError
from mimica.film.sight import Sight
from mimica.reader.face_choice import MIN_EYE_DISTANCE, Which, check
from mimica.reader.read import FaceReading

LOST, TURNED, COVERED, SMALL, CUT_OFF = "lost", "turned too far", "covered", "too small", "cut off by the border"
"""What is wrong with a face in a frame that is not edited."""
TURNED_YAW, TURNED_PITCH = 38.0, 35.0
"""Degrees that a head may be turned; one that was turned too far comes back `HYSTERESIS` below them."""
HYSTERESIS = 3.0
CLOSE = 1.5
"""A new face whose middle lies within so many eye distances of where one was lost is that one."""
TAKES_OVER = 1.5
"""Another face is the largest from so many times the first one's size on, summed over the shot."""


@dataclass
class Person:
    """One face of a shot: its number from 1, its last reading, its size summed up over the frames, whether it was turned too far,
    and what looks whether it is covered."""

    number: int
    reading: FaceReading
    size: float = 0.0
    turned: bool = False
    sight: Sight = field(default_factory=Sight)


class Cast:
    """The people of one shot. `which` of them are meant: a number, `largest`, `all`, or None (the largest)."""

    def __init__(self, which: Which) -> None:
        self._which = which
        self.people: dict[int, Person] = {}
        self._number_of: dict[int, int] = {}
        self._main: int | None = None

    def see(self, faces: Sequence[tuple[int, FaceReading]], rgb: np.ndarray) -> dict[int, tuple[FaceReading, str | None]]:
        """The faces of the next frame by the follower's ids -> number -> (reading, what is wrong with it or None)."""
        known = {id_ for id_, _ in faces if id_ in self._number_of}
        seen = {self._number_of[id_] for id_ in known}
        found = {}
        for id_, reading in faces:
            if id_ not in known:
                self._number_of[id_] = self._found_again(reading, seen) or len(self.people) + 1
                seen.add(self._number_of[id_])
            number = self._number_of[id_]
            person = self.people.setdefault(number, Person(number, reading))
            person.reading, person.size = reading, person.size + reading.eye_distance
            found[number] = (reading, _trouble(person, rgb))
        self._choose()
        return found

    def _found_again(self, reading: FaceReading, seen: set[int]) -> int | None:
        middle = reading.landmarks_photo.mean(axis=0)
        missing = [person for person in self.people.values() if person.number not in seen]
        for person in missing:
            apart = float(np.hypot(*(person.reading.landmarks_photo.mean(axis=0) - middle)))
            if apart < CLOSE * max(person.reading.eye_distance, reading.eye_distance):
                return person.number
        return None

    def _choose(self) -> None:
        sizes = {person.number: person.size for person in self.people.values()}
        if sizes:
            largest = max(sizes, key=lambda number: sizes[number])
            if self._main is None or sizes[largest] > TAKES_OVER * sizes[self._main]:
                self._main = largest

    @property
    def meant(self) -> tuple[int, ...]:
        """The numbers of those that are edited."""
        if self._which == "all":
            return tuple(self.people)
        if isinstance(self._which, int):
            return (self._which,)
        return () if self._main is None else (self._main,)


def _trouble(person: Person, rgb: np.ndarray) -> str | None:
    reading = person.reading
    slack = HYSTERESIS if person.turned else 0.0
    person.turned = abs(reading.yaw) > TURNED_YAW - slack or abs(reading.pitch) > TURNED_PITCH - slack
    if person.turned:
        return TURNED
    try:
        check(reading, rgb.shape)
    except NoFaceError:
        return SMALL if reading.eye_distance < MIN_EYE_DISTANCE else CUT_OFF
    return COVERED if person.sight.is_covered(reading, rgb) else None
