"""EmotioNet: lists of URLs (.csv or .txt) and the pictures downloaded from them, by the URLs' file names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from mimica.errors import DataError
from mimica.images import SUFFIXES

if TYPE_CHECKING:
    pass
from mimica.data.sources.base import Dropped, Found, RawFace, pictures_of


def emotionet_source(folder: Path) -> Found:
    """EmotioNet's URL lists and the pictures behind them."""
    names: list[str] = []
    for table in sorted([*folder.rglob("*.csv"), *folder.rglob("*.txt")]):
        for url in re.findall(r"https?://[^\s,;\"'\t]+", table.read_text(encoding="utf-8", errors="replace")):
            name = Path(urlparse(url).path).name
            if Path(name).suffix.lower() in SUFFIXES:
                names.append(name)
    if not names:
        raise DataError(f"{folder} has no list (.csv or .txt) of URLs of pictures.")
    images = {path.stem: path for path in pictures_of(folder)}
    for name in dict.fromkeys(names):
        stem = Path(name).stem
        yield RawFace(stem, stem, images[stem]) if stem in images else Dropped(name, "not downloaded")
