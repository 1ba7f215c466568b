"""The MUG facial expression database; N. Aifanti, C. Papachristou, A. Delopoulos 2010.

subjects3/001/anger/take000/img_0000.jpg, or with session folders between person and expression. A take goes from neutral to
the apex and back, so its middle frame is taken. The paths are those that published code reads; the set itself is given on
request only and was not at hand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from mimica.data.sources.base import Dropped, Found, RawFace, emotion_in, pictures_of

if TYPE_CHECKING:
    pass


_MUG_TAKE = re.compile(r"take\d+", re.IGNORECASE)


def mug_source(folder: Path) -> Found:
    """The MUG facial expression database: one frame of each take."""
    takes: dict[Path, list[Path]] = defaultdict(list)
    for path in pictures_of(folder):
        takes[path.parent].append(path)
    for take, frames in takes.items():
        relative = take.relative_to(folder)
        person = next((part for part in relative.parts if part.isdecimal()), None)
        emotion = next((found for part in reversed(relative.parts) if (found := emotion_in(part))), "")
        if person is None or not _MUG_TAKE.fullmatch(take.name):
            yield Dropped(str(relative), "no folder of a take of MUG's")
        else:
            yield RawFace(str(relative), f"mug-{int(person)}", frames[len(frames) // 2], emotion=emotion)
