"""Writing tars as WebDataset reads them (github.com/webdataset/webdataset): the files of a sample follow each other and share
their name up to the first dot. Nothing of the machine or the hour goes into them, so equal contents are equal bytes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from types import TracebackType


class TarWriter:
    """A new tar at `path`; None takes nothing. Use it as a context manager."""

    def __init__(self, path: Path | None) -> None:
        self._tar = None if path is None else tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def add(self, name: str, content: bytes) -> None:
        """One file more."""
        if self._tar is None:
            raise ValueError("this job makes no files")
        about = tarfile.TarInfo(name)
        about.size, about.mode = len(content), 0o644
        self._tar.addfile(about, io.BytesIO(content))

    def __enter__(self) -> TarWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._tar is not None:
            self._tar.close()
