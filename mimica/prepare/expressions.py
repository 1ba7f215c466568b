"""`mimica prepare expressions`: FFHQ crops of the same people with other expressions, by Mimica's own engine.

Every photo of the set (see `mimica.prepare.ffhq`) gives `count` pictures: an emotion, a mixture of two, or a few Action Units,
drawn at random from (seed, photo), so that a set made again is the same. The values that are stored are those that were asked
for, exact, mean of left and right. The photo itself is not stored: `mimica prepare ffhq` does that.

A share `turned` of the pictures has head and eyes turned as well, by degrees away from the photo that stand behind the
expression in the column `emotion` ("happiness:0.80; yaw=9.1,pitch=-3.0; x=4.2,y=1.0"); they are cut out anew, as FFHQ would.
Where the photo ends it is mirrored, so that a little of the hair may stand a second time above a head that bows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from mimica.api import EditResult, edit, load_engine
from mimica.data.dataset import DatasetWriter, resized
from mimica.engines.base import Engine
from mimica.errors import DataError, NoFaceError
from mimica.facs import AU_NAMES, AU_NUMBERS, RECIPES
from mimica.files import atomic_path
from mimica.motion.head import limits
from mimica.prepare.ffhq import cut_again, ffhq_crops, with_room
from mimica.reader.read import Reader

_EMOTION, _MIXTURE = 0.55, 0.75
"""Up to the first share of the draws is one emotion, up to the second a mixture, the rest are Action Units."""
TURNS = {"yaw": (9.0, 18.0), "pitch": (5.0, 10.0), "x": (8.0, 16.0), "y": (5.0, 10.0)}
"""Of heads (yaw, pitch) and gaze (x, y): standard deviation and largest turn, in degrees away from the photo."""
_ANGLES = {"yaw": "yaw", "pitch": "pitch", "x": "gaze_x", "y": "gaze_y"}
"""Names in `TURNS` -> controls."""

Draws = tuple[np.random.Generator, np.random.Generator]
"""Of the expressions and, apart so that these stay the same, of the turns."""


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


def draw_turn(rng: np.random.Generator) -> tuple[str, str]:
    """`pose` and `gaze` of `mimica.edit`."""
    angles = {name: float(np.clip(rng.normal(0, spread), -most, most)) for name, (spread, most) in TURNS.items()}
    return _listed(angles, "yaw", "pitch"), _listed(angles, "x", "y")


def _listed(angles: Mapping[str, float], *names: str) -> str:
    return ",".join(f"{name}={angles[name]:.1f}" for name in names)


def _turned_by(before: EditResult, after: EditResult) -> str:
    """By what a face was turned, which is less than what was asked for at the limits of a head."""
    own, asked = before.controls[0], after.controls[0]
    ranges = limits(own)
    angles = {name: float(np.clip(asked[one], *ranges[one])) - own[one] for name, one in _ANGLES.items()}
    return f"{_listed(angles, 'yaw', 'pitch')}; {_listed(angles, 'x', 'y')}"


def pictures(
    photo: np.ndarray, count: int, draws: Draws, engine: Engine, *, turned: float, reader: Reader
) -> Iterator[tuple[str, np.ndarray, dict[str, float]]]:
    """What was asked for, the crop (S, S, 3) and the Action Units that it shows, `count` times less those turned pictures in
    which the reader finds no face again. Raises `NoFaceError`."""
    side = len(photo)
    wide, room = with_room(photo) if turned else (photo, 0)
    for wanted, result in expressions(wide, count, draws[0], engine):
        if draws[1].random() >= turned:
            inside = slice(room, room + side)
            yield wanted, result.image[inside, inside], mean_values(result)
            continue
        pose, gaze = draw_turn(draws[1])
        moved = edit(result, pose=pose, gaze=gaze, engine=engine)
        crop = cut_again(moved.image, result.readings[0].landmarks_photo, side, reader)
        if crop is not None:
            yield f"{wanted}; {_turned_by(result, moved)}", crop, mean_values(moved)


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
    turned: float = 0.0,
    seed: int = 0,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> tuple[int, int]:
    """Write the data set; gives the numbers of pictures kept and dropped: photos in which no face is found, and turned pictures
    in which it is not found again. Raises `DataError`."""
    kept = dropped = 0
    engine, reader = load_engine("ganimation"), Reader(threads=1)
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        about = {"source": "expressions", "count": count, "seed": seed, "turned": turned}
        title = f"FFHQ crops of {faces.name}, {count} expressions each"
        with DatasetWriter(temporary, title, size, AU_NAMES, crop="ffhq", notes=about) as writer:
            for number, (stem, subject, photo) in enumerate(itertools.islice(ffhq_crops(faces), limit or None)):
                draws, before = (np.random.default_rng([seed, number]), np.random.default_rng([seed, number, 1])), kept
                try:
                    made = pictures(photo, count, draws, engine, turned=turned, reader=reader)
                    for k, (wanted, picture, values) in enumerate(made):
                        writer.add(resized(picture, size), values, f"{stem}_e{k}", subject, wanted, stem)
                        kept += 1
                    dropped += before + count - kept
                except NoFaceError:
                    dropped += 1
                progress(kept, dropped)
        if not kept:
            raise DataError(f"No picture in '{faces}' shows a face.")
    return kept, dropped
