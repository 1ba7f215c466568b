"""`mimica transition`: codes of photos and of expressions, and the way from one to another.

Codes are float32 (n, num_ws, w_size).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mimica.engines.stylegan.autoencoder import LatentEditor, load_editor
from mimica.engines.stylegan.codec import Codec, companion, read_pictures
from mimica.engines.stylegan.seeds import parse_seeds
from mimica.engines.stylegan.sheets import transition_frames, transition_sheet
from mimica.errors import WeightsError
from mimica.face.align import crop_from_photo, cut
from mimica.facs import without_sides
from mimica.marks.marking import default_marks
from mimica.motion.expression import Expression, parse_emotions
from mimica.pictures.images import read_photo
from mimica.reader.read import Reader, largest_face

OWN = "own"
"""In place of an expression: the face as it is."""
_TRUNCATION = 0.8
"""Of the faces that seeds give."""


def expression_codes(
    codec: Codec, editor: LatentEditor, codes: np.ndarray, expression: str, reader: Reader | None = None
) -> np.ndarray:
    """The faces of `codes` with an expression (`happy`, `happy:0.6+surprised:0.4`), by the pseudo-autoencoder: the change of
    Action Units is that from what the reader sees in their pictures. Raises `ValueRangeError` for an unknown expression."""
    wanted = Expression(parse_emotions(expression))
    readings = read_pictures(codec.decode(codes), reader or Reader(threads=1))
    changes = []
    for reading in readings:
        own, target = reading.mean_action_units, without_sides(wanted.target(reading.action_units))
        changes.append([target[unit] - own[unit] if unit in own else 0.0 for unit in editor.units])
    return editor.edit(codes, np.array(changes))


def photo_code(codec: Codec, path: Path) -> np.ndarray:
    """(1, num_ws, w_size): the largest face of a photo, by the encoder. Raises `ImageError`, `NoFaceError`, `WeightsError`."""
    photo = read_photo(path).rgb
    face = largest_face(photo)
    crop = cut(photo, crop_from_photo(face.landmarks_photo, codec.image_size, "ffhq"), codec.image_size)
    return codec.encode(crop[None])


def codes_of(codec: Codec, seeds: str, photo: Path | None = None) -> np.ndarray:
    """(n, num_ws, w_size): the codes of the faces of `seeds` ("1-3,7"), or that of a photo's face. Raises as `photo_code`, and
    `ValueRangeError`."""
    if photo is not None:
        return photo_code(codec, photo)
    samples = [codec.sample(1, seed, _TRUNCATION) for seed in parse_seeds(seeds)]
    return np.concatenate([np.repeat(one, codec.num_ws, axis=1) for one in samples])


def named_editor(codec: Codec, weights: Path | None, which: str) -> LatentEditor:
    """A pseudo-autoencoder: `residual` or `paper`, which lie beside the generator's file `weights` (None: the shipped one), or a
    file. Raises `WeightsError`."""
    known = {"residual": companion(weights, "autoencoder"), "paper": companion(weights, "autoencoder_paper")}
    path = known.get(which, Path(which))
    if path is None:
        raise WeightsError(f"There is no autoencoder '{which}' beside this generator; train one with `mimica train autoencoder`.")
    return load_editor(path, codec.num_ws, codec.fingerprint)


def ends_of(codec: Codec, editor: LatentEditor, codes: np.ndarray, start: str, end: str) -> tuple[np.ndarray, np.ndarray]:
    """The codes with the expression `start` and those with `end`. Raises `ValueRangeError`."""
    first, last = (codes if words == OWN else expression_codes(codec, editor, codes, words) for words in (start, end))
    return first, last


def write_sheet(path: Path, codec: Codec, starts: np.ndarray, ends: np.ndarray, title: str, comment: str) -> None:
    """A picture: a row for each face, from its start to its end."""
    rows = [(title, start, end) for start, end in zip(starts, ends, strict=True)]
    default_marks(comment).save_image(path, transition_sheet(codec, rows))


def write_video(path: Path, codec: Codec, starts: np.ndarray, ends: np.ndarray, seconds: float, fps: float, comment: str) -> None:
    """A video: the faces one after another, each from its start to its end in `seconds`."""
    with default_marks(comment).video(path, fps, (codec.image_size, codec.image_size)) as write:
        for start, end in zip(starts, ends, strict=True):
            for code in transition_frames(start, end, round(seconds * fps)):
                write(codec.decode(code[None])[0])
