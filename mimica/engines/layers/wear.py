"""Which attributes are an engine's own and which are drawn, and dressing all faces of a photo.

An engine with attributes of its own (vae, stylegan) takes what is asked for as doses; any other gets a photo that is dressed
already, and moves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mimica.engines.base import MAX_DOSE, Engine, attributes_of
from mimica.engines.layers.dress import Dressed, dress
from mimica.errors import NoFaceError
from mimica.face.attributes import Wish, wish_of
from mimica.motion.expression import checked_attributes
from mimica.reader.read import FaceReading


@dataclass(frozen=True)
class Bare:
    """What was there before anything was put on: the photo, its readings, those of its other faces; and what each face is to
    wear."""

    photo: np.ndarray
    readings: tuple[FaceReading, ...]
    bystanders: tuple[FaceReading, ...]
    wishes: tuple[Wish, ...]


def asked_of(engine: Engine, doses: Mapping[str, float], intensity: float = 1.0) -> tuple[dict[str, float], Wish]:
    """What is asked for, {attribute: dose}: the doses of the engine's own attributes, and what is to be drawn. Raises
    `ValueRangeError` for what there is not."""
    if not attributes_of(engine):
        return {}, wish_of(doses, intensity)
    own = {name: intensity * dose for name, dose in doses.items()}
    checked_attributes(own, engine.name, attributes_of(engine), MAX_DOSE)
    return own, ()


def dress_all(bare: Bare) -> tuple[np.ndarray, list[FaceReading], list[Dressed]]:
    """The photo with every face dressed, the readings with their landmarks where they are now, and what was put on each. Raises
    `NoFaceError` where nothing of what is asked for can be put on any face."""
    photo, readings, dressed = bare.photo, list[FaceReading](), list[Dressed]()
    for reading, wish in zip(bare.readings, bare.wishes, strict=True):
        if not wish:
            readings.append(reading)
            dressed.append(Dressed(photo, reading.landmarks_photo, reading.irises_photo))
            continue
        one = dress(photo, reading.landmarks_photo, reading.irises_photo, (reading.yaw, reading.pitch, reading.roll), wish)
        photo = one.photo
        readings.append(replace(reading, landmarks_photo=one.landmarks, irises_photo=one.irises))
        dressed.append(one)
    refusals = refused(dressed)
    if refusals and not any(one.masks for one in dressed):
        raise NoFaceError(refusals[0])
    return photo, readings, dressed


def refused(dressed: Sequence[Dressed | None]) -> tuple[str, ...]:
    """The sentences about what was left out, each once."""
    return tuple(dict.fromkeys(sentence for one in dressed if one is not None for sentence in one.refusals))


def together(first: Wish, then: Wish) -> Wish:
    """A wish and what is asked for later; of an attribute in both the later counts."""
    names = {worn.name for worn in then}
    return wish_of({worn.key: worn.dose for worn in (*(one for one in first if one.name not in names), *then)})
