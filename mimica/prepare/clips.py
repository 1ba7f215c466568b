"""Photos to expression clips, for VGAN, TGAN and MoCoGAN: `mimica prepare clips`.

Each photo's largest face goes from what it shows to each of the six emotions, with ease, as in `mimica evaluate acd`: 16
frames, rendered by an engine, cut out as tight crops of 64 pixels, all by the photo's own landmarks. The format is described
in `mimica.engines.baselines.video.clips`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mimica.animation import own_controls, prepare, render_frame
from mimica.engines.base import Engine, load_engine
from mimica.engines.baselines.video.sizes import FRAMES, SIDE, VERSION
from mimica.errors import DataError, NoFaceError
from mimica.evaluate.acd import SIX, expression_track
from mimica.face.align import crop_from_photo, cut
from mimica.files import atomic_path
from mimica.prepare.ffhq import photos_of_folder, photos_of_set
from mimica.reader.read import FaceReading, Reader, largest_face


def prepare_clips(
    faces: Path,
    output: Path,
    *,
    limit: int = 0,
    engine: Engine | None = None,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> tuple[int, int]:
    """Write the clips of the photos in a folder (or of a set with labels.parquet) into the new folder `output`; gives the
    numbers of clips and of photos dropped (no face found). `limit` 0 takes all photos, `engine` None the default one. Raises
    `DataError`."""
    photos = list((photos_of_set if (faces / "labels.parquet").is_file() else photos_of_folder)(faces))
    photos = photos[:limit] if limit else photos
    engine = engine or load_engine()
    about: list[dict[str, str]] = []
    dropped = 0
    reader = Reader()
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        shape = (len(photos) * len(SIX), FRAMES, SIDE, SIDE, 3)
        frames = np.lib.format.open_memmap(temporary / "all.npy", mode="w+", dtype=np.uint8, shape=shape)
        for _, subject, photo in photos:
            try:
                reading = largest_face(photo, reader=reader)
            except NoFaceError:
                dropped += 1
                continue
            for emotion, clip in clips_of(photo, reading, engine):
                frames[len(about)] = clip
                about.append({"subject": subject, "emotion": emotion})
            progress(len(about), dropped)
        if not about:
            raise DataError(f"No picture in '{faces}' shows a face.")
        np.save(temporary / "clips.npy", frames[: len(about)])
        del frames
        (temporary / "all.npy").unlink()
        title = f"{len(about)} clips of {faces.name} by {engine.name}"
        content = {"version": VERSION, "title": title, "frames": FRAMES, "image_size": SIDE, "clips": about}
        (temporary / "clips.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return len(about), dropped


def clips_of(photo: np.ndarray, reading: FaceReading, engine: Engine) -> Iterator[tuple[str, np.ndarray]]:
    """The six emotions of a face: uint8 (T, S, S, 3) each."""
    prepared, own = prepare(photo, [reading], engine), own_controls(reading)
    matrix = crop_from_photo(reading.landmarks_photo, SIDE)
    for emotion in SIX:
        track = expression_track(emotion, own, FRAMES)
        yield emotion, np.stack([cut(render_frame(prepared, [track.sample(float(i))]), matrix, SIDE) for i in range(FRAMES)])
