"""What of a face does not change from one frame of a film to the next: where its glasses are, how white its white is, how fine
its field is. The glasses are searched again now and then, the white follows the light slowly; both in the face's own crop, in
which a head that moves stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimica.face import glasses

SEARCH_EVERY = 12
"""Frames between two searches for glasses."""
MISSES = 3
"""Searches without glasses after which they have been taken off."""
SHARE_OF_NEW = 0.25
"""Of where the rims are by a new search, in where they are taken to be."""
RATE_OF_WHITE = 0.06
"""How much of a frame's own white goes into the white that is used."""
SLACK = 1.15
"""By so much a face may be larger or smaller than its field is meant for, before the field changes its scale."""


@dataclass(frozen=True)
class Lasting:
    """What is known after a frame.

    rims   uint8 (rows, `glasses.SIDE`), 1 on the frame of glasses, or None        away  float32, how far the nearest rim is
    white  float32 (3,), 0..255        scale  of fields        age  frames since the last search        misses  searches in a row
    """

    rims: np.ndarray | None
    away: np.ndarray | None
    white: np.ndarray
    scale: int
    age: int = 0
    misses: int = 0


def scale_of(side: float, detail: float, before: Lasting | None) -> int:
    """The scale of the field for a tight crop of so many pixels a side."""
    low, here, high = (int(np.clip(np.ceil(side / detail * f), 1, 3)) for f in (1 / SLACK, 1.0, SLACK))
    return before.scale if before is not None and low <= before.scale <= high else here


def white_of(white: np.ndarray, before: Lasting | None) -> np.ndarray:
    """The white of this frame, moved on from that of the frame before."""
    if before is None:
        return white
    return (before.white + RATE_OF_WHITE * (white - before.white)).astype(np.float32)


def is_due(before: Lasting | None) -> bool:
    """Whether glasses are to be searched for."""
    return before is None or before.age + 1 >= SEARCH_EVERY


def known(
    found: np.ndarray | None, searched: bool, white: np.ndarray, scale: int, shape: tuple[int, int], before: Lasting | None
) -> Lasting:
    """What is known after this frame, in which `found` are the rims if it was `searched`; `shape` is that of its field."""
    if before is None:
        return Lasting(found, None if found is None else glasses.distance(found, shape), white, scale)
    if not searched:
        away = before.away
        if before.rims is not None and (away is None or away.shape != shape):
            away = glasses.distance(before.rims, shape)
        return Lasting(before.rims, away, white, scale, before.age + 1, before.misses)
    if found is None:
        misses = before.misses + 1
        gone = before.rims is None or misses >= MISSES
        kept = None if gone or before.rims is None else glasses.distance(before.rims, shape)
        return Lasting(None if gone else before.rims, kept, white, scale, 0, misses)
    away = glasses.distance(found, shape)
    if before.away is not None and before.away.shape == shape:
        away = before.away + SHARE_OF_NEW * (away - before.away)
    return Lasting(found, away, white, scale)
