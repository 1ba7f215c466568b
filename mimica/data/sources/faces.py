"""`faces`: tars of aligned 160 px crops with labels.parquet: real faces with weak Action Units and human emotion labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass
from mimica.data.sources.base import Found, RawFace
from mimica.data.sources.labelled_tars import crops_in_tars, units_of


def faces_source(folder: Path) -> Found:
    """Real faces with weak labels."""

    def make(row: Any, content: bytes) -> RawFace:
        emotion = row.emotion if isinstance(row.emotion, str) else ""
        return RawFace(row.file, row.subject, content=content, emotion=emotion, values=units_of(row), aligned=True)

    return crops_in_tars(folder, "tight160-*.tar", make)
