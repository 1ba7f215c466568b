"""GANimation's authors' layout: imgs/, aus_openface.pkl ({stem: 17 numbers of 0 to 5}), train_ids.csv, test_ids.csv."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mimica.data.sources.base import Dropped, Found, RawFace, pictures_of
from mimica.data.sources.openface import openface_values
from mimica.errors import DataError
from mimica.facs import AU_NAMES
from mimica.foreign.array_pickle import read_arrays


def authors_source(folder: Path) -> Found:
    """GANimation's authors' layout."""
    tables = sorted(folder.glob("aus*.pkl"))
    if not tables:
        raise DataError(f"{folder} has no aus_openface.pkl; the authors' layout is imgs/, aus_openface.pkl and *_ids.csv.")
    intensities = {_stem(key): numbers for key, numbers in read_arrays(tables[0]).items()}
    listed = [line for table in sorted(folder.glob("*_ids.csv")) for line in _lines(table)]
    stems = list(dict.fromkeys(map(_stem, listed))) or list(intensities)
    images = {_stem(path.name): path for path in pictures_of(folder / "imgs" if (folder / "imgs").is_dir() else folder)}
    for stem in stems:
        if stem not in images:
            yield Dropped(stem, "no picture of that name")
        elif stem not in intensities:
            yield Dropped(stem, f"not in {tables[0].name}")
        else:
            yield _face(stem, intensities[stem].ravel(), images[stem], tables[0])


def _face(stem: str, numbers: np.ndarray, image: Path, table: Path) -> RawFace | Dropped:
    """Raises `DataError` for numbers that are not OpenFace's."""
    if len(numbers) != len(AU_NAMES):
        raise DataError(f"{table} has {len(numbers)} numbers for {stem}; the 17 intensities of OpenFace are needed.")
    if not np.isfinite(numbers.astype(np.float64)).all():
        return Dropped(stem, f"not a number in {table.name}")
    row = {f"{name}_r": str(float(x)) for name, x in zip(AU_NAMES, numbers, strict=True)}
    return RawFace(stem, stem, image, values=openface_values(row, f"{table.name}, {stem},"))


def _lines(table: Path) -> list[str]:
    """The names in an ids file, one a line. Raises `DataError`."""
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table} cannot be read: {error}.") from error
    return [line.strip().strip("\"',") for line in lines if line.strip()]


_PICTURE = re.compile(r"\.(jpe?g|jpe|jfif|png|bmp|webp|tiff?|gif)$", re.IGNORECASE)


def _stem(name: object) -> str:
    """What a picture is called, whichever way a table names it: `imgs/N_0001.jpg`, `N_0001.jpg`, `N_0001`. Dots that are no
    suffix stay."""
    text = str(name.decode("utf-8", "replace") if isinstance(name, bytes) else name)
    return _PICTURE.sub("", text.replace("\\", "/").rsplit("/", 1)[-1].strip())
