"""What this version of Mimica can do that not every version could: asked in one place."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import numpy as np

from mimica.motion.track import Track

_ALIVE = "mimica.motion.alive"
ALIVE: bool = find_spec(_ALIVE) is not None
"""Idle motion: a head that sways, eyes that wander and blink."""


def with_life(track: Track, rng: np.random.Generator) -> Track:
    """An absolute track of all controls with idle motion on top; only where `ALIVE` is True."""
    made: Track = import_module(_ALIVE).with_life(track, rng)
    return made
