"""Pictures in tars, as data sets have them: expanded within limits, links and what is no file refused, nothing written.

The members of an uncompressed tar cannot hold more than the file has; a compressed one is expanded in memory, to
`MAX_EXPANDED` at most. Pictures go through the one safe reader (`mimica.pictures.images.read_photo`).
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from mimica.errors import DataError, UserError, shown

MAX_MEMBER = 256 << 20
"""Largest file in an archive."""
MAX_EXPANDED = 512 << 20
"""Bytes to which a compressed archive may be expanded."""
_PACKED: tuple[tuple[bytes, Callable[[Any], IO[bytes]]], ...] = (
    (b"\x1f\x8b", gzip.open),  # type: ignore[assignment]
    (b"BZh", bz2.open),  # type: ignore[assignment]
    (b"\xfd7zXZ", lzma.open),
)
_DAMAGED = (tarfile.TarError, OSError, EOFError, ValueError, MemoryError, OverflowError, zlib.error, lzma.LZMAError)


def members(path: Path, error: type[UserError] = DataError) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file in a tar, in order. Raises `error` for an archive that is cut, damaged, holds links or
    devices, or expands to more than it should."""
    try:
        size, stream = path.stat().st_size, _unpacked(path, error)
        with stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            limit = len(stream.getbuffer()) if isinstance(stream, BytesIO) else size
            for member in tar:
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise error(f"The archive {path} holds '{member.name}', which is a link or no plain file: make it anew.")
                limit -= member.size
                if member.size > MAX_MEMBER or limit < 0:
                    raise error(f"The archive {path} is cut short, or '{member.name}' in it is too large: get it again.")
                file = tar.extractfile(member)
                content = file.read() if file else b""
                if len(content) != member.size:
                    raise error(f"The archive {path} is cut short in '{member.name}': get it again.")
                yield member.name, content
            stream.seek(tar.offset)
            if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):  # a whole one ends in empty blocks
                raise error(f"The archive {path} is cut short, or damaged: get it again.")
    except _DAMAGED as problem:
        raise error(f"The archive {path} cannot be read ({shown(problem)}): get it again.") from problem


def _unpacked(path: Path, error: type[UserError]) -> IO[bytes] | BytesIO:
    """The tar itself, opened, or what a compressed one holds."""
    file = path.open("rb")
    start = file.read(6)
    file.seek(0)
    for magic, opened in _PACKED:
        if start.startswith(magic):
            with file, opened(file) as packed:
                content = packed.read(MAX_EXPANDED + 1)
            if len(content) > MAX_EXPANDED:
                raise error(f"The archive {path} expands to more than {MAX_EXPANDED >> 20} MB and is not opened.")
            return BytesIO(content)
    return file
