"""`mimica prepare redrawn`: faces as the VAE gives them back, for a restoring network of its own.

DATA is a prepared set of FFHQ crops. Each face is encoded and decoded without a change and becomes what `mimica.face.restore`
shows its network of it in an edit: 64 pixels, a little crisper where it is blurred (`crisper`). Column `photo` names the face in
DATA, by which `mimica train stylegan --set stages=top --set given=...` finds the sharp crop that belongs to it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mimica.data.dataset import DatasetWriter, FaceDataset, open_datasets, resized
from mimica.engines.vae.codec import BATCH, Codec
from mimica.engines.vae.edit import load_vae
from mimica.face.restore import ENTRY, crisper
from mimica.facs import to_dict
from mimica.files import atomic_path


def redrawn(codec: Codec, pictures: np.ndarray) -> np.ndarray:
    """uint8 (B, S, S, 3) -> uint8 (B, ENTRY, ENTRY, 3), what a restoring network is shown of the decoder's pictures."""
    decoded, _ = codec.decode(codec.encode(np.stack([resized(picture, codec.image_size) for picture in pictures])))
    small = [crisper(cv2.resize(picture, (ENTRY, ENTRY), interpolation=cv2.INTER_AREA)) for picture in decoded]
    return np.rint(np.clip(small, 0, 255)).astype(np.uint8)


def prepare_redrawn(
    data: Path,
    output: Path,
    *,
    size: int = ENTRY,
    weights: Path | None = None,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> int:
    """Write the data set; gives the number of pictures. `weights`: another VAE than the one that ships. Raises `DataError` for
    what is no prepared set, `WeightsError` for what is no VAE."""
    faces, codec = open_datasets([data]), load_vae(weights).codec
    rows = range(len(faces))[: limit or None]
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        title = f"{faces.title}, as the VAE gives them back"
        with DatasetWriter(temporary, title, size, faces.controls, crop="ffhq", notes={"source": "redrawn"}) as writer:
            for start in range(0, len(rows), BATCH):
                part = rows[start : start + BATCH]
                _add(writer, faces, part, redrawn(codec, faces.images(part, codec.image_size)))
                progress(part[-1] + 1, 0)
    return len(rows)


def _add(writer: DatasetWriter, faces: FaceDataset, rows: range, pictures: np.ndarray) -> None:
    for row, picture in zip(rows, pictures, strict=True):
        name, values = faces.names[row], to_dict(faces.values[row], faces.controls)
        writer.add(resized(picture, writer.image_size), values, name, faces.subjects[row], faces.emotions[row], name)
