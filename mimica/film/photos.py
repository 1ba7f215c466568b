"""The photo that is edited or moved: opened, its faces found, those that are meant chosen and looked at critically."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from mimica.animation import enhanced, own_controls
from mimica.engines.base import Engine
from mimica.film.wish import Detector
from mimica.motion.alive import with_life
from mimica.motion.files import Motion
from mimica.motion.presets import blinks as natural_blinks
from mimica.motion.track import Track
from mimica.pictures.images import Photo, PhotoSource, read_photo
from mimica.reader.face_choice import Which, check, check_eyes, check_mouth, select
from mimica.reader.read import FaceReading, Reader, find_faces


@contextmanager
def loading(load: Callable[[], Engine]) -> Iterator[Future[Engine]]:
    """The engine that `load` gives, and the reader's networks before it, are loaded beside what the block does: opening the
    photo, looking for faces."""
    with ThreadPoolExecutor(1, "loading") as beside:
        beside.submit(Reader)  # it is kept (`mimica.reader.read`); what is wrong with it, `find_faces` will say
        yield beside.submit(load)


def seen(
    source: PhotoSource, which: Which, find: Detector, enhance: bool = False
) -> tuple[Photo, list[FaceReading], list[FaceReading], tuple[str, ...]]:
    """The photo, the faces meant, all fit to be edited and perhaps restored, its other faces, and the warnings. Raises
    `ImageError`, `NoFaceError`."""
    photo = read_photo(source)
    found = find_faces(photo.rgb, detector=find)
    readings, warnings = select(found, which, str(photo.path))
    bystanders = [one for one in found if not any(one is reading for reading in readings)]
    if photo.frames > 1 and photo.format not in ("JPEG", "MPO"):
        warnings.append(f"{photo.path} holds {photo.frames} pictures; the first is taken.")
    if enhance:
        photo, readings, bystanders, sentences = enhanced(photo, readings, bystanders)
        warnings += sentences
    for reading in readings:
        sentences = check(reading, photo.rgb.shape) + check_eyes(reading, photo.rgb) + check_mouth(reading, photo.rgb)
        warnings += [f"{photo.path}: {sentence}" for sentence in sentences]
    return photo, readings, bystanders, tuple(warnings)


def life_tracks(
    readings: Sequence[FaceReading], motion: Motion, rng: np.random.Generator | None, alive: bool
) -> tuple[Track, ...]:
    """The curves of each face, by random numbers with idle motion (`alive`), or with natural blinks, where there are any."""
    tracks = []
    for own in map(own_controls, readings):
        track = motion(own).resolve(own)
        if rng is not None and alive:
            track = with_life(track, rng)
        elif rng is not None:
            track = track.max_with(natural_blinks(track.seconds, rng).shifted(track.start))
        tracks.append(track)
    return tuple(tracks)
