"""The Radboud Faces Database (O. Langner et al. 2010): Rafd090_01_Caucasian_female_angry_frontal.jpg."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
from mimica.data.sources.base import Dropped, Found, RawFace, emotion_in, pictures_of

_RAFD = re.compile(r"Rafd(\d{3})_(\d+)_(\w+?)_(\w+?)_([a-z]+)_(\w+)", re.IGNORECASE)


def rafd_source(folder: Path) -> Found:
    """The Radboud Faces Database; O. Langner et al. 2010."""
    for path in pictures_of(folder):
        match = _RAFD.fullmatch(path.stem)
        if match is None:
            yield Dropped(path.name, "its name is none of RaFD's")
        elif match[1] in ("000", "180"):
            yield Dropped(path.name, "a profile view")
        else:
            yield RawFace(path.stem, f"rafd-{int(match[2]):02d}", path, emotion=emotion_in(match[5]))
