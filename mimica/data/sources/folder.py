"""Pictures in a folder, with or without sub-folders (a sub-folder is a person)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
from mimica.data.sources.base import Found, RawFace, pictures_of


def folder_source(folder: Path) -> Found:
    """Any pictures."""
    for path in pictures_of(folder):
        relative = path.relative_to(folder)
        subject = relative.parts[0] if len(relative.parts) > 1 else path.stem
        yield RawFace(str(relative), subject, path)
