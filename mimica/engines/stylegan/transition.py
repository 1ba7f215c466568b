"""Codes of photos, and of expressions: what `mimica transition` works with. Codes are float32 (n, places, w_size)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mimica.engines.stylegan.autoencoder import LatentEditor
from mimica.engines.stylegan.codec import Codec, read_pictures
from mimica.face.align import crop_from_photo, cut
from mimica.facs import without_sides
from mimica.images import read_photo
from mimica.motion.expression import Expression, parse_emotions
from mimica.reader.read import Reader, largest_face


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
    """(1, places, w_size): the largest face of a photo, by the encoder. Raises `ImageError`, `NoFaceError`, `WeightsError`."""
    photo = read_photo(path).rgb
    face = largest_face(photo)
    crop = cut(photo, crop_from_photo(face.landmarks_photo, codec.image_size, "ffhq"), codec.image_size)
    return codec.encode(crop[None])
