"""`mimica prepare expressions`: FFHQ crops of the same people with other expressions, by Mimica's own engine.

Every photo of the set (see `mimica.prepare.ffhq`) gives `count` pictures: an emotion, a mixture of two, or a few Action Units,
drawn at random from (seed, photo), so that a set made again is the same. The values that are stored are those that were asked
for, exact, mean of left and right. The photo itself is not stored: `mimica prepare ffhq` does that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mimica.api import EditResult, edit, load_engine
from mimica.data.dataset import DatasetWriter, resized
from mimica.engines.base import Engine
from mimica.errors import DataError, NoFaceError
from mimica.facs import AU_NAMES, AU_NUMBERS, RECIPES
from mimica.files import atomic_path
from mimica.prepare.ffhq import photos_of_folder, photos_of_set

_EMOTION, _MIXTURE = 0.55, 0.75
"""Up to the first share of the draws is one emotion, up to the second a mixture, the rest are Action Units."""


def draw_expression(rng: np.random.Generator) -> tuple[str | None, str | None]:
    """`expression` and `au` of `mimica.edit`; one of them is None."""
    kind, names = rng.random(), list(RECIPES)
    if kind < _EMOTION:
        return f"{names[rng.integers(len(names))]}:{rng.uniform(0.5, 1.0):.2f}", None
    if kind < _MIXTURE:
        first, second = rng.choice(names, 2, replace=False)
        return f"{first}:{rng.uniform(0.3, 0.7):.2f}+{second}:{rng.uniform(0.3, 0.7):.2f}", None
    units = rng.choice(AU_NUMBERS, rng.integers(1, 4), replace=False)
    return None, ",".join(f"{unit}={rng.uniform(0.0, 1.0):.2f}" for unit in units)


def expressions(photo: np.ndarray, count: int, rng: np.random.Generator, engine: Engine) -> Iterator[tuple[str, EditResult]]:
    """(what was asked for, result) `count` times. Raises `NoFaceError`."""
    source: np.ndarray | EditResult = photo
    for _ in range(count):
        expression, units = draw_expression(rng)
        if units is not None:  # Action Units alone change what is shown now, so these start from the photo again
            source = photo
        source = edit(source, expression, au=units, engine=engine)
        yield expression or str(units), source


def mean_values(result: EditResult) -> dict[str, float]:
    """The 17 Action Units of the first face, mean of both sides, in [0, 1]."""
    shown = result.controls[0]
    return {name: min(1.0, max(0.0, (shown[f"{name}L"] + shown[f"{name}R"]) / 2)) for name in AU_NAMES}


def prepare_expressions(
    faces: Path,
    output: Path,
    *,
    size: int = 256,
    count: int,
    seed: int = 0,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> tuple[int, int]:
    """Write the data set; gives the numbers of pictures kept and of photos dropped (no face found). Raises `DataError`."""
    photos = photos_of_set if (faces / "labels.parquet").is_file() else photos_of_folder
    kept = dropped = 0
    engine = load_engine("ganimation")
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        about = {"source": "expressions", "count": count, "seed": seed}
        title = f"FFHQ crops of {faces.name}, {count} expressions each"
        with DatasetWriter(temporary, title, size, AU_NAMES, crop="ffhq", notes=about) as writer:
            for number, (stem, subject, photo) in enumerate(itertools.islice(photos(faces), limit or None)):
                try:
                    for k, (wanted, result) in enumerate(
                        expressions(photo, count, np.random.default_rng([seed, number]), engine)
                    ):
                        values = mean_values(result)
                        writer.add(resized(result.image, size), values, f"{stem}_e{k}", subject, wanted, stem)
                        kept += 1
                except NoFaceError:
                    dropped += 1
                progress(kept, dropped)
        if not kept:
            raise DataError(f"No picture in '{faces}' shows a face.")
    return kept, dropped
