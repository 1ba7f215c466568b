"""`mimica prepare latents --posed`: codes of faces whose heads and eyes were turned by known angles.

Each face, a photo of a set or a sample of the generator, is turned by the engine `ganimation`, cut out as FFHQ does, and encoded.
Columns yaw, pitch, gaze_x and gaze_y, in degrees, are what the reader saw of the face at rest plus what it was turned by;
the other columns are the reader's of each picture. Directions are fitted on it with each face compared with itself:

    mimica prepare latents data/ffhq --posed --limit 200 -o data/posed
    mimica directions fit data/posed --within -c yaw -c pitch -c gaze_x -c gaze_y -o directions.safetensors

How a face is turned by `ganimation` limits what is learnt: the far side is stretched, hair and light turn little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mimica.animation import own_controls, prepare, render_frame
from mimica.data.dataset import open_datasets
from mimica.data.sources.base import Dropped
from mimica.engines.base import Engine, load_engine
from mimica.engines.stylegan.codec import Codec, read_pictures, reading_rows
from mimica.engines.stylegan.latents import GAZE, POSE, READ_COLUMNS, LatentSet, save_latents
from mimica.errors import DataError, NoFaceError
from mimica.prepare.faces import NO_FACE_SEEN, Report
from mimica.prepare.ffhq import cut_again, with_room
from mimica.reader.read import MIN_CONFIDENCE, FaceReading, Reader

TURNS: tuple[Mapping[str, float], ...] = (
    {}, {"yaw": 8}, {"yaw": -8}, {"yaw": 16}, {"yaw": -16}, {"pitch": 6}, {"pitch": -6}, {"pitch": 12}, {"pitch": -12},
    {"gaze_x": 14}, {"gaze_x": -14}, {"gaze_y": 10}, {"gaze_y": -10},
    {"yaw": 10, "pitch": -7, "gaze_x": -10}, {"yaw": -10, "pitch": 7, "gaze_x": 10},
)  # fmt: skip
"""By how many degrees each face is turned, away from how it is."""
TURNED = ("yaw", "pitch", *GAZE)
COLUMNS = (*READ_COLUMNS, *GAZE)


def turned(picture: np.ndarray, reading: FaceReading, engine: Engine, reader: Reader) -> Iterator[tuple[int, np.ndarray]]:
    """Number in `TURNS`, and the FFHQ crop (S, S, 3) of the face of a crop (S, S, 3) turned so; without those that have no face
    any more."""
    wide, room = with_room(picture)
    (moved,) = reader.read_aligned(wide, [reading.landmarks_photo + room])
    prepared, own = prepare(wide, [moved], engine), own_controls(moved)
    for number, turn in enumerate(TURNS):
        frame = render_frame(prepared, [{name: own[name] + angle for name, angle in turn.items()}])
        crop = cut_again(frame, moved.landmarks_photo, len(picture), reader)
        if crop is not None:
            yield number, crop


def pose_latents(
    codec: Codec,
    output: Path,
    *,
    folder: Path | None = None,
    limit: int = 0,
    sample: int = 0,
    seed: int = 0,
    truncation: float = 1.0,
    reader: Reader | None = None,
    engine: Engine | None = None,
    progress: Callable[[int], None] = lambda n: None,
) -> Report:
    """Write the codes of turned faces: of `limit` photos of a prepared set of FFHQ crops (0: all), spread evenly over it, or of
    `sample` samples of the generator. Raises `DataError` where no face is left."""
    reader, engine, report = reader or Reader(threads=1), engine or load_engine(), Report()
    rows: list[tuple[str, int]] = []
    codes, read, angles = [], [], []
    for name, picture in _faces(codec, folder, limit, sample, seed, truncation):
        progress(1)
        try:
            own, crops = _all_turned(picture, engine, reader)
        except NoFaceError:
            report.dropped.append(Dropped(name, NO_FACE_SEEN))
            continue
        rows += [(name, number) for number in crops]
        codes.append(codec.encode(np.stack(list(crops.values()))))
        read.append(reading_rows(read_pictures(np.stack(list(crops.values())), reader)))
        angles += [[own[column] + TURNS[number].get(column, 0.0) for column in TURNED] for number in crops]
    report.kept = len(rows)
    if not rows:
        raise DataError("The reader sees no face in any of the pictures; are they FFHQ crops?")
    save_latents(output, _set(codec, rows, np.concatenate(codes), np.concatenate(read), np.array(angles)))
    return report


def _all_turned(picture: np.ndarray, engine: Engine, reader: Reader) -> tuple[dict[str, float], dict[int, np.ndarray]]:
    """What the face shows at rest, and its crops by number of `TURNS`. Raises `NoFaceError`."""
    (reading,) = read_pictures(picture[None], reader)
    if reading.confidence < MIN_CONFIDENCE:
        raise NoFaceError("no face")
    return own_controls(reading), dict(turned(picture, reading, engine, reader))


def _faces(
    codec: Codec, folder: Path | None, limit: int, sample: int, seed: int, truncation: float
) -> Iterator[tuple[str, np.ndarray]]:
    """Names and pictures, uint8 (S, S, 3)."""
    if folder is None:
        for number in range(sample):
            yield f"sample-{seed + number}", codec.decode(codec.sample(1, seed + number, truncation))[0]
        return
    faces = open_datasets([folder], "ffhq").originals(limit)
    for row, name in enumerate(faces.names):
        yield name, faces.images([row], codec.image_size)[0]


def _set(codec: Codec, rows: Sequence[tuple[str, int]], codes: np.ndarray, read: np.ndarray, angles: np.ndarray) -> LatentSet:
    values = np.concatenate([read, np.full((len(read), len(GAZE)), np.nan, np.float32)], axis=1)
    for k, column in enumerate(TURNED):
        values[:, COLUMNS.index(column)] = angles[:, k]
    names = tuple(f"{name}_t{number}" for name, number in rows)
    subjects = tuple(name for name, _ in rows)
    notes = {"turned": list(map(dict, TURNS)), "by": "ganimation", "pose": list(POSE)}
    title = f"{len(set(subjects))} faces, heads and eyes turned"
    return LatentSet(title, codec.fingerprint, codec.num_ws, codes, COLUMNS, values, names, subjects, ("",) * len(rows), notes)
