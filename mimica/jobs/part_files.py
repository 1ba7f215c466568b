"""Files that the work of a part makes: in a tar, or in a folder of the part's own.

Tars are as WebDataset reads them (github.com/webdataset/webdataset): the files of a sample follow each other and share their
name up to the first dot. Nothing of the machine or the hour goes into them, so equal contents are equal bytes.
"""

from __future__ import annotations

import io
import tarfile
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Literal

from mimica.files import atomic_path, fitting, writing

Kind = Literal["", "tar", "folder"]


class PartFiles:
    """Where the work puts its files; `base` is the part's path without a suffix. A tar appears whole at the end; files of a
    folder one by one, so what makes them must write each whole. Use it as a context manager."""

    def __init__(self, base: Path, kind: Kind) -> None:
        self._folder = base if kind == "folder" else None
        self._whole = atomic_path(base.with_name(f"{base.name}.tar")) if kind == "tar" else nullcontext()
        self._tar: tarfile.TarFile | None = None
        self._names: set[str] = set()

    def add(self, name: str, content: bytes) -> None:
        """A file of the tar."""
        if self._tar is None:
            raise ValueError("this job makes no tar")
        about = tarfile.TarInfo(name)
        about.size, about.mode = len(content), 0o644
        self._tar.addfile(about, io.BytesIO(content))

    def place(self, name: str) -> Path:
        """Where a file of the folder is to be written; of two that would have the same name the second one gets a number."""
        if self._folder is None:
            raise ValueError("this job makes no folder")
        with writing(self._folder):
            self._folder.mkdir(exist_ok=True)
        wanted, number = fitting(self._folder / name), 1
        while wanted.name in self._names:
            number += 1
            wanted = wanted.with_name(f"{Path(name).stem}_{number}{Path(name).suffix}")
        self._names.add(wanted.name)
        return wanted

    def __enter__(self) -> PartFiles:
        temporary = self._whole.__enter__()
        if temporary is not None:
            self._tar = tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._tar is not None:
            self._tar.close()
        self._whole.__exit__(kind, error, trace)
