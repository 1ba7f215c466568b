"""A photo whose faces are dressed before they are encoded: attributes are put on once, then they move with the face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mimica.animation import Prepared, prepare
from mimica.engines.base import Engine
from mimica.engines.layers.wear import Bare, asked_of, dress_all, together
from mimica.face.attributes import Wish
from mimica.reader.read import FaceReading


def prepare_dressed(
    photo: np.ndarray,
    readings: Sequence[FaceReading],
    engine: Engine,
    bystanders: Sequence[FaceReading] = (),
    wish: Wish = (),
    *,
    enhance: bool = False,
) -> Prepared:
    """`mimica.animation.prepare` with a wish put on every face. Raises `NoFaceError` where nothing of it can be put on."""
    return _prepared(Bare(photo, tuple(readings), tuple(bystanders), (wish,) * len(readings)), engine, enhance)


def _prepared(bare: Bare, engine: Engine, enhance: bool) -> Prepared:
    photo, worn, dressed = dress_all(bare)
    made = prepare(photo, worn, engine, bare.bystanders, enhance=enhance, dressed=dressed)
    return replace(made, bare=bare)


def dressed_further(prepared: Prepared, given: Mapping[str, float], intensity: float) -> tuple[Prepared, dict[str, float]]:
    """The same faces with more put on, from the photo as it was, and the doses of the engine's own attributes. Raises
    `NoFaceError`, `ValueRangeError`."""
    doses, wish = asked_of(prepared.engine, given, intensity)
    if not wish or prepared.bare is None:
        return prepared, doses
    return dressed_as(prepared, tuple(together(worn, wish) for worn in prepared.bare.wishes)), doses


def dressed_as(prepared: Prepared, wishes: tuple[Wish, ...]) -> Prepared:
    """The same faces, each with its wish put on, from the photo as it was; the last such is kept. Raises `NoFaceError`."""
    bare = prepared.bare
    if bare is None or wishes == bare.wishes:
        return prepared
    made = prepared.outfits.get(wishes) or _prepared(replace(bare, wishes=wishes), prepared.engine, prepared.restorer is not None)
    prepared.outfits.clear()
    prepared.outfits[wishes] = made
    return made
