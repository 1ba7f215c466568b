"""Faces cut as FFHQ cuts them, in colour, with other expressions of the same people: what `mimica train stylegan` learns from.

FACES is the set of that name (labels.parquet and ffhq320-*.tar), or any folder of pictures that are FFHQ crops already. PAIRS,
optional, holds the same photos re-animated (labels.jsonl and tight crops, see `mimica.engines.ganimation.fast.data`); each of
its frames is put back into its photo, so that hair and background are there too. The place of the tight crop in the photo is
found from the reader's landmarks and refined by registration with the pair's unchanged frame (G. Evangelidis, E. Psarakis,
"Parametric image alignment using enhanced correlation coefficient maximization", 2008).
"""

from __future__ import annotations

import json
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.data.dataset import DatasetWriter, resized
from mimica.errors import DataError, MissingExtraError, NoFaceError
from mimica.face.align import crop_from_photo, feather, invert, paste, transform
from mimica.facs import AU_NAMES
from mimica.files import atomic_path
from mimica.images import list_images, read_photo
from mimica.reader.read import Reader, find_faces

_AGREE = 0.9
"""Correlation of the registered photo with the pair's unchanged frame, below which the pair is left out."""
_BORDER = 0.08
"""Width of the soft edge of a frame that is put back, as a share of its side."""

Photo = tuple[str, str, np.ndarray]
"""Stem, person, uint8 (S, S, 3)."""


def photos_of_set(folder: Path) -> Iterator[Photo]:
    """The FFHQ crops of a `faces` set. Raises `DataError` where tars are missing."""
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise MissingExtraError("Reading labels.parquet needs pandas: pip install 'mimica[train]'.") from error
    table = pandas.read_parquet(folder / "labels.parquet", columns=["file", "subject"])
    subjects = dict(zip(table["file"], table["subject"], strict=True))
    tars = sorted(folder.glob("ffhq*.tar"))
    if not tars:
        raise DataError(f"There is no ffhq*.tar in '{folder}'; the set has its FFHQ crops there.")
    for path in tars:
        with tarfile.open(path) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                name = Path(member.name).name
                if file is None or name not in subjects:
                    continue
                image = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
                if image is None:
                    raise DataError(f"{name} in '{path}' is no picture.")
                yield Path(name).stem, str(subjects[name]), cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def photos_of_folder(folder: Path) -> Iterator[Photo]:
    """Pictures in a folder, each its own person."""
    for path in list_images(folder):
        yield path.stem, path.stem, read_photo(path).rgb


def read_pairs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """labels.jsonl -> its rows by source, the unchanged frame first. Raises `DataError`."""
    labels = folder / "labels.jsonl"
    if not labels.is_file():
        raise DataError(f"There is no labels.jsonl in '{folder}': it is no folder of pairs.")
    rows = defaultdict(list)
    for number, line in enumerate(labels.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            rows[str(row["source_id"])].append(row)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"Line {number} of '{labels}' is no labelled frame ({error}).") from error
    return {name: sorted(group, key=lambda row: not row["is_source"]) for name, group in rows.items()}


def register(photo: np.ndarray, crop: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """The matrix crop_from_photo that fits best, and the correlation reached, from rough `landmarks` (68, 2) of the photo."""
    side = len(crop)
    start = invert(crop_from_photo(landmarks, side))
    centred = np.column_stack([start[:, :2], transform(np.array([0.5, 0.5]), start) - 0.5])  # cv2 counts from pixel centres
    gray = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (crop, photo)]
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)
    try:
        found, refined = cv2.findTransformECC(gray[0], gray[1], centred.astype(np.float32), cv2.MOTION_AFFINE, stop)
    except cv2.error:  # no overlap, or nothing to see
        return invert(start), 0.0
    matrix = np.asarray(refined, np.float64)
    return invert(np.column_stack([matrix[:, :2], transform(np.array([-0.5, -0.5]), matrix) + 0.5])), float(found)


def reanimated(
    photo: np.ndarray, rows: list[dict[str, Any]], folder: Path, landmarks: np.ndarray
) -> Iterator[tuple[Any, np.ndarray]]:
    """(row, the whole photo with that expression) for each changed frame of one source."""
    if not rows or not rows[0]["is_source"]:
        return
    source = read_photo(folder / rows[0]["file"]).rgb
    matrix, agreement = register(photo, source, landmarks)
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
    photos = photos_of_set if (faces / "labels.parquet").is_file() else photos_of_folder
    by_source = read_pairs(pairs) if pairs else {}
    kept = dropped = 0
    reader = Reader(threads=1)
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        about = {"source": "ffhq", "pairs": pairs is not None}
        with DatasetWriter(temporary, f"FFHQ crops of {faces.name}", size, AU_NAMES, crop="ffhq", notes=about) as writer:
            for number, (stem, subject, photo) in enumerate(photos(faces)):
                if limit and number >= limit:
                    break
                try:
                    face = max(find_faces(photo, reader=reader), key=lambda one: one.eye_distance)
                except NoFaceError:
                    dropped += 1
                    continue
                writer.add(resized(photo, size), face.mean_action_units, stem, subject)
                kept += 1
                for row, picture in reanimated(photo, by_source.get(stem, []), pairs or faces, face.landmarks_photo):
                    values = {name: float(row[name.lower()]) for name in AU_NAMES}
                    writer.add(resized(picture, size), values, Path(row["file"]).stem, subject, str(row.get("recipe", "")))
                    kept += 1
                progress(kept, dropped)
        if not kept:
            raise DataError(f"No picture in '{faces}' shows a face.")
    return kept, dropped
