"""`mimica prepare`: raw face sets -> the one on-disk format of `mimica.data.dataset`.

Each picture goes through: read, find the face (the largest), measure it, cut it out upright and centred (the tight crop),
resize. Worker processes share the pictures; the order of the result is that of the source. What is dropped is listed in
dropped.csv beside the data, with the reason.
"""

from __future__ import annotations

import csv
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from mimica.data.dataset import AS_IS, DatasetWriter, resized
from mimica.data.sources.base import ALONE, NO_FACE, NO_FACE_IN_TABLE, TURNED, Dropped, RawFace
from mimica.data.sources.registry import SOURCES
from mimica.errors import DataError, ImageError, NoFaceError, ValueRangeError, nearest
from mimica.face.align import crop_from_photo, cut
from mimica.facs import AU_NAMES
from mimica.files import atomic_path
from mimica.jobs import workers
from mimica.pictures.images import picture_in, read_photo
from mimica.reader.read import FaceReading, Reader, largest_face

NO_FACE_SEEN = "no face was seen"


@dataclass
class Report:
    """What became of a set: pictures `kept`, and names and reasons of those `dropped`."""

    kept: int = 0
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def reasons(self) -> dict[str, int]:
        """Why -> how many, most first."""
        return dict(Counter(one.why for one in self.dropped).most_common())

    @property
    def complete(self) -> bool:
        """Whether all that was dropped was at least read: it shows no face that is of use."""
        return self.reasons.keys() <= {NO_FACE, NO_FACE_IN_TABLE, NO_FACE_SEEN, TURNED, ALONE}

    def __str__(self) -> str:
        counts = self.reasons.items()
        return "\n".join([f"{self.kept} faces kept, {len(self.dropped)} dropped", *(f"  {n}: {why}" for why, n in counts)])

    def as_object(self) -> dict[str, Any]:
        """In JSON's types, by the keys that `mimica prepare --help` documents."""
        return {"kept": self.kept, "dropped": len(self.dropped), "reasons": self.reasons, "complete": self.complete}


@dataclass(frozen=True)
class Cropped:
    """A face ready to be stored."""

    raw: RawFace
    image: np.ndarray
    values: dict[str, float]


class Cropper:
    """What a worker does: one raw face -> a crop with its values, or why not. `as_is`: pictures are crops already; `kind` is
    the crop of `mimica.face.align` that others are cut to."""

    def __init__(self, size: int, as_is: bool = False, kind: Literal["tight", "ffhq"] = "tight") -> None:
        self.size, self.as_is, self.kind = size, as_is, kind

    @functools.cached_property
    def reader(self) -> Reader:
        return Reader(threads=1)

    def __call__(self, task: tuple[int, RawFace], tick: workers.Tick) -> Cropped | Dropped:
        cv2.setNumThreads(1)
        raw = task[1]
        try:
            result: Cropped | Dropped = self.crop(raw)
        except (ImageError, NoFaceError) as error:
            result = Dropped(raw.name, reason_of(error))
        tick(1, 1)
        return result

    def crop(self, raw: RawFace) -> Cropped:
        """Raises `ImageError` and `NoFaceError` for pictures that cannot be used."""
        photo, aligned = picture_of(raw), raw.aligned or self.as_is
        if aligned and raw.values is not None:
            return Cropped(replace(raw, path=None, content=None), _square(photo, self.size), dict(raw.values))
        reading = self._largest(photo)
        if aligned:
            image = _square(photo, self.size)
        else:
            image = cut(photo, crop_from_photo(reading.landmarks_photo, self.size, self.kind), self.size)
        values = reading.mean_action_units if raw.values is None else raw.values
        return Cropped(replace(raw, path=None, content=None), image, dict(values))

    def _largest(self, photo: np.ndarray) -> FaceReading:
        return largest_face(photo, reader=self.reader)


def reason_of(error: ImageError | NoFaceError) -> str:
    """The kind of trouble, without the picture's name, so that equal ones are counted together."""
    return NO_FACE if isinstance(error, NoFaceError) else "the picture cannot be read"


def picture_of(raw: RawFace) -> np.ndarray:
    if raw.path is not None:
        return read_photo(raw.path).rgb
    if raw.content is None:
        raise ImageError(f"{raw.name} has no picture.")
    return picture_in(raw.content, raw.name)


def _square(photo: np.ndarray, size: int) -> np.ndarray:
    """The central square, resized."""
    side = min(photo.shape[:2])
    top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    return resized(np.ascontiguousarray(photo[top : top + side, left : left + side]), size)


def prepare(
    source: str,
    folder: Path,
    output: Path,
    *,
    size: int = 128,
    as_is: bool = False,
    jobs: int = 1,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> Report:
    """Prepare the set `source` in `folder` into the new folder `output`; `limit` takes the first so many pictures only.

    `progress` is called with the faces kept and dropped so far. Raises `ValueRangeError` for an unknown source, `DataError`
    where the folder is no such set or has no usable face, and `UserError` where the output cannot be written."""
    check_source(source, folder)
    report = Report()
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        title = f"{source} ({folder.name})"
        crop, about = AS_IS if as_is else "tight", {"source": source, "as_is": as_is}
        with DatasetWriter(temporary, title, size, AU_NAMES, crop=crop, notes=about) as writer:
            for result in results(source, folder, Cropper(size, as_is), jobs, limit):
                if isinstance(result, Dropped):
                    report.dropped.append(result)
                else:
                    raw = result.raw
                    writer.add(result.image, result.values, raw.name, raw.subject, raw.emotion, raw.photo)
                    report.kept += 1
                progress(report.kept, len(report.dropped))
        if not report.kept:
            raise DataError(f"Nothing in {folder} could be used. {report}.")
        write_dropped(temporary, report)
    return report


def write_dropped(folder: Path, report: Report) -> None:
    """dropped.csv: what is not in the data, and why."""
    with (folder / "dropped.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("name", "why"), *((one.name, one.why) for one in report.dropped)])


def check_source(source: str, folder: Path) -> None:
    """Raises `ValueRangeError` for an unknown source, `DataError` for a folder that is not there."""
    if source not in SOURCES:
        raise ValueRangeError(f"There is no source '{source}'{nearest(source, SOURCES) or ';'} they are {', '.join(SOURCES)}.")
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}': check the path.")


def results(source: str, folder: Path, cropper: Cropper, jobs: int, limit: int) -> Iterator[Cropped | Dropped]:
    """What became of each picture, in the source's order, whichever worker was done first."""
    known: dict[int, Cropped | Dropped] = {}

    def tasks() -> Iterator[tuple[int, RawFace]]:
        for number, found in enumerate(SOURCES[source](folder)):
            if limit and number >= limit:
                return
            if isinstance(found, Dropped):
                known[number] = found
            else:
                yield number, found

    next_number = 0
    for done in workers.run(tasks(), functools.partial(_same, cropper), jobs, _no_progress):
        known[done.task[0]] = done.result
        while next_number in known:
            yield known.pop(next_number)
            next_number += 1
    yield from (known[number] for number in sorted(known))


def _same(cropper: Cropper) -> Any:
    return cropper


def _no_progress(_part: float, _pictures: int) -> None:
    """Progress is counted by results."""
