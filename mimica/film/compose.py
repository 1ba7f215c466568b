"""Frames edited: the faces of each encoded, rendered and laid over it, each with what is known of it from the frames before.

What should not change from one frame to the next is found once in a shot (the colour line of a gray film) or changes slowly
(glasses' rims, the white of the teeth: the engine's own `encode_next`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimica.animation import Prepared, PreparedFace, cut_face, own_controls, render_patch
from mimica.engines.base import Engine, KnowsFaces
from mimica.face.tone import Tone, tone_of
from mimica.film.aims import MOUTH, Aim
from mimica.film.watch import Frame, Part
from mimica.motion.track import HEAD
from mimica.reader.read import FaceReading

ROUNDING = 1e-9
"""A change that is smaller is none."""
UPPER = frozenset(f"AU{number}{side}" for number in ("01", "02", "04", "05", "07", "45") for side in "LR")
"""What moves brows and lids only. The engine's motions of units are not strictly apart: an edit of these alone would move the
lips too, so what lies below the nose is then left as it is, and with it the speech."""


@dataclass
class _Memory:
    """Of one face in one shot."""

    shot: int
    tone: Tone | None
    state: Any = None


@dataclass(frozen=True)
class Job:
    """A frame whose faces are encoded, and the values that each is to have; without faces it stays as it is."""

    frame: Frame
    prepared: Prepared | None = None
    values: tuple[Mapping[str, float], ...] = ()

    def rendered(self) -> np.ndarray:
        """The frame, uint8 (H, W, 3), edited; the array itself where nothing changes, and drawn into where something does."""
        rgb = self.frame.rgb
        if self.prepared is None:
            return rgb
        patch = render_patch(self.prepared, self.values)
        height, width = patch.pixels.shape[:2]
        rgb[patch.y : patch.y + height, patch.x : patch.x + width] = patch.pixels
        return rgb


class Composer:
    """Encodes frames, in their order. `doses` of attributes come beside what `aim` says."""

    def __init__(self, engine: Engine, aim: Aim, doses: Mapping[str, float]) -> None:
        self._engine, self._aim, self._doses = engine, aim, doses
        self._memory: dict[int, _Memory] = {}

    def job(self, frame: Frame) -> Job:
        """The frame's faces, encoded, as far as they are to change. Raises `NoFaceError` for a face that cannot be cut out."""
        asked = [(part, self._values(part, frame.time)) for part in frame.parts]
        moving = [(part, values) for part, values in asked if values is not None]
        if not moving:
            return Job(frame)
        everyone = [part.reading for part in frame.parts] + list(frame.others)
        faces = tuple(self._prepared(frame, part, values, everyone) for part, values in moving)
        return Job(frame, Prepared(frame.rgb, self._engine, faces), tuple(values for _, values in moving))

    def _values(self, part: Part, time: float) -> dict[str, float] | None:
        """What a face is to show, faded; None where it stays exactly as it is."""
        own = own_controls(part.reading)
        wanted = self._aim(time, own)
        if part.share < 1:
            wanted = {name: own[name] + part.share * (value - own[name]) for name, value in wanted.items()}
        values = {**own, **{name: value for name, value in wanted.items() if abs(value - own[name]) > ROUNDING}}
        doses = {name: part.share * dose for name, dose in self._doses.items() if dose}
        return None if values == own and not doses else {**values, **doses}

    def _prepared(self, frame: Frame, part: Part, values: Mapping[str, float], everyone: Sequence[FaceReading]) -> PreparedFace:
        face, matrix = cut_face(frame.rgb, part.reading, self._engine, everyone)
        memory = self._memory.get(part.number)
        if memory is None or memory.shot != frame.shot:
            memory = self._memory[part.number] = _Memory(frame.shot, tone_of(face.image))
        if isinstance(self._engine, KnowsFaces):
            memory.state = self._engine.encode_next(face, memory.state)
            state = memory.state
        else:
            state = self._engine.encode(face)
        return PreparedFace(part.reading, matrix, face, state, memory.tone, self._held(own_controls(part.reading), values))

    def _held(self, own: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
        """The units of the mouth as they are, where brows and lids alone change."""
        changed = {name for name, value in values.items() if value != own.get(name)}
        return {name: own[name] for name in MOUTH if name in own} if changed & UPPER and changed <= UPPER | set(HEAD) else {}
