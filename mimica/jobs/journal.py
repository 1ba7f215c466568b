"""What a long job has done so far, in one file that may be cut off at any moment.

The file is a line of JSON that says what the job is, then records in the order in which they were finished. A record is a
line of JSON, `{"key": ..., "size": ..., "crc": ...}`, and `size` bytes of text. It counts only if it is whole: what a killed
job left half written is cut off when the journal is opened again, so nothing is lost but what was in the making, and
nothing is there twice.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeGuard

from mimica.errors import DataError, UserError
from mimica.jobs.lock import Lock

_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 16


@dataclass(frozen=True)
class _Record:
    start: int
    size: int
    crc: int


class Journal:
    """A journal at `path`, made if it is not there. `job` says what is being done, in JSON's types: a journal of another job
    is refused with a `DataError`, and one that another run writes with a `UserError`. Use it as a context manager."""

    def __init__(self, path: str | Path, job: dict[str, Any]) -> None:
        self.path = Path(path)
        self._records: dict[str, _Record] = {}
        self._lock = Lock(self.path)
        try:
            self._open_file(job)
        except BaseException:
            self._lock.close()
            raise

    def _open_file(self, job: dict[str, Any]) -> None:
        try:
            self._file: BinaryIO = self.path.open("r+b" if self.path.exists() else "w+b")
        except OSError as error:
            raise UserError(f"'{self.path}' cannot be written ({error.strerror}): write somewhere else.") from error
        try:
            self._open(job)
        except BaseException:
            self._file.close()
            raise

    def _open(self, job: dict[str, Any]) -> None:
        wanted = json.dumps(job).encode() + b"\n"
        first = self._file.readline(_LONGEST_LINE)
        if first != wanted and wanted.startswith(first):  # new, or killed before the first line was whole
            self._file.seek(0)
            self._file.write(wanted)
        elif first != wanted:
            raise DataError(
                f"'{self.path}' is left from a run with other settings: give the same settings to go on with it, or delete it."
            )
        else:
            self._scan(len(first))
        self._end = self._file.tell()
        self._file.truncate()
        self._file.flush()

    def _scan(self, position: int) -> None:
        """Finds the whole records from `position` on, and leaves the file at the end of the last."""
        while True:
            self._file.seek(position)
            line = self._file.readline(_LONGEST_LINE)
            head = _parsed(line) if line.endswith(b"\n") else None
            if not _is_head(head) or self._checksum(head["size"]) != head["crc"]:
                self._file.seek(position)
                return
            start = position + len(line)
            self._records[head["key"]] = _Record(start, head["size"], head["crc"])
            position = start + head["size"]

    def _checksum(self, size: int) -> int | None:
        """Of the next `size` bytes; None if they are not all there."""
        crc = 0
        while size > 0:
            piece = self._file.read(min(_CHUNK, size))
            if not piece:
                return None
            crc, size = zlib.crc32(piece, crc), size - len(piece)
        return crc

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def add(self, key: str, text: str) -> None:
        """A finished record. A key that is there already is replaced."""
        self._append(key, len(data := text.encode("utf-8", "surrogateescape")), zlib.crc32(data), [data])

    def add_file(self, key: str, path: Path) -> None:
        """A finished record with the contents of a file of any size."""
        with path.open("rb") as source:
            crc = 0
            while piece := source.read(_CHUNK):
                crc = zlib.crc32(piece, crc)
            size = source.tell()
            source.seek(0)
            self._append(key, size, crc, iter(lambda: source.read(_CHUNK), b""))

    def _append(self, key: str, size: int, crc: int, pieces: Iterable[bytes]) -> None:
        line = json.dumps({"key": key, "size": size, "crc": crc}).encode() + b"\n"
        try:
            self._file.seek(self._end)
            self._file.write(line)
            for piece in pieces:
                self._file.write(piece)
            self._file.flush()
        except OSError as error:
            raise UserError(
                f"'{self.path}' cannot be written ({error.strerror}): make room, then run the same command again to go on."
            ) from error
        self._records[key] = _Record(self._end + len(line), size, crc)
        self._end += len(line) + size

    def copy(self, key: str, target: BinaryIO) -> None:
        """Writes the record's contents to an open file. Raises `DataError` where they are not what was put in."""
        record = self._records[key]
        self._file.seek(record.start)
        left, crc = record.size, 0
        while left > 0:
            piece = self._file.read(min(_CHUNK, left))
            if not piece:
                break
            target.write(piece)
            left, crc = left - len(piece), zlib.crc32(piece, crc)
        if left or crc != record.crc:
            raise DataError(
                f"'{self.path}' was changed by something else while it was in use: delete it, and run the same command again."
            )

    def read(self, key: str) -> str:
        """The record's contents."""
        target = io.BytesIO()
        self.copy(key, target)
        return target.getvalue().decode("utf-8", "surrogateescape")

    def remove(self) -> None:
        """Deletes the journal: the job is done."""
        self._file.close()
        self.path.unlink()
        self._lock.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(OSError):  # what could not be written has been said
            self._file.close()
        self._lock.close()


def _is_head(head: Any) -> TypeGuard[dict[str, Any]]:
    """Whether this is a record's first line."""
    wanted = {"key": str, "size": int, "crc": int}
    return isinstance(head, dict) and all(isinstance(head.get(name), kind) for name, kind in wanted.items()) and head["size"] >= 0


def _parsed(line: bytes) -> Any:
    """JSON, or None for what is none."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
