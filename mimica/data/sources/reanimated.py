"""`reanimated`: tars of aligned 160 px crops with labels.parquet: the same photos under other, known Action Units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimica.facs import RECIPES

if TYPE_CHECKING:
    pass
from mimica.data.sources.base import Found, RawFace
from mimica.data.sources.labelled_tars import crops_in_tars, units_of


def reanimated_source(folder: Path) -> Found:
    """The same photos under known Action Units."""

    def make(row: Any, content: bytes) -> RawFace:
        emotion = row.recipe if row.recipe in RECIPES else ""
        photo = "" if row.recipe == "real_smile" else row.source_id  # a smile of another moment
        values = units_of(row)
        return RawFace(row.file, row.subject, content=content, emotion=emotion, values=values, aligned=True, photo=photo)

    return crops_in_tars(folder, "frames_*.tar", make)
