"""IMPA-FACE3D; J. P. Mena-Chalco et al. 2008.

facesdb/s001/bmp/s001-03_img.bmp is expression 3 of person 1: 0 neutral, 1 joy, 2 sadness, 3 surprise, 4 anger, 5 disgust, 6
fear, 7 to 9 mouth opened, eyes closed, kiss, 10 on other views. Paths and numbers are those that published code reads; the set
itself is given on request only and was not at hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mimica.data.sources.base import Dropped, Found, RawFace, pictures_of

if TYPE_CHECKING:
    pass


_IMPA = re.compile(r"s(\d{3})-(\d{2})_img", re.IGNORECASE)
_IMPA_EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "anger", "disgust", "fear", "", "", "")


def impa_source(folder: Path) -> Found:
    """IMPA-FACE3D."""
    for path in pictures_of(folder):
        match = _IMPA.fullmatch(path.stem)
        if match is None:
            yield Dropped(path.name, "its name is none of IMPA-FACE3D's")
        elif int(match[2]) >= len(_IMPA_EMOTIONS):
            yield Dropped(path.name, "not seen from the front")
        else:
            yield RawFace(path.stem, f"impa-{int(match[1])}", path, emotion=_IMPA_EMOTIONS[int(match[2])])
