"""`mimica prepare attributes SET -o OUT --sample N`: a face set -> the same faces with drawn attributes, labelled by what was
drawn.

Of every face the ffhq crop is written, and N copies of it, each with one attribute at random, in a shape, colour and strength
at random. `attributes.csv` says what each shows (1 drawn, 0 not; of what goes both ways 1 more, 0 less, 0.5 neither; what the
set itself labels keeps its label where it is not drawn), so that the folder is again a set that `mimica prepare vae` reads;
`pairs.csv` which copy belongs to which photo, what was drawn, and the mask (PNG) of where."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimica.data.attribute_sets import SourceFace, find_set, with_labels
from mimica.data.sources.base import Dropped
from mimica.engines.layers.dress import Dressed, dress
from mimica.errors import DataError, ImageError, NoFaceError, ValueRangeError
from mimica.face.align import crop_from_photo, cut, transform
from mimica.face.attributes import FACIAL_HAIR, KINDS, Worn, read, wish_of
from mimica.files import atomic_path
from mimica.pictures.images import write_image
from mimica.prepare.faces import Report, reason_of
from mimica.reader.read import FaceReading, Reader, largest_face

DRAWN = tuple(name for name in KINDS if name != "pointed_nose")
"""What is drawn, each as often as any other."""
DOSES = (0.75, 1.2)
QUALITY = ".jpg"
GRAY_BEARD = 0.25
"""How often a beard is gray; else it has the brows' colour."""


@dataclass(frozen=True)
class Crop:
    """An ffhq crop: image uint8 (S, S, 3), landmarks and irises in its pixels, pose in degrees."""

    image: np.ndarray
    landmarks: np.ndarray
    irises: np.ndarray
    pose: tuple[float, float, float]


def crop_of(photo: np.ndarray, reading: FaceReading, size: int) -> Crop:
    """A face of a photo as an ffhq crop."""
    matrix = crop_from_photo(reading.landmarks_photo, size, "ffhq")
    roll = reading.roll - float(np.degrees(np.arctan2(-matrix[1, 0], matrix[0, 0])))
    marks, irises = (transform(each, matrix).astype(np.float32) for each in (reading.landmarks_photo, reading.irises_photo))
    return Crop(cut(photo, matrix, size), marks, irises, (reading.yaw, reading.pitch, roll))


def put_on(crop: Crop, worn: Sequence[Worn]) -> tuple[np.ndarray, Dressed]:
    """The crop with attributes, uint8 (S, S, 3), and what was put on. Raises `NoFaceError` where one cannot be."""
    dressed = dress(crop.image, crop.landmarks, crop.irises, crop.pose, wish_of({one.key: one.dose for one in worn}))
    if dressed.refusals:
        raise NoFaceError(dressed.refusals[0])
    picture = dressed.photo.copy()
    if dressed.overlay is not None:
        dressed.overlay.lay(picture)
    return picture, dressed


def drawn_at_random(key: str, rng: np.random.Generator) -> Worn:
    """The attribute in a strength at random, and with options at random where the key says none: `glasses`, `glasses:gold`.
    Raises `ValueRangeError` for a key that does not exist."""
    said = dict(read(key, 0.0).options)
    name = key.partition(":")[0]
    kind = KINDS[name]
    dose = float(np.clip(rng.uniform(*DOSES), kind.low, kind.high))
    if kind.low < 0 and rng.random() < 0.5:
        dose = max(-dose, kind.low)
    options = {what: str(rng.choice(choice)) for what, choice in kind.choices.items() if what != "own"}
    if name in FACIAL_HAIR:
        options.pop("colour")
        options |= {"colour": "gray"} if rng.random() < GRAY_BEARD else {}
    return Worn(name, dose, tuple({**options, **said}.items()))


def prepare(
    folder: Path,
    output: Path,
    *,
    labels: Path | None = None,
    size: int = 128,
    count: int = 4,
    seed: int = 0,
    limit: int = 0,
    keys: Sequence[str] = DRAWN,
    progress: Callable[[int, int], None] = lambda kept, dropped: None,
) -> Report:
    """Writes the new folder `output`, with attributes of `keys`, each as often as it is named. Raises `DataError` for a folder
    that is no set, or where no face can be used."""
    for key in keys:
        read(key, 0.0)
    if count < 1:
        raise ValueRangeError("The drawn set needs --sample, how many copies of each face to make: 1 at least.")
    faces = with_labels(find_set(folder), labels) if labels else find_set(folder)
    reader, report = Reader(threads=1), Report()
    rows, pairs = list[dict[str, str | float]](), list[dict[str, str | float]]()
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        for number, face in enumerate(faces.faces[:limit] if limit else faces.faces):
            rng = np.random.default_rng([seed, number])
            try:
                crop = crop_of(photo := face.load(), largest_face(photo, reader=reader), size)
                _write(temporary, face, crop, [drawn_at_random(str(rng.choice(keys)), rng) for _ in range(count)], rows, pairs)
                report.kept += 1
            except (ImageError, NoFaceError) as error:
                report.dropped.append(Dropped(face.name, reason_of(error)))
            progress(report.kept, len(report.dropped))
        if not report.kept:
            raise DataError(f"None of the {len(faces.faces)} pictures of '{folder}' could be used.")
        columns = ("file", "subject", "split", *dict.fromkeys((*DRAWN, *faces.attributes)))
        _table(temporary / "attributes.csv", columns, rows)
        _table(temporary / "pairs.csv", ("file", "photo", "attribute", "dose", "mask"), pairs)
    return report


def _write(
    folder: Path,
    face: SourceFace,
    crop: Crop,
    wanted: Sequence[Worn],
    rows: list[dict[str, str | float]],
    pairs: list[dict[str, str | float]],
) -> None:
    """One face and its copies; what cannot be put on it is left out."""
    stem = Path(face.name).stem
    nothing = {name: 0.5 if KINDS[name].low < 0 else 0.0 for name in DRAWN}
    said = {"subject": face.subject, "split": "held out" if face.validation else "train", **nothing, **face.values}
    write_image(folder / f"{stem}{QUALITY}", crop.image)
    rows.append({**said, "file": f"{stem}{QUALITY}"})
    for i, worn in enumerate(wanted):
        try:
            picture, dressed = put_on(crop, [worn])
        except NoFaceError:
            continue
        file, mask = f"{stem}_{i}{QUALITY}", f"{stem}_{i}_mask.png"
        write_image(folder / file, picture)
        whole = np.zeros(crop.image.shape[:2], np.float32)
        x0, y0, x1, y1 = dressed.box
        whole[y0:y1, x0:x1] = dressed.masks[worn.name]
        write_image(folder / mask, np.repeat(np.rint(255 * whole).astype(np.uint8)[..., None], 3, axis=2))
        value = 1.0 if worn.dose > 0 else 0.0
        rows.append({**said, worn.name: value, "file": file})
        pairs.append({"file": file, "photo": f"{stem}{QUALITY}", "attribute": worn.key, "dose": worn.dose, "mask": mask})


def _table(path: Path, columns: Sequence[str], rows: Sequence[dict[str, str | float]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows(rows)
