"""GANimation's authors' layout: imgs/, aus_openface.pkl ({stem: 17 numbers of 0 to 5}), train_ids.csv, test_ids.csv."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mimica.errors import DataError
from mimica.facs import AU_NAMES
from mimica.foreign.array_pickle import read_arrays

if TYPE_CHECKING:
    pass
from mimica.data.sources.base import Dropped, Found, RawFace, pictures_of
from mimica.data.sources.openface import openface_values


def authors_source(folder: Path) -> Found:
    """GANimation's authors' layout."""
    tables = sorted(folder.glob("aus*.pkl"))
    if not tables:
        raise DataError(f"{folder} has no aus_openface.pkl; the authors' layout is imgs/, aus_openface.pkl and *_ids.csv.")
    intensities = read_arrays(tables[0])
    listed = [line for table in sorted(folder.glob("*_ids.csv")) for line in table.read_text(encoding="utf-8").split()]
    stems = list(dict.fromkeys(Path(line).stem for line in listed)) or list(intensities)
    images = {path.stem: path for path in pictures_of(folder / "imgs" if (folder / "imgs").is_dir() else folder)}
    for stem in stems:
        if stem not in images:
            yield Dropped(stem, "no picture of that name")
        elif stem not in intensities:
            yield Dropped(stem, f"not in {tables[0].name}")
        else:
            numbers = intensities[stem].ravel()
            if len(numbers) != len(AU_NAMES):
                raise DataError(f"{tables[0]} has {len(numbers)} numbers for {stem}; the 17 intensities of OpenFace are needed.")
            row = {f"{name}_r": str(float(x)) for name, x in zip(AU_NAMES, numbers, strict=True)}
            yield RawFace(stem, stem, images[stem], values=openface_values(row, f"{tables[0].name}, {stem},"))
