"""What the people of a film wear: each is dressed once a shot, on the first frame that is edited, and what was drawn is carried
from there (`mimica.engines.layers.outfit`).

That frame may show the face turned, or with its eyes closed. Where a much better one comes, the face is dressed again, and one
passes into the other. What was refused is asked again then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimica.engines.layers.dress import Dressed, head_box
from mimica.engines.layers.outfit import Outfit
from mimica.face.attributes import Wish
from mimica.film.cast import TURNED_PITCH, TURNED_YAW
from mimica.film.watch import Frame, Part
from mimica.reader.read import FaceReading

BETTER = 0.22
"""By how much a frame must be better than the one on which a face was dressed, for it to be dressed again."""
OPEN_EYES, CLOSED_LIPS = 1.2, 0.25
"""How much a closed eye, and an open mouth, count beside a head that is turned as far as it may be."""
PASSES = 0.4
"""Seconds over which one outfit passes into the next."""


@dataclass
class _Hanger:
    """Of one face in one shot: what it wears, what it wore before `since`, how bad the frame was on which it was dressed, and the
    best chance seen since."""

    shot: int
    outfit: Outfit
    badness: float
    before: Outfit | None = None
    since: float = 0.0


class Wardrobe:
    """Dresses the faces of frames, in their order. `refusals`, sentences about what could not be put on; `worn`, whether anything
    could be put on anybody."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        self._hangers: dict[int, _Hanger] = {}
        self.refusals: dict[str, None] = {}
        self.worn = False

    def put_on(self, frame: Frame, part: Part) -> Dressed | None:
        """The face of a frame, dressed in place but for its glasses; None where it wears nothing."""
        if not self._wish:
            return None
        hanger = self._hanger(frame, part)
        self.worn |= bool(hanger.outfit.worn)
        given = part.reading.landmarks_photo, part.reading.irises_photo, _pose(part.reading)
        passed = 1.0 if hanger.before is None else min(1.0, max(0.0, (frame.time - hanger.since) / PASSES))
        if passed == 1 or hanger.before is None:
            hanger.before = None
            return hanger.outfit.on(frame.rgb, *given, part.share)
        x0, y0, x1, y1 = head_box(part.reading.landmarks_photo, frame.rgb.shape)
        other = frame.rgb.copy()
        old, new = hanger.before.on(other, *given, part.share), hanger.outfit.on(frame.rgb, *given, part.share)
        mixed = frame.rgb[y0:y1, x0:x1] * np.float32(passed) + other[y0:y1, x0:x1] * np.float32(1 - passed)
        frame.rgb[y0:y1, x0:x1] = np.rint(mixed).astype(np.uint8)
        return new if passed > 0.5 or old.overlay is None else old

    def _hanger(self, frame: Frame, part: Part) -> _Hanger:
        hanger, badness = self._hangers.get(part.number), _badness(part.reading)
        if hanger is None or hanger.shot != frame.shot:
            hanger = self._hangers[part.number] = _Hanger(frame.shot, self._dressed(frame, part), badness)
        elif hanger.before is None and part.share == 1 and badness < hanger.badness - BETTER:
            hanger.before, hanger.since = hanger.outfit, frame.time
            hanger.outfit, hanger.badness = self._dressed(frame, part), badness
        return hanger

    def _dressed(self, frame: Frame, part: Part) -> Outfit:
        reading = part.reading
        outfit = Outfit(frame.rgb, reading.landmarks_photo, reading.irises_photo, _pose(reading), self._wish)
        self.refusals |= dict.fromkeys(outfit.refusals)
        return outfit


def _pose(reading: FaceReading) -> tuple[float, float, float]:
    return reading.yaw, reading.pitch, reading.roll


def _badness(reading: FaceReading) -> float:
    """How far a face is from what is best drawn on: turned to the front, eyes open, mouth closed."""
    shown = reading.action_units
    closed = max(shown.get(f"AU45{side}", 0.0) for side in "LR")
    parted = max(shown.get(f"AU{number}{side}", 0.0) for number in ("25", "26") for side in "LR")
    turned = max(abs(reading.yaw) / TURNED_YAW, abs(reading.pitch) / TURNED_PITCH)
    return turned + OPEN_EYES * closed + CLOSED_LIPS * parted
