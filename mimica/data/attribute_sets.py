"""Face sets with attributes, as people have them on disk, for `mimica prepare vae`.

    celeba   CelebA: img_align_celeba/ (or img_celeba/), list_attr_celeba.txt (-1 and 1), list_eval_partition.txt (0 trains; 1
             and 2 are held out), identity_CelebA.txt where it is there
    hq       CelebAMask-HQ: CelebA-HQ-img/, CelebAMask-HQ-attribute-anno.txt, CelebAMask-HQ-mask-anno/ (a PNG a part), and
             CelebA-HQ-to-CelebA-mapping.txt with CelebA's list_eval_partition.txt for the split where both are there
    table    any folder of pictures with attributes.csv: the column `file`, then numbers in [0, 1] or -1 and 1, or blank
    tars     ffhq320-*.tar with labels.parquet, and *_attributes.csv of ratings from 0 to 100

Which one a folder is, is seen by its files. Where a set has no split, `mimica.data.dataset.is_validation` holds people out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mimica.data.dataset import is_validation
from mimica.errors import DataError, ImageError
from mimica.foreign.archives import members
from mimica.foreign.tables import read_parquet, read_rows, read_text
from mimica.pictures.images import list_images, picture_in, read_photo

MASK_PARTS = (
    "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip", "l_lip", "hair", "hat",
    "ear_r",
)  # fmt: skip
"""CelebAMask-HQ's parts that make a head: all but neck, necklace and cloth."""
RATINGS = {
    "age": "age", "gender": "masculine", "weight": "weight", "happy": "happy", "well-groomed": "well_groomed",
    "long-haired": "long_hair", "hair-color": "dark_hair", "alert": "alert",
}  # fmt: skip
"""Columns of ratings -> attribute names. How faces look to raters, not what people are."""


@dataclass(frozen=True)
class SourceFace:
    """One picture of a set.

    name        unique in the set
    subject     the person, or the picture's own name
    validation  held out
    values      attributes by name in [0, 1]; a missing one is not known
    load        gives uint8 (H, W, 3); raises `ImageError`
    mask        gives uint8 (H, W), 255 where the head is; None: to be made
    aligned     the picture is an ffhq crop already
    """

    name: str
    subject: str
    validation: bool
    values: Mapping[str, float]
    load: Callable[[], np.ndarray]
    mask: Callable[[], np.ndarray] | None = None
    aligned: bool = False


@dataclass
class FaceSet:
    """A set: its faces, and the attributes that its tables name."""

    title: str
    attributes: tuple[str, ...]
    faces: list[SourceFace] = field(default_factory=list)


def find_set(folder: Path) -> FaceSet:
    """The set in `folder`. Raises `DataError` where it is none of those above."""
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}': check the path.")
    if (folder / "CelebAMask-HQ-attribute-anno.txt").is_file():
        return celebamask_hq(folder)
    if (folder / "list_attr_celeba.txt").is_file():
        return celeba(folder)
    if (folder / "attributes.csv").is_file():
        return attribute_table(folder)
    if any(folder.glob("ffhq320-*.tar")):
        return tars(folder)
    raise DataError(
        f"'{folder}' is no set with attributes: it has neither list_attr_celeba.txt, CelebAMask-HQ-attribute-anno.txt, "
        "attributes.csv nor ffhq320-*.tar."
    )


# --- CelebA ---------------------------------------------------------------------------------------------------------


def attribute_list(path: Path) -> tuple[tuple[str, ...], dict[str, dict[str, float]]]:
    """CelebA's table: a line with the count, one with the names, then `file -1 1 ...`. -> names, {file: {name: 0 or 1}}.
    Names are lower-cased: Pale_Skin is pale_skin. Raises `DataError`."""
    lines = read_text(path).splitlines()
    names = tuple(name.lower() for name in lines[1].split()) if len(lines) > 1 else ()
    table = {}
    for line in lines[2:]:
        file, *words = line.split() or [""]
        if len(words) != len(names) or not set(words) <= {"-1", "1"}:
            raise DataError(f"{path} has a line that is no file name with {len(names)} times -1 or 1: '{line[:60]}'.")
        table[file] = {name: float(word == "1") for name, word in zip(names, words, strict=True)}
    if not table:
        raise DataError(f"{path} lists no picture.")
    return names, table


def _pairs(path: Path) -> dict[str, str]:
    """`file value` a line -> {file: value}; empty where there is no such file."""
    lines = read_text(path).splitlines() if path.is_file() else []
    return {words[0]: words[1] for line in lines if len(words := line.split()) == 2}


def celeba(folder: Path) -> FaceSet:
    """CelebA; Z. Liu et al., "Deep learning face attributes in the wild" (2015)."""
    names, table = attribute_list(folder / "list_attr_celeba.txt")
    partition, people = _pairs(folder / "list_eval_partition.txt"), _pairs(folder / "identity_CelebA.txt")
    images = next((folder / n for n in ("img_align_celeba", "img_celeba") if (folder / n).is_dir()), None)
    if images is None:
        raise DataError(f"'{folder}' has no img_align_celeba/ or img_celeba/ in it.")
    found = FaceSet(f"CelebA ({folder.name})", names)
    for file, values in table.items():
        subject = f"celeba-{people[file]}" if file in people else file
        held_out = partition[file] != "0" if file in partition else is_validation(subject)
        found.faces.append(SourceFace(file, subject, held_out, values, _reader(images / file)))
    return found


def celebamask_hq(folder: Path) -> FaceSet:
    """CelebAMask-HQ; C.-H. Lee et al., "MaskGAN" (2020)."""
    names, table = attribute_list(folder / "CelebAMask-HQ-attribute-anno.txt")
    lines = folder / "CelebA-HQ-to-CelebA-mapping.txt"
    mapped = {w[0]: w[2] for line in read_text(lines).splitlines() if len(w := line.split()) == 3} if lines.is_file() else {}
    partition = _pairs(folder / "list_eval_partition.txt")
    masks = {path.stem: path for path in (folder / "CelebAMask-HQ-mask-anno").rglob("*.png")}
    found = FaceSet(f"CelebAMask-HQ ({folder.name})", names)
    for file, values in table.items():
        number = Path(file).stem
        original = mapped.get(number, "")
        held_out = partition[original] != "0" if original in partition else is_validation(number)
        parts = [masks[key] for part in MASK_PARTS if (key := f"{int(number):05d}_{part}") in masks]
        mask = _union_reader(parts) if parts else None
        load = _reader(folder / "CelebA-HQ-img" / file)
        found.faces.append(SourceFace(number, original or number, held_out, values, load, mask, aligned=True))
    return found


def _reader(path: Path) -> Callable[[], np.ndarray]:
    return lambda: read_photo(path).rgb


def _union_reader(paths: list[Path]) -> Callable[[], np.ndarray]:
    """The union of part masks, each white where its part is."""

    def load() -> np.ndarray:
        parts = [read_photo(path).rgb[:, :, 0] for path in paths]
        if any(part.shape != parts[0].shape for part in parts):
            raise ImageError(f"The masks beside {paths[0]} have different sizes.")
        return np.max(np.stack(parts), axis=0)  # type: ignore[no-any-return]

    return load


# --- tables ---------------------------------------------------------------------------------------------------------


def attribute_table(folder: Path) -> FaceSet:
    """A folder with attributes.csv. Columns `subject` and `split` (train, or anything else for held out) may be there."""
    path = folder / "attributes.csv"
    rows = [{name: value.strip() for name, value in row.items()} for row in read_rows(path, ("file",))]
    names = tuple(name for name in rows[0] if name not in ("file", "subject", "split", ""))
    pictures = {str(p.relative_to(folder)): p for p in list_images(folder, recursive=True)}
    found = FaceSet(folder.name, names)
    for row in rows:
        if row["file"] in pictures:
            subject = row.get("subject") or row["file"]
            held_out = row["split"] != "train" if row.get("split") else is_validation(subject)
            values = {name: _number(row[name], name, path) for name in names if row[name]}
            found.faces.append(SourceFace(row["file"], subject, held_out, values, _reader(pictures[row["file"]])))
    if not found.faces:
        raise DataError(f"None of the files that {path} names is in the folder.")
    return found


def with_labels(found: FaceSet, path: Path) -> FaceSet:
    """The set with the attributes of another table on top: the column `file` (or its stem), then numbers in [0, 1], or blank."""
    rows = read_rows(path, ("file",))
    extra = tuple(name for name in rows[0] if name != "file")
    table = {Path(row["file"]).stem: {name: _number(row[name], name, path) for name in extra if row[name]} for row in rows}
    faces = [replace(face, values={**face.values, **table.get(Path(face.name).stem, {})}) for face in found.faces]
    return FaceSet(found.title, (*found.attributes, *(name for name in extra if name not in found.attributes)), faces)


def _number(text: str, name: str, path: Path) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value == -1:
        value = 0.0
    if not 0 <= value <= 1:
        raise DataError(f"{path} has '{text}' under '{name}': numbers from 0 to 1, or -1 and 1, are needed.")
    return value


def tars(folder: Path) -> FaceSet:
    """ffhq crops in tars with labels.parquet; ratings of 0 to 100 in *_attributes.csv."""
    labels = read_parquet(folder / "labels.parquet", ["file", "subject"])
    people = {str(row.file): str(row.subject) for row in labels.itertuples()}
    ratings: dict[str, dict[str, float]] = {}
    for table in sorted(folder.glob("*_attributes.csv")):
        for row in read_rows(table, ("file",)):
            values = {new: _rating(row[old], old, table) for old, new in RATINGS.items() if row.get(old)}
            ratings.setdefault(row["file"], {}).update(values)
    found = FaceSet(folder.name, tuple(RATINGS.values()))
    for name, content in _contents(folder):
        subject = people.get(name, name)
        load = _decoder(name, content)
        values = ratings.get(name, {})
        found.faces.append(SourceFace(Path(name).stem, subject, is_validation(subject), values, load, aligned=True))
    return found


def _rating(text: str, name: str, path: Path) -> float:
    try:
        value = float(text) / 100
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise DataError(f"{path} has '{text}' under '{name}': a rating from 0 to 100 is needed.")
    return value


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("ffhq320-*.tar")):
        for name, content in members(path):
            yield Path(name).name, content


def _decoder(name: str, content: bytes) -> Callable[[], np.ndarray]:
    return lambda: picture_in(content, name)
