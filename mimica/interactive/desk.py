"""One photo on the table: its faces read once, encoded when they are first moved, rendered as often as somebody asks.

What a person moves are *changes* from the photo, by control and face: 0 is the photo, bit for bit. A preview is the photo made
small (`PREVIEW_SIDE`), encoded as if it were another photo, so that dragging a slider costs one small frame.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from mimica.animation import Prepared, fitted_size, render_frame, resized
from mimica.engines.base import Engine, attributes_of
from mimica.engines.controls import Control, describe
from mimica.errors import NoFaceError, ValueRangeError, nearest
from mimica.face import align
from mimica.face.attributes import split, wish_of
from mimica.face.detect import detect
from mimica.film.worn import dressed_as, prepare_dressed
from mimica.pictures.images import Photo
from mimica.reader.face_choice import check, check_eyes
from mimica.reader.read import FaceReading, Reader, find_faces
from mimica.sheets import layers_of, masks_picture

PREVIEW_SIDE = 512
"""Longer side of a preview, pixels."""
Changes = Mapping[str, float]
"""Control -> how far from what the photo shows."""


@dataclass(frozen=True)
class Desk:
    """A photo and its faces.

    rgb, alpha  as in `mimica.pictures.images.Photo`
    readings    the faces in reading order
    remarks     for each face, sentences about what may not look well
    refusals    for each face, why it cannot be edited, or None
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    readings: tuple[FaceReading, ...]
    remarks: tuple[tuple[str, ...], ...]
    refusals: tuple[str | None, ...]

    @property
    def usable(self) -> tuple[int, ...]:
        """Numbers, from 1, of the faces that can be edited."""
        return tuple(number for number, refusal in enumerate(self.refusals, start=1) if refusal is None)

    @property
    def largest(self) -> int:
        """The number of the largest face that can be edited. Raises `NoFaceError` if there is none."""
        if not self.usable:
            raise NoFaceError(next(refusal for refusal in self.refusals if refusal))
        return max(self.usable, key=lambda number: self.readings[number - 1].eye_distance)


@lru_cache(maxsize=1)
def _reader() -> Reader:
    """The networks, loaded once; several threads may use them."""
    return Reader()


def lay_out(photo: Photo, find: Callable[[np.ndarray], Any] | None = None) -> Desk:
    """Reads the faces. `find` is a detector. Raises `NoFaceError` where there is no face at all."""
    readings = find_faces(photo.rgb, reader=_reader(), detector=find or detect)
    remarks: list[tuple[str, ...]] = []
    refusals: list[str | None] = []
    for reading in readings:
        try:
            remarks.append((*check(reading, photo.rgb.shape), *check_eyes(reading, photo.rgb)))
            refusals.append(None)
        except NoFaceError as error:
            remarks.append(())
            refusals.append(str(error))
    return Desk(photo.rgb, photo.alpha, tuple(readings), tuple(remarks), tuple(refusals))


def encode(desk: Desk, faces: Sequence[int], engine: Engine, side: int | None) -> Prepared:
    """The faces by their numbers, encoded, in the photo with a longer side of at most `side` (None: as it is). Raises
    `NoFaceError` for a number that there is not, or a face that cannot be edited."""
    chosen = []
    for number in faces:
        if not 1 <= number <= len(desk.readings):
            raise NoFaceError(f"There is no face {number} in the photo: it shows {len(desk.readings)}.")
        refusal = desk.refusals[number - 1]
        if refusal is not None:
            raise NoFaceError(refusal)
        chosen.append(desk.readings[number - 1])
    size = (desk.rgb.shape[1], desk.rgb.shape[0]) if side is None else fitted_size(desk.rgb.shape, side)
    others = [reading for reading in desk.readings if not any(reading is one for one in chosen)]
    small, everyone = resized(desk.rgb, [*chosen, *others], size)
    return prepare_dressed(small, everyone[: len(chosen)], engine, everyone[len(chosen) :])


def moved(prepared: Prepared, index: int, changes: Changes) -> dict[str, float]:
    """The absolute values of the engine's controls with `changes` added to what the face shows, within the legal ranges.
    Raises `ValueRangeError` for a control that the engine lacks and for what is no number."""
    engine, own = prepared.engine, prepared.faces[index].face.controls
    described = {control.name: control for control in describe(engine)}
    values = {}
    changes = changes if attributes_of(engine) else split(changes)[0]
    for name, change in changes.items():
        if name not in described:
            raise ValueRangeError(f"The engine '{engine.name}' has no control '{name[:40]}'{nearest(name, described) or '.'}")
        if not np.isfinite(change):
            raise ValueRangeError(f"The change of '{name}' is {change}; it must be a number.")
        values[name] = _legal(described[name], own[name], change)
    return values


def _legal(control: Control, own: float, change: float) -> float:
    """The value that is a change away from the photo's own, or as near to it as may be."""
    if change == 0:
        return float(own)
    if control.relative:
        return float(own + min(max(change, control.low), control.high))
    return float(min(max(own + change, control.low), control.high))


def dressed(prepared: Prepared, changes: Sequence[Changes]) -> Prepared:
    """The faces with the attributes that the changes name, drawn. Raises `NoFaceError` where they cannot be put on, and
    `ValueRangeError`."""
    if attributes_of(prepared.engine):
        return prepared
    return dressed_as(prepared, tuple(wish_of(split(each)[1]) for each in changes))


def picture(prepared: Prepared, changes: Sequence[Changes]) -> np.ndarray:
    """The photo with the changes of each face: uint8 (H, W, 3)."""
    prepared = dressed(prepared, changes)
    return render_frame(prepared, [moved(prepared, i, each) for i, each in enumerate(changes)])


def masks(prepared: Prepared, changes: Sequence[Changes]) -> np.ndarray:
    """What the network made of each face: input, attention, colours, flow, output, on a sheet, uint8 (H, W, 3)."""
    prepared = dressed(prepared, changes)
    rendered = [layers_of(prepared, i, moved(prepared, i, each)) for i, each in enumerate(changes)]
    return masks_picture([(p.face.image, r) for p, r in zip(prepared.faces, rendered, strict=True)])


def portrait(prepared: Prepared, index: int, changes: Changes, side: int) -> np.ndarray:
    """One face with changes, cut out tightly: uint8 (side, side, 3), for a button."""
    worn = dressed(prepared, [changes] * len(prepared.faces))
    one = Prepared(worn.photo, worn.engine, (worn.faces[index],))
    matrix = align.crop_from_photo(prepared.faces[index].reading.landmarks_photo, side, "tight")
    return align.cut(render_frame(one, [moved(one, 0, changes)]), matrix, side)


class Encoded:
    """Keeps what was encoded last, up to so many bytes, for any number of desks; safe to use from several threads.

    An entry that is too large alone is made each time it is asked for.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._entries: OrderedDict[str, Prepared] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}

    def get(self, key: str, desk: Desk, faces: Sequence[int], engine: Engine, side: int | None) -> Prepared:
        """`encode` with its answer kept under `key` (the desk's own) and the other arguments."""
        whole = json.dumps([key, list(faces), engine.name, side])
        with self._lock:
            lock = self._making.setdefault(whole, threading.Lock())
        with lock:
            with self._lock:
                if whole in self._entries:
                    self._entries.move_to_end(whole)
                    return self._entries[whole]
            made = encode(desk, faces, engine, side)
            with self._lock:
                self._entries[whole] = made
                while self._entries and self.bytes > self.limit_bytes:
                    self._entries.popitem(last=False)
                self._making.pop(whole, None)
        return made

    def forget(self, key: str) -> None:
        """Drops all that belongs to a desk."""
        with self._lock:
            for whole in [whole for whole in self._entries if json.loads(whole)[0] == key]:
                del self._entries[whole]

    @property
    def bytes(self) -> int:
        """An estimate of what is kept: photos, and each face's window in floating point with its fields."""
        return sum(e.photo.nbytes + sum(12 * face.face.image.nbytes for face in e.faces) for e in self._entries.values())
