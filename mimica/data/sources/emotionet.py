"""EmotioNet: lists of URLs (.csv or .txt) and the pictures downloaded from them, by the URLs' file names."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlparse

from mimica.data.sources.base import Dropped, Found, RawFace, pictures_of
from mimica.errors import DataError
from mimica.files import read_bytes
from mimica.foreign.tables import MAX_TEXT
from mimica.pictures.images import SUFFIXES


def emotionet_source(folder: Path) -> Found:
    """EmotioNet's URL lists and the pictures behind them."""
    names: list[str] = []
    for table in sorted([*folder.rglob("*.csv"), *folder.rglob("*.txt")]):
        text = read_bytes(table, MAX_TEXT, DataError).decode("utf-8", "replace")
        for url in re.findall(r"https?://[^\s,;\"'\t]+", text):
            name = _file_of(url)
            if Path(name).suffix.lower() in SUFFIXES:
                names.append(name)
    if not names:
        raise DataError(f"{folder} has no list (.csv or .txt) of URLs of pictures.")
    images = {path.stem: path for path in pictures_of(folder)}
    for name in dict.fromkeys(names):
        stem = Path(name).stem
        yield RawFace(stem, stem, images[stem]) if stem in images else Dropped(name, "not downloaded")


def _file_of(url: str) -> str:
    """The name of the file that a URL names; empty for what is no URL."""
    try:
        return Path(urlparse(url).path).name
    except ValueError:
        return ""
