"""`mimica annotate`: folders, photos and videos -> one table of Action Units, in the columns of OpenFace 2.

What is done is kept in a journal beside the table, `aus.csv.part`; the table itself appears when all is done. The same call
goes on where another one stopped, even if it was killed; the unit of progress is a file, so a video that was not finished
is begun again. The table then is the same, byte for byte, as that of a run that was not interrupted. Lists that one machine or
one table does not hold go another way: `mimica.annotate.parts`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mimica import __version__
from mimica.annotate.work import PAGES, Failure, FileWork
from mimica.data.inputs import UNKNOWN, Input, find_inputs
from mimica.errors import UserError
from mimica.files import atomic_path
from mimica.jobs.journal import Journal
from mimica.jobs.workers import Tick, run
from mimica.motion.tables import layout
from mimica.reader.follow import Finder

__all__ = ["PAGES", "Failure", "Summary", "annotate"]


@dataclass(frozen=True)
class Summary:
    """annotated    files whose rows are in the table
    kept         how many of them an earlier run had done
    failures     files that could not be read, in the order of the inputs
    partly       file -> reason -> how many of its frames or pictures are not in the table
    passed_over  files of the folders that were not tried, name -> why
    """

    annotated: int
    kept: int
    failures: tuple[Failure, ...]
    partly: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    passed_over: Mapping[str, str] = field(default_factory=dict)

    @property
    def lost(self) -> Counter[str]:
        """Reason -> frames and pictures that are not in the table."""
        total: Counter[str] = Counter()
        for counts in self.partly.values():
            total.update(counts)
        return total

    def as_object(self) -> dict[str, Any]:
        """In JSON's types, by the keys that `mimica annotate --help` documents."""
        return {
            "annotated": self.annotated,
            "kept": self.kept,
            "complete": self.complete,
            "not_read": [{"file": one.name, "why": one.reason} for one in self.failures],
            "passed_over": [{"file": name, "why": why} for name, why in self.passed_over.items()],
            "read_in_part": [{"file": name, "lost": dict(lost)} for name, lost in self.partly.items()],
        }

    @property
    def complete(self) -> bool:
        """Whether everything that shows pictures was read, to its end."""
        return not self.failures and not self.partly and UNKNOWN not in self.passed_over.values()

    def left_out(self) -> list[str]:
        """A line for each file that was not read, or not in full."""
        lines = [f"Not read: {failure.reason}" for failure in self.failures]
        for name, lost in self.partly.items():
            lines.append(f"Read in part: '{name}': {', '.join(f'{count} {why}' for why, count in lost.items())}")
        return lines + [f"Passed over: '{name}' ({why})" for name, why in self.passed_over.items()]

    def told(self, output: Path) -> str:
        """The closing line: what was read, and by reason what was not. Raises `UserError` where nothing was written to
        `output`."""
        if not self.annotated:
            raise UserError(f"There is nothing to write to '{output}': of {_files(len(self.failures))} none could be read.")
        kept = f" ({self.kept} of them in an earlier run)" if self.kept else ""
        missed = [f"{len(self.failures)} could not be read"] if self.failures else []
        missed += [f"{count} passed over, {why}" for why, count in sorted(Counter(self.passed_over.values()).items())]
        if self.partly:
            frames = ", ".join(f"{count} {reason}" for reason, count in self.lost.items())
            missed.append(f"{_files(len(self.partly))} read in part ({frames})")
        return f"{_files(self.annotated)} annotated{kept}, {'; '.join(missed) or 'all could be read'}."


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def annotate(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    recursive: bool = False,
    landmarks: bool = False,
    columns: str = "openface",
    raw: bool = False,
    detector: str = "dlib",
    model: str | Path | None = None,
    jobs: int = 1,
    make_finder: Callable[[], Finder] | None = None,
    progress: Callable[[float, int, int], None] | None = None,
) -> Summary:
    """Writes the table `output` (see `mimica.motion.openface_columns`, or by `columns` `mimica.motion.tables`): a row for each
    face of a photo, in reading order, and for each face of each frame of a video; one row with `success` 0 where there is none.
    Unless there is but one source and it is a file, a last column `input` names the file (the last, so that the places of the
    others are OpenFace's).

    recursive    folders within folders too
    landmarks    the columns x_0 ... y_67 too
    columns      "openface", "pyfeat" or "arkit" (blendshapes)
    raw          videos: values as read, not steadied over time
    detector     as `mimica.face.detect.get_detector` has it, with its `model`
    jobs         processes (above 1: see `mimica.jobs.workers`)
    make_finder  makes what finds and reads faces in each process, in place of the detector and Mimica's network
    progress     called with (files done, with parts of a file; files in all; pictures read now)

    Without a single readable file nothing is written. Raises `UserError` of several kinds.
    """
    output, found = Path(output), find_inputs(sources, recursive)
    inputs = found.inputs
    named = len(sources) > 1 or Path(sources[0]).is_dir()
    header = layout(columns).columns(landmarks) + ["input"] * named
    finder = make_finder or partial(Finder, detector, str(model) if model else None, threads=1)
    make_work = partial(FileWork, finder, output, columns, landmarks, raw, named)
    job = {"mimica": __version__, "columns": header, "raw": raw, "detector": detector, "model": model and str(model)}
    with Journal(output.with_name(output.name + ".part"), job) as journal:
        _sweep(output)
        keys = [each.key() for each in inputs]
        waiting = [(each, key) for each, key in zip(inputs, keys, strict=True) if key not in journal]
        tick = _counter(len(inputs) - len(waiting), len(inputs), progress)
        failed = _do(waiting, journal, make_work, max(1, min(jobs, len(waiting))), tick)
        partly = {each.name: lost for each, key in zip(inputs, keys, strict=True) if (lost := _lost(journal, key))}
        failures = tuple(Failure(each.name, failed[key]) for each, key in zip(inputs, keys, strict=True) if key in failed)
        if len(failures) < len(inputs):
            _write_table(output, header, journal, [key for key in keys if key not in failed])
        _sweep(output)
        journal.remove()
    return Summary(len(inputs) - len(failures), len(inputs) - len(waiting), failures, partly, found.passed_over)


def _counter(done: int, total: int, progress: Callable[[float, int, int], None] | None) -> Tick:
    """A tick that sums up what it is told and passes it on."""
    parts = float(done)

    def tick(part: float, pictures: int) -> None:
        nonlocal parts
        parts += part
        if progress is not None:
            progress(parts, total, pictures)

    tick(0.0, 0)
    return tick


def _do(
    waiting: Sequence[tuple[Input, str]], journal: Journal, make_work: Callable[[], FileWork], jobs: int, tick: Tick
) -> dict[str, str]:
    """Does what is waiting and puts it into the journal; key -> reason for what cannot be read."""
    key_of = dict(waiting)
    failed = {}
    for done in run([each for each, _ in waiting], make_work, jobs, tick):
        key = key_of[done.task]
        if isinstance(done.result, Failure):
            failed[key] = done.result.reason
            continue
        if done.result.lost:
            journal.add(_LOST + key, json.dumps(done.result.lost))
        if isinstance(done.result.text, Path):
            journal.add_file(key, done.result.text)
            done.result.text.unlink()
        else:
            journal.add(key, done.result.text)
    return failed


_LOST = "lost: "
"""Before an input's key: the record of what of it was lost."""


def _lost(journal: Journal, key: str) -> dict[str, int]:
    return dict(json.loads(journal.read(_LOST + key))) if _LOST + key in journal else {}


def _write_table(output: Path, header: Sequence[str], journal: Journal, keys: Sequence[str]) -> None:
    with atomic_path(output) as temporary, temporary.open("wb") as file:
        file.write((",".join(header) + "\n").encode())
        for key in keys:
            journal.copy(key, file)


def _sweep(output: Path) -> None:
    """Deletes what workers of a killed run left."""
    for path in output.parent.glob(f".{output.name}.*.rows"):
        path.unlink(missing_ok=True)
