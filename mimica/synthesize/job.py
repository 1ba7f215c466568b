"""`mimica synthesize`: photos, or faces of nobody, -> shards of samples, in parts (see `mimica.jobs.shards`)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mimica import __version__
from mimica.data.inputs import Input, find_inputs
from mimica.errors import ImageError, NoFaceError, UserError, ValueRangeError
from mimica.files import atomic_path
from mimica.foreign.archives import members
from mimica.jobs.part_files import PartFiles
from mimica.jobs.part_tables import check_format
from mimica.jobs.shards import PART, Driver, Job, Processes, Progress, Tell, Totals, cut, run
from mimica.jobs.workers import Tick
from mimica.pictures.images import SUFFIXES, picture_in, read_photo
from mimica.reader.follow import Finder
from mimica.reader.read import FaceReading
from mimica.synthesize.card import card
from mimica.synthesize.engine import EngineSubject
from mimica.synthesize.mixtures import drawn, turned
from mimica.synthesize.rigged import RigSubject
from mimica.synthesize.sample import COLUMNS, Sample
from mimica.synthesize.settings import Settings

GENERATED = "generated"
TRUNCATION = 0.7
"""Of generated faces."""


@dataclass(frozen=True)
class Subject:
    """A photo, or the number of a generated face, with its place in the list, by which its samples are called."""

    number: int
    photo: Input | None = None
    seed: int = 0

    def __str__(self) -> str:
        return str(self.photo) if self.photo else f"seed {self.seed}"

    @property
    def is_tar(self) -> bool:
        return self.photo is not None and self.photo.is_tar


def synthesize(
    photos: Sequence[str | Path],
    output: str | Path,
    settings: Settings = Settings(),
    *,
    identities: str = "photos",
    people: int = 0,
    recursive: bool = False,
    format: str = "parquet",
    part: int = PART,
    driver: Driver | None = None,
    make_finder: Callable[[], Finder] | None = None,
    progress: Progress | None = None,
) -> Totals:
    """Fills the folder `output`: part-00000.tar and so on with the samples, tables of their labels and of what could not be used,
    and a data card, README.md. `identities` "photos": the photos' faces, the largest of each; "generated": `people` faces of
    Mimica's StyleGAN, of nobody, from `settings.seed` on. The rest is as in `mimica.annotate.parts`. Raises `UserError`."""
    settings.check()
    check_format(format)
    subjects = _subjects(photos, identities, people, recursive, settings.seed)
    about = asdict(settings) | {"mimica": __version__, "part": part, "identities": identities}
    finder = make_finder or partial(Finder, threads=1)
    job = Job("synthesize", about, COLUMNS, partial(SynthesisWork, settings, finder), format, makes="tar")
    parts = list(cut(subjects, part, alone=lambda one: one.is_tar))
    totals = run(Path(output), job, parts, driver or Processes(), progress)
    text = card(settings, identities, len(subjects), format)
    with atomic_path(Path(output) / "README.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return totals


def _subjects(photos: Sequence[str | Path], identities: str, people: int, recursive: bool, seed: int) -> list[Subject]:
    if identities not in ("photos", GENERATED):
        raise ValueRangeError(f"There are no identities '{identities}'; they are photos, {GENERATED}.")
    if identities == GENERATED:
        if photos or people < 1:
            raise UserError("Generated identities are so many --people, and no photos: --identities generated --people 1000.")
        return [Subject(number, seed=seed + number) for number in range(people)]
    if not photos or people:
        raise UserError("Name photos, or ask for --identities generated --people 1000.")
    found = find_inputs(photos, recursive).inputs
    return [Subject(number, one) for number, one in enumerate(found)]


class SynthesisWork:
    """The work of a part: see `mimica.jobs.shards.Work`."""

    def __init__(self, settings: Settings, make_finder: Callable[[], Finder]) -> None:
        self._settings, self._make_finder = settings, make_finder
        self._finder: Finder | None = None
        self._generator: Callable[[int], np.ndarray] | None = None

    def __call__(self, item: Subject, files: PartFiles, tell: Tell, tick: Tick) -> Iterator[list[str]]:
        for number, (name, rgb) in enumerate(self._pictures(item, tell)):
            place = f"{item.number:08d}" + (f"-{number:05d}" if item.is_tar else "")
            try:
                samples = self.samples(rgb, Path(name).name, item.number + number, partial(tell, name))
                for index, sample in enumerate(samples):
                    yield sample.add_to(files, f"{place}_{index:03d}", name, self._settings.quality)
                    tick(0, 1)
            except NoFaceError as error:
                tell(name, str(error))

    def _pictures(self, item: Subject, tell: Tell) -> Iterator[tuple[str, np.ndarray]]:
        if item.photo is None:
            self._generator = self._generator or _generator()
            yield str(item), self._generator(item.seed)
        elif item.photo.is_video:
            raise ImageError(f"'{item}' is a video: data are made from photos, take frames out of it first.")
        elif not item.is_tar:
            yield str(item), read_photo(item.photo.path).rgb
        else:
            for name, content in members(item.photo.path, ImageError):
                if Path(name).suffix.lower() in SUFFIXES:
                    try:
                        rgb = picture_in(content, name)
                    except ImageError as error:
                        tell(f"{item}/{name}", str(error))
                    else:
                        yield f"{item}/{name}", rgb

    def samples(self, rgb: np.ndarray, name: str, turn: int, tell: Callable[[str], None]) -> Iterator[Sample]:
        """The photo's own crop, then its frames; everything random about them comes from the seed and the photo's `name`. Raises
        `NoFaceError`."""
        settings = self._settings
        reading = self._largest(rgb)
        rng = np.random.default_rng([settings.seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
        wanted = list(drawn(rng, settings.frames, turn))
        subject: RigSubject | EngineSubject
        if settings.renderer == "engine":
            subject = EngineSubject(rgb, reading, settings)
            yield subject.source()
            yield from subject.frames(turned(rng, one) for one in wanted)
            return
        by_rig = wanted if settings.renderer == "rig" else wanted[::2]
        try:
            subject = RigSubject(rgb, reading, settings, rng)
        except NoFaceError as error:
            if settings.renderer == "rig":
                raise
            tell(str(error))
        else:
            yield subject.source()
            yield from subject.frames(iter(by_rig))
        if settings.renderer == "both":
            yield from EngineSubject(rgb, reading, settings).frames(turned(rng, one) for one in wanted[1::2])

    def _largest(self, rgb: np.ndarray) -> FaceReading:
        self._finder = self._finder or self._make_finder()
        found = self._finder.find(rgb)
        if not found:
            raise NoFaceError("There is no face in it.")
        return max(found, key=lambda reading: reading.eye_distance)


def _generator() -> Callable[[int], np.ndarray]:
    """A seed -> the face of nobody. Raises `MissingExtraError` without torch."""
    from mimica.engines.base import load_engine

    load_engine("stylegan")  # says what is missing where something is
    from mimica.engines.stylegan.generate import pictures
    from mimica.engines.stylegan.model import load_model, seed_w

    model = load_model(None)

    def made(seed: int) -> np.ndarray:
        return next(iter(pictures(model, seed_w(model, [seed], TRUNCATION))))

    return made
