"""Raw face data sets, as people have them on disk: each a function from its folder to faces, registered by name.

    folder      pictures in a folder, with or without sub-folders (a sub-folder is a person)
    openface    pictures and OpenFace 2 tables: one STEM.csv a picture, or one table with a column of file names
    authors     GANimation's layout: imgs/, aus_openface.pkl ({stem: 17 numbers of 0 to 5}), train_ids.csv, test_ids.csv
    emotionet   EmotioNet: lists of URLs (.csv or .txt) and the pictures downloaded from them, by the URLs' file names
    rafd        Radboud Faces Database: Rafd090_01_Caucasian_female_angry_frontal.jpg
    celeba      CelebA: img_celeba/ or img_align_celeba/, identity_CelebA.txt for the people
    cfee        Compound Facial Expressions of Emotion: `mimica.expression_sets`, as are impa and mug
    faces       tars of aligned 160 px crops with labels.parquet: real faces with weak AUs and human emotion labels
    reanimated  tars of aligned 160 px crops with labels.parquet: the same photos under other, exactly known AUs

Values are crossed from OpenFace's 0-5 to [0, 1] here. Where a set has no intensities of Action Units (EmotioNet's are present
or absent, the others have none), the reader measures them.
"""

from __future__ import annotations

import csv
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from mimica.errors import DataError, MissingExtraError, UserError
from mimica.facs import ALIASES, AU_NAMES, RECIPES, from_openface
from mimica.images import SUFFIXES, list_images
from mimica.old_pickle import read_arrays

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class RawFace:
    """One picture of a raw set.

    name      unique in the set
    subject   the person, or the picture's own name where people are not known
    path      the picture's file, or
    content   its bytes
    emotion   by the names of `mimica.facs.RECIPES`; empty where not known
    values    Action Units by name in [0, 1]; None: to be measured
    aligned   the picture is a tight crop already
    photo     the photo that it shows with another expression, the same pixel by pixel elsewhere; empty where there is none
    """

    name: str
    subject: str
    path: Path | None = None
    content: bytes | None = None
    emotion: str = ""
    values: Mapping[str, float] | None = None
    aligned: bool = False
    photo: str = ""


@dataclass(frozen=True)
class Dropped:
    """One picture that is not used, and why."""

    name: str
    why: str


Found = Iterator[RawFace | Dropped]
SOURCES: dict[str, Callable[[Path], Found]] = {}
"""Name -> function from a folder to its faces. Functions raise `DataError` where the folder is not such a set."""


def source(name: str) -> Callable[[Callable[[Path], Found]], Callable[[Path], Found]]:
    """Register a function under a name."""

    def register(function: Callable[[Path], Found]) -> Callable[[Path], Found]:
        SOURCES[name] = function
        return function

    return register


# --- tables ---------------------------------------------------------------------------------------------------------


def _rows(path: Path) -> list[dict[str, str]]:
    """A CSV as rows by stripped column names."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [cell.strip() for cell in next(reader, [])]
            return [dict(zip(header, (cell.strip() for cell in row), strict=False)) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The table {path} cannot be read: {error}.") from error


def openface_values(row: Mapping[str, str], where: str) -> dict[str, float]:
    """The intensities AUxx_r of one row, in [0, 1]. Raises `DataError` for what is missing, no number, or not 0 to 5."""
    try:
        raw = {name: float(row[f"{name}_r"]) for name in AU_NAMES}
    except (KeyError, ValueError) as error:
        raise DataError(f"{where} has no column of numbers {error}; it should be a table of OpenFace 2.") from error
    wrong = [f"{name} = {value:g}" for name, value in raw.items() if not 0 <= value <= 5]
    if wrong:
        raise DataError(f"{where} has intensities outside OpenFace's 0 to 5: {', '.join(wrong)}.")
    return {name: from_openface(value) for name, value in raw.items()}


def _surest(rows: list[dict[str, str]]) -> dict[str, str] | None:
    """The row of the surest face, or None where OpenFace found none."""
    found = [row for row in rows if float(row.get("success", "1") or 0) > 0]
    return max(found, key=lambda row: float(row.get("confidence", "1") or 0), default=None)


def emotion_in(words: str) -> str:
    """The first emotion that a file's name tells, by its name or an everyday word -> its key; empty where there is none."""
    tokens = re.findall("[a-z]+", words.lower())
    for length in (2, 1):
        for start in range(len(tokens) - length + 1):
            key = "_".join(tokens[start : start + length])
            if ALIASES.get(key, key) in RECIPES:
                return ALIASES.get(key, key)
    return ""


def pictures_of(folder: Path) -> list[Path]:
    return list_images(folder, recursive=True)


# --- folders --------------------------------------------------------------------------------------------------------


@source("folder")
def folder_source(folder: Path) -> Found:
    """Any pictures."""
    for path in pictures_of(folder):
        relative = path.relative_to(folder)
        subject = relative.parts[0] if len(relative.parts) > 1 else path.stem
        yield RawFace(str(relative), subject, path)


@source("openface")
def openface_source(folder: Path) -> Found:
    """Pictures with OpenFace tables."""
    tables = {path.stem: path for path in sorted(folder.rglob("*.csv"))}
    shared: dict[str, list[dict[str, str]]] = {}
    for table in tables.values():
        for row in _rows(table):
            named = next((row[c] for c in ("name", "file", "filename", "image", "input") if row.get(c)), None)
            if named:
                shared.setdefault(Path(named).stem, []).append(row)
    if not tables:
        raise DataError(f"{folder} has no OpenFace table (.csv) in it.")
    for path in pictures_of(folder):
        name = str(path.relative_to(folder))
        rows = shared.get(path.stem) or (_rows(tables[path.stem]) if path.stem in tables else [])
        surest = _surest(rows)
        if surest is None:
            yield Dropped(name, "OpenFace found no face in it" if rows else "no row of an OpenFace table")
        else:
            yield RawFace(name, path.stem, path, values=openface_values(surest, f"The table for {name}"))


@source("authors")
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


@source("emotionet")
def emotionet_source(folder: Path) -> Found:
    """EmotioNet's URL lists and the pictures behind them."""
    names: list[str] = []
    for table in sorted([*folder.rglob("*.csv"), *folder.rglob("*.txt")]):
        for url in re.findall(r"https?://[^\s,;\"'\t]+", table.read_text(encoding="utf-8", errors="replace")):
            name = Path(urlparse(url).path).name
            if Path(name).suffix.lower() in SUFFIXES:
                names.append(name)
    if not names:
        raise DataError(f"{folder} has no list (.csv or .txt) of URLs of pictures.")
    images = {path.stem: path for path in pictures_of(folder)}
    for name in dict.fromkeys(names):
        stem = Path(name).stem
        yield RawFace(stem, stem, images[stem]) if stem in images else Dropped(name, "not downloaded")


_RAFD = re.compile(r"Rafd(\d{3})_(\d+)_(\w+?)_(\w+?)_([a-z]+)_(\w+)", re.IGNORECASE)


@source("rafd")
def rafd_source(folder: Path) -> Found:
    """The Radboud Faces Database; O. Langner et al. 2010."""
    for path in pictures_of(folder):
        match = _RAFD.fullmatch(path.stem)
        if match is None:
            yield Dropped(path.name, "its name is none of RaFD's")
        elif match[1] in ("000", "180"):
            yield Dropped(path.name, "a profile view")
        else:
            yield RawFace(path.stem, f"rafd-{int(match[2]):02d}", path, emotion=emotion_in(match[5]))


@source("celeba")
def celeba_source(folder: Path) -> Found:
    """CelebA; Z. Liu et al. 2015."""
    table = next(iter(sorted(folder.rglob("identity_CelebA.txt"))), None)
    lines = table.read_text(encoding="utf-8").splitlines() if table else []
    people = {Path(line.split()[0]).stem: line.split()[1] for line in lines if len(line.split()) == 2}
    for path in pictures_of(folder):
        subject = f"celeba-{people[path.stem]}" if path.stem in people else path.stem
        yield RawFace(path.stem, subject, path)


# --- tars with labels.parquet ---------------------------------------------------------------------------------------


def _labels(folder: Path) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("Reading labels.parquet needs pandas and pyarrow: pip install 'mimica[train]'.") from error
    path = folder / "labels.parquet"
    if not path.is_file():
        raise DataError(f"{folder} has no labels.parquet.")
    return pandas.read_parquet(path)


def _from_tars(folder: Path, pattern: str, make: Callable[[Any, bytes], RawFace]) -> Found:
    """The crops of the tars in their order, each with its row."""
    rows = {row.file: row for row in _labels(folder).itertuples()}
    for path in sorted(folder.glob(pattern)):
        try:
            with tarfile.open(path) as tar:
                for member in tar:
                    content = tar.extractfile(member)
                    if member.name in rows and content is not None:
                        yield make(rows.pop(member.name), content.read())
        except (tarfile.TarError, OSError) as error:
            raise UserError(f"The archive {path} cannot be read: {error}.") from error
    for name in rows:
        yield Dropped(name, "in the table, not in the archives")


def _units(row: Any) -> dict[str, float]:
    values = {name: float(getattr(row, name.lower())) for name in AU_NAMES}
    return {name: value for name, value in values.items() if value == value}


@source("faces")
def faces_source(folder: Path) -> Found:
    """Real faces with weak labels."""

    def make(row: Any, content: bytes) -> RawFace:
        emotion = row.emotion if isinstance(row.emotion, str) else ""
        return RawFace(row.file, row.subject, content=content, emotion=emotion, values=_units(row), aligned=True)

    return _from_tars(folder, "tight160-*.tar", make)


@source("reanimated")
def reanimated_source(folder: Path) -> Found:
    """The same photos under known Action Units."""

    def make(row: Any, content: bytes) -> RawFace:
        emotion = row.recipe if row.recipe in RECIPES else ""
        photo = "" if row.recipe == "real_smile" else row.source_id  # a smile of another moment
        values = _units(row)
        return RawFace(row.file, row.subject, content=content, emotion=emotion, values=values, aligned=True, photo=photo)

    return _from_tars(folder, "frames_*.tar", make)
