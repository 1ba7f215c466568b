"""Frames edited: the faces of each encoded, rendered and laid over it, each with what is known of it from the frames before.

What should not change from one frame to the next is found once in a shot (the colour line of a gray film) or changes slowly
(glasses' rims, the white of the teeth: the engine's own `encode_next`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mimica.animation import Prepared, PreparedFace, cut_face, own_controls, render_patch
from mimica.engines.base import Engine, KnowsFaces
from mimica.engines.layers.dress import Dressed
from mimica.engines.layers.overlay import Overlay
from mimica.face.align import transform
from mimica.face.attributes import Wish
from mimica.face.tone import Tone, tone_of
from mimica.film.aims import MOUTH, Aim
from mimica.film.wardrobe import Wardrobe
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
    """A frame whose faces are encoded, and the values that each is to have; without faces it stays as it is. `overlays` lie over
    faces that wear glasses and show what they show."""

    frame: Frame
    prepared: Prepared | None = None
    values: tuple[Mapping[str, float], ...] = ()
    overlays: tuple[Overlay, ...] = ()

    def rendered(self) -> np.ndarray:
        """The frame, uint8 (H, W, 3), edited; the array itself where nothing changes, and drawn into where something does."""
        rgb = self.frame.rgb
        if self.prepared is not None:
            patch = render_patch(self.prepared, self.values)
            height, width = patch.pixels.shape[:2]
            rgb[patch.y : patch.y + height, patch.x : patch.x + width] = patch.pixels
        for overlay in self.overlays:
            overlay.lay(rgb)
        return rgb


class Composer:
    """Encodes frames, in their order. `doses` of the engine's own attributes come beside what `aim` says; `wish`, what is drawn
    on each face, by its `wardrobe`."""

    def __init__(self, engine: Engine, aim: Aim, doses: Mapping[str, float], wish: Wish = ()) -> None:
        self._engine, self._aim, self._doses = engine, aim, doses
        self._memory: dict[int, _Memory] = {}
        self.wardrobe = Wardrobe(wish)

    def job(self, frame: Frame) -> Job:
        """The frame's faces, encoded, as far as they are to change. Raises `NoFaceError` for a face that cannot be cut out."""
        asked = [(part, self._values(part, frame.time)) for part in frame.parts]
        dressed = [self.wardrobe.put_on(frame, part) for part in frame.parts]
        still = [one for (_, values), one in zip(asked, dressed, strict=True) if values is None and one is not None]
        overlays = tuple(one.overlay for one in still if one.overlay is not None)
        moving = [(part, values, one) for (part, values), one in zip(asked, dressed, strict=True) if values is not None]
        if not moving:
            return Job(frame, overlays=overlays)
        everyone = [part.reading for part in frame.parts] + list(frame.others)
        faces = tuple(self._prepared(frame, *each, everyone) for each in moving)
        return Job(frame, Prepared(frame.rgb, self._engine, faces), tuple(values for _, values, _ in moving), overlays)

    def _values(self, part: Part, time: float) -> dict[str, float] | None:
        """What a face is to show, faded; None where it stays exactly as it is."""
        own = own_controls(part.reading)
        wanted = self._aim(time, own)
        if part.share < 1:
            wanted = {name: own[name] + part.share * (value - own[name]) for name, value in wanted.items()}
        values = {**own, **{name: value for name, value in wanted.items() if abs(value - own[name]) > ROUNDING}}
        doses = {name: part.share * dose for name, dose in self._doses.items() if dose}
        return None if values == own and not doses else {**values, **doses}

    def _prepared(
        self, frame: Frame, part: Part, values: Mapping[str, float], dressed: Dressed | None, everyone: Sequence[FaceReading]
    ) -> PreparedFace:
        reading = part.reading
        if dressed is not None:
            reading = replace(reading, landmarks_photo=dressed.landmarks, irises_photo=dressed.irises)
        face, matrix = cut_face(frame.rgb, reading, self._engine, [one for one in everyone if one is not part.reading])
        if dressed is not None and dressed.overlay is not None:
            face = replace(face, glasses_crop=transform(dressed.overlay.hull, matrix))
        memory = self._memory.get(part.number)
        if memory is None or memory.shot != frame.shot:
            memory = self._memory[part.number] = _Memory(frame.shot, tone_of(face.image))
        if isinstance(self._engine, KnowsFaces):
            memory.state = self._engine.encode_next(face, memory.state)
            state = memory.state
        else:
            state = self._engine.encode(face)
        return PreparedFace(reading, matrix, face, state, memory.tone, self._held(own_controls(reading), values), dressed)

    def _held(self, own: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
        """The units of the mouth as they are, where brows and lids alone change."""
        changed = {name for name, value in values.items() if value != own.get(name)}
        return {name: own[name] for name in MOUTH if name in own} if changed & UPPER and changed <= UPPER | set(HEAD) else {}
