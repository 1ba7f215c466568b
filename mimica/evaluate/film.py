"""`mimica evaluate film`: films edited, and what that does to them: flicker, the asked change, identity, speech.

Flicker is measured along the face's own motion, in the tight crop that its steadied eyes define in each frame: the mean absolute
second difference in time of edit minus source, within the face, against that of the source's noise. Of the source's second
differences each pixel's median over time is taken, which what moves now and then does not reach, and brought to a mean as for a
normal distribution.

Where a table of a film's true Action Units lies beside it (FILM.csv, OpenFace's columns), what was asked for is known without the
reader, and so is the reader's own error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mimica.animation import own_controls
from mimica.engines.base import Engine
from mimica.errors import NoFaceError
from mimica.evaluate.identity import Identity
from mimica.face.align import crop_from_photo, cut, transform
from mimica.facs import SIDED_AU_NAMES, with_sides
from mimica.film.aims import MOUTH
from mimica.film.compose import Job
from mimica.film.edit import FilmEdit, edit_video
from mimica.metrics import mean_absolute_error, pearson
from mimica.motion.openface import read_track
from mimica.motion.track import HEAD, Track
from mimica.reader.read import Reader
from mimica.video.reader import open_video

REQUESTS: Mapping[str, Mapping[str, Any]] = {"happy:0.6": {"expression": "happy:0.6"}, "au 1=0.5,2=0.5": {"au": "1=0.5,2=0.5"}}
"""What is asked for: one edit of the mouth, and one of the brows, under which speech must stay as it is."""
LEVELS = 3
"""Levels by which what is drawn must change a pixel for it to count as part of the face."""
SIDE = 256
"""Pixels of the crop in which flicker is measured."""
MEAN_OF_MEDIAN = 1.183
"""Of the absolute values of a normal distribution."""
IDENTITY_EVERY = 10
MOVES, ASKED = 0.03, 0.05
"""Standard deviation over time from which on a unit of the mouth moves; mean change from which on a unit is asked for."""


@dataclass
class Row:
    """One film under one request.

    frames, edited  of the film, and those with the full edit, which are measured
    flicker  of the edit over that of the source's noise        noise  that one, in levels
    unrest   the second difference of the edited film over that of the source, motion and noise and all
    error, gain  of the units asked for: mean absolute error of what is read, and the change read over the change asked
    truth    the same error against the true values, and the reader's own on the source; None where they are not known
    identity  mean distance of face descriptors before and after; None where their network is not installed
    speech   mean correlation of the moving units of the mouth, before and after; None where none moves
    """

    film: str
    request: str
    frames: int
    edited: int
    flicker: float
    noise: float
    unrest: float
    error: float
    gain: float
    truth: tuple[float, float] | None
    identity: float | None
    speech: float | None


@dataclass
class _Seen:
    """What was collected of one film under one request: rows of values, (F, 34) each once whole."""

    own: list[list[float]] = field(default_factory=list)
    asked: list[list[float]] = field(default_factory=list)
    before: list[list[float]] = field(default_factory=list)
    after: list[list[float]] = field(default_factory=list)
    true: list[list[float]] = field(default_factory=list)
    true_asked: list[list[float]] = field(default_factory=list)
    identities: list[float] = field(default_factory=list)


class Flicker:
    """Second differences in time of an edit and of its source, gray crops within the face."""

    def __init__(self) -> None:
        self._last: list[tuple[int, np.ndarray, np.ndarray]] = []
        self._edit: list[float] = []
        self._whole: list[tuple[float, float]] = []
        self._source: list[np.ndarray] = []

    def add(self, index: int, source: np.ndarray, edited: np.ndarray, inside: np.ndarray) -> None:
        """The crops, uint8 (S, S, 3), of the next frame measured, and where its face is, bool (S, S)."""
        gray, other = (cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32) for crop in (source, edited))
        self._last = [*self._last[-2:], (index, gray, other - gray)]
        if len(self._last) == 3 and self._last[2][0] - self._last[0][0] == 2:
            (_, s0, e0), (_, s1, e1), (_, s2, e2) = self._last
            self._edit.append(float(np.abs(e0 - 2 * e1 + e2)[inside].mean()))
            after = np.abs((s0 + e0) - 2 * (s1 + e1) + (s2 + e2))[inside].mean()
            self._whole.append((float(after), float(np.abs(s0 - 2 * s1 + s2)[inside].mean())))
            self._source.append(np.where(inside, np.abs(s0 - 2 * s1 + s2), np.nan).astype(np.float16))

    def result(self) -> tuple[float, float]:
        """(that of the edit, that of the source's noise), levels; the noise is taken where the face is in every frame."""
        source = np.stack(self._source)
        always = ~np.isnan(source).any(axis=0)
        noise = MEAN_OF_MEDIAN * float(np.median(source[:, always].astype(np.float32), axis=0).mean())
        return float(np.mean(self._edit)), noise

    @property
    def unrest(self) -> float:
        """As in `Row`."""
        after, before = np.mean(self._whole, axis=0)
        return float(after / max(before, 1e-6))


def evaluate(
    films: Sequence[Path],
    engine: Engine,
    requests: Mapping[str, Mapping[str, Any]] = REQUESTS,
    *,
    seconds: float = 0.0,
    progress: Callable[[], None] = lambda: None,
) -> tuple[list[Row], list[str]]:
    """Each film under each request, and sentences about those that could not be measured. `seconds` of each film are taken, 0:
    all; `progress` is called after each film under each request. Raises `VideoError`."""
    identity = Identity()
    rows, missing = list[Row](), list[str]()
    for film in films:
        for name, request in requests.items():
            try:
                rows.append(_measured(film, name, edit_video(film, engine=engine, **request), identity, seconds))
            except NoFaceError as error:
                missing.append(str(error))
            progress()
    return rows, missing


def _measured(film: Path, name: str, edit: FilmEdit, identity: Identity, seconds: float) -> Row:
    reader, flicker, seen = Reader(mirror=False), Flicker(), _Seen()
    truth = read_track(film.with_suffix(".csv")) if film.with_suffix(".csv").is_file() else None
    steps = edit.steps()
    for (index, time, source), (job, edited) in zip(open_video(film), steps, strict=False):
        if seconds and time > seconds:
            break
        if job.frame.troubles or len(job.frame.parts) != 1 or job.frame.parts[0].share < 1 or not (job.values or edit.wish):
            continue
        reading = job.frame.parts[0].reading
        matrix = crop_from_photo(reading.landmarks_photo, SIDE)
        inside = _inside(transform(reading.landmarks_photo, matrix))
        before, after = cut(source, matrix, SIDE), cut(edited, matrix, SIDE)
        if edit.wish:  # hair and beards reach beyond the landmarks
            inside |= cv2.blur(cv2.absdiff(before, after).max(axis=2), (5, 5)) > LEVELS
        flicker.add(index, before, after, inside)
        shown = [reader.read_aligned(rgb, [reading.landmarks_photo])[0].action_units for rgb in (source, edited)]
        _add(seen, edit, job, truth, shown[0], shown[1])
        if identity.path is not None and index % IDENTITY_EVERY == 0:
            ways = (identity.descriptor(rgb, reading.landmarks_photo) for rgb in (source, edited))
            seen.identities.append(float(np.linalg.norm(next(ways) - next(ways))))
    steps.close()
    if len(seen.own) < 3:
        raise NoFaceError(f"'{film}' has fewer than three frames with the full edit on end; nothing of it can be measured.")
    return _row(film, name, edit, flicker, seen)


def _inside(points: np.ndarray) -> np.ndarray:
    """bool (SIDE, SIDE), the hull of the landmarks."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    return mask > 0


def _add(
    seen: _Seen, edit: FilmEdit, job: Job, truth: Track | None, before: Mapping[str, float], after: Mapping[str, float]
) -> None:
    own = own_controls(job.frame.parts[0].reading)
    tables: list[tuple[list[list[float]], Mapping[str, float]]] = [
        (seen.own, own), (seen.asked, job.values[0] if job.values else own), (seen.before, before), (seen.after, after)
    ]  # fmt: skip
    if truth is not None:
        shown = {name: value for name, value in truth.sample(job.frame.time).items() if name not in HEAD}
        real = {**own, **with_sides(shown)}
        tables += [(seen.true, real), (seen.true_asked, {**real, **edit.aim(job.frame.time, real)})]
    for table, values in tables:
        table.append([values[unit] for unit in SIDED_AU_NAMES])


def _row(film: Path, name: str, edit: FilmEdit, flicker: Flicker, seen: _Seen) -> Row:
    own, asked, before, after = (np.array(table) for table in (seen.own, seen.asked, seen.before, seen.after))
    of_edit, noise = flicker.result()
    units = np.abs(asked - own).mean(axis=0) > ASKED
    change, read = (asked - own)[:, units], (after - before)[:, units]
    truth = None
    if seen.true and units.any():
        true, true_asked = np.array(seen.true)[:, units], np.array(seen.true_asked)[:, units]
        truth = mean_absolute_error(after[:, units], true_asked), mean_absolute_error(before[:, units], true)
    mouth = [i for i, unit in enumerate(SIDED_AU_NAMES) if unit in MOUTH and before[:, i].std() > MOVES]
    speech = [pearson(after[:, i], before[:, i]) for i in mouth]
    return Row(
        film.name,
        name,
        edit.report.frames,
        len(own),
        of_edit / max(noise, 1e-6),
        noise,
        flicker.unrest,
        mean_absolute_error(after[:, units], asked[:, units]) if units.any() else 0.0,
        float((read * change).sum() / max(float((change * change).sum()), 1e-9)),
        truth,
        float(np.mean(seen.identities)) if seen.identities else None,
        float(np.mean(speech)) if speech else None,
    )
