"""`mimica prepare ffhq`: faces cut as FFHQ cuts them, with other expressions of the same people, for `mimica train stylegan`.

FACES is the set of that name (labels.parquet and ffhq320-*.tar), or any folder of pictures that are FFHQ crops already. PAIRS,
optional, holds the same photos re-animated (`mimica.data.pairs`); each of
its frames is put back into its photo, so that hair and background are there too. The place of the tight crop in the photo is
found from the reader's landmarks and refined by registration with the pair's unchanged frame (`mimica.face.register`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimica.data.dataset import DatasetWriter, resized
from mimica.data.pairs import by_source, read_rows, source_first
from mimica.errors import DataError, NoFaceError
from mimica.face.align import crop_from_photo, cut, feather, paste
from mimica.face.register import register
from mimica.facs import AU_NAMES
from mimica.files import atomic_path
from mimica.foreign.archives import members
from mimica.foreign.tables import read_parquet
from mimica.pictures.images import list_images, picture_in, read_photo
from mimica.reader.read import MIN_CONFIDENCE, Reader, largest_face

_AGREE = 0.9
"""Correlation of the registered photo with the pair's unchanged frame, below which the pair is left out."""
_BORDER = 0.08
"""Width of the soft edge of a frame that is put back, as a share of its side."""
_MARGIN = 0.25
"""Mirrored room around a crop before its head turns, as a share of its side."""

Photo = tuple[str, str, np.ndarray]
"""Stem, person, uint8 (S, S, 3)."""


def photos_of_set(folder: Path) -> Iterator[Photo]:
    """The FFHQ crops of a `faces` set. Raises `DataError` where tars are missing."""
    table = read_parquet(folder / "labels.parquet", ["file", "subject"])
    subjects = dict(zip(table["file"], table["subject"], strict=True))
    tars = sorted(folder.glob("ffhq*.tar"))
    if not tars:
        raise DataError(f"There is no ffhq*.tar in '{folder}'; the set has its FFHQ crops there.")
    for path in tars:
        for member, content in members(path):
            name = Path(member).name
            if name in subjects:
                yield Path(name).stem, str(subjects[name]), picture_in(content, f"{path}, {name}")


def photos_of_folder(folder: Path) -> Iterator[Photo]:
    """Pictures in a folder, each its own person."""
    for path in list_images(folder):
        yield path.stem, path.stem, read_photo(path).rgb


def ffhq_crops(folder: Path) -> Iterator[Photo]:
    """Those of a `faces` set, or the pictures in a folder. Raises `DataError` for one that is not square."""
    if (folder / "labels.parquet").is_file():
        yield from photos_of_set(folder)
        return
    for stem, subject, photo in photos_of_folder(folder):
        height, width = photo.shape[:2]
        if height != width:
            raise DataError(
                f"'{stem}' in '{folder}' is {width} x {height} pixels: FFHQ crops are square. Cut its face out first."
            )
        yield stem, subject, photo


def with_room(crop: np.ndarray) -> tuple[np.ndarray, int]:
    """A crop (S, S, 3) with mirrored room about it, in which its head can turn, and how many pixels that is."""
    room = round(_MARGIN * len(crop))
    return np.pad(crop, ((room, room), (room, room), (0, 0)), mode="symmetric"), room


def cut_again(frame: np.ndarray, landmarks: np.ndarray, side: int, reader: Reader) -> np.ndarray | None:
    """The FFHQ crop (side, side, 3) of a face that has moved in a picture; None where the reader does not find it again.
    `landmarks` (68, 2) are roughly its own."""
    (found,) = reader.read_aligned(frame, [landmarks])
    if found.confidence < MIN_CONFIDENCE:
        return None
    return cut(frame, crop_from_photo(found.landmarks_photo, side, "ffhq"), side)


def reanimated(
    photo: np.ndarray, rows: list[dict[str, Any]], folder: Path, landmarks: np.ndarray
) -> Iterator[tuple[Any, np.ndarray]]:
    """(row, the whole photo with that expression) for each changed frame of one source."""
    if not rows or not rows[0]["is_source"]:
        return
    source = read_photo(folder / rows[0]["file"]).rgb
    matrix, agreement = register(photo, source, crop_from_photo(landmarks, len(source)))
    if agreement < _AGREE:
        return
    mask = feather(len(source), _BORDER * len(source))
    for row in rows[1:]:
        yield row, paste(photo, read_photo(folder / row["file"]).rgb, mask, matrix)


def prepare_ffhq(
    faces: Path,
    pairs: Path | None,
    output: Path,
    *,
    size: int = 128,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> tuple[int, int]:
    """Write the data set; gives the numbers of pictures kept and of photos dropped (no face found). Raises `DataError`."""
    by_photo = by_source(read_rows(pairs)) if pairs else {}
    kept = dropped = 0
    reader = Reader(threads=1)
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        about = {"source": "ffhq", "pairs": pairs is not None}
        with DatasetWriter(temporary, f"FFHQ crops of {faces.name}", size, AU_NAMES, crop="ffhq", notes=about) as writer:
            for number, (stem, subject, photo) in enumerate(ffhq_crops(faces)):
                if limit and number >= limit:
                    break
                try:
                    face = largest_face(photo, reader=reader)
                except NoFaceError:
                    dropped += 1
                    continue
                writer.add(resized(photo, size), face.mean_action_units, stem, subject)
                kept += 1
                for row, picture in reanimated(photo, source_first(by_photo.get(stem, [])), pairs or faces, face.landmarks_photo):
                    values = {name: float(row[name.lower()]) for name in AU_NAMES}
                    writer.add(resized(picture, size), values, Path(row["file"]).stem, subject, str(row.get("recipe", "")))
                    kept += 1
                progress(kept, dropped)
        if not kept:
            raise DataError(f"No picture in '{faces}' shows a face.")
    return kept, dropped
