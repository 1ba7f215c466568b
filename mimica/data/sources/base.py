"""What a raw face data set gives: a function from its folder to faces (`mimica.data.sources.registry` names them all)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mimica.facs import ALIASES, RECIPES
from mimica.pictures.images import list_images

NO_FACE, NO_FACE_IN_TABLE = "no face was found", "OpenFace found no face in it"
TURNED, ALONE = "the head is turned too far", "nobody is alike enough"
"""Why a picture is dropped that was read, and shows nobody, or nobody who is of use; any other reason is a loss."""


@dataclass(frozen=True)
class RawFace:
    """One picture of a raw set.

    name      unique in the set
    subject   the person, or the picture's own name where people are not known
    path      the picture's file, or
    content   its bytes
    emotion   by the names of `mimica.facs.RECIPES`; empty where not known
    values    Action Units by name in [0, 1]; None: to be measured
    aligned   the picture is a tight crop already
    photo     the photo that it shows with another expression, the same pixel by pixel elsewhere; empty where there is none
    """

    name: str
    subject: str
    path: Path | None = None
    content: bytes | None = None
    emotion: str = ""
    values: Mapping[str, float] | None = None
    aligned: bool = False
    photo: str = ""


@dataclass(frozen=True)
class Dropped:
    """One picture that is not used, and why."""

    name: str
    why: str


Found = Iterator[RawFace | Dropped]
"""What the function of a set gives; it raises `DataError` where the folder is not such a set."""


def emotion_in(words: str) -> str:
    """The first emotion that a file's name tells, by its name or an everyday word -> its key; empty where there is none."""
    tokens = re.findall("[a-z]+", words.lower())
    for length in (2, 1):
        for start in range(len(tokens) - length + 1):
            key = "_".join(tokens[start : start + length])
            if ALIASES.get(key, key) in RECIPES:
                return ALIASES.get(key, key)
    return ""


def pictures_of(folder: Path) -> list[Path]:
    return list_images(folder, recursive=True)
