"""Pictures in a folder, with or without sub-folders (a sub-folder is a person)."""

from __future__ import annotations

from pathlib import Path

from mimica.data.inputs import UNKNOWN, is_video, why_not
from mimica.data.sources.base import Dropped, Found, RawFace, pictures_of


def folder_source(folder: Path) -> Found:
    """Any pictures; films and files of unknown kinds are dropped, not passed over."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")):
        if is_video(path) or why_not(path) == UNKNOWN:
            yield Dropped(str(path.relative_to(folder)), "a video" if is_video(path) else UNKNOWN)
    for path in pictures_of(folder):
        if is_video(path):
            continue
        relative = path.relative_to(folder)
        subject = relative.parts[0] if len(relative.parts) > 1 else path.stem
        yield RawFace(str(relative), subject, path)
