"""`mimica prepare redrawn`: faces as an engine gives them back, small, for a network that enlarges such pictures.

DATA is a prepared set of FFHQ crops. Each face is encoded and decoded without a change:

    vae       and becomes what `mimica.face.restore` shows its network of it in an edit: 64 pixels, a little crisper where it is
              blurred (`crisper`)
    stylegan  the embedded generator; and is what the body draws, from one w

Column `photo` names the face in DATA, by which `mimica train stylegan --set stages=top --set given=...` finds the sharp crop that
belongs to it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mimica.data.dataset import DatasetWriter, FaceDataset, open_datasets, resized
from mimica.engines.vae.codec import BATCH, Codec
from mimica.engines.vae.edit import load_vae
from mimica.errors import ValueRangeError
from mimica.face.restore import ENTRY, crisper
from mimica.facs import to_dict
from mimica.files import atomic_path

ENGINES = ("vae", "stylegan")
Redraw = Callable[[np.ndarray], np.ndarray]
"""uint8 (B, S, S, 3) -> uint8 (B, entry, entry, 3)."""


def redrawn(codec: Codec, pictures: np.ndarray) -> np.ndarray:
    """uint8 (B, S, S, 3) -> uint8 (B, ENTRY, ENTRY, 3), what a restoring network is shown of the VAE's pictures."""
    decoded, _ = codec.decode(codec.encode(np.stack([resized(picture, codec.image_size) for picture in pictures])))
    small = [crisper(cv2.resize(picture, (ENTRY, ENTRY), interpolation=cv2.INTER_AREA)) for picture in decoded]
    return np.rint(np.clip(small, 0, 255)).astype(np.uint8)


def _body(weights: Path | None) -> Redraw:
    """The body of an embedded generator that has an encoder."""
    import torch

    from mimica.engines.stylegan.cascade.networks import CascadeGenerator
    from mimica.engines.stylegan.model import load_model
    from mimica.engines.stylegan.networks import SIZES
    from mimica.pictures.pixels import as_input, as_pictures

    model = load_model(weights)
    generator, encoder = model.generator, model.encoder
    if not isinstance(generator, CascadeGenerator) or encoder is None:
        raise ValueRangeError("Only an embedded generator with its encoder gives a body's pictures back.")
    entry = SIZES[generator.synthesis.entry]

    @torch.no_grad()
    def redraw(pictures: np.ndarray) -> np.ndarray:
        small = np.stack([resized(picture, entry) for picture in pictures])
        w, _ = encoder(as_input(torch.from_numpy(small)))
        return as_pictures(generator.synthesis.small(w, "none"))

    return redraw


def redraw_of(engine: str, weights: Path | None = None) -> Redraw:
    """What an engine makes of faces. Raises `ValueRangeError`, `WeightsError`."""
    if engine not in ENGINES:
        raise ValueRangeError(f"Faces are given back by {' or '.join(ENGINES)}, not by '{engine}'.")
    return _body(weights) if engine == "stylegan" else partial(redrawn, load_vae(weights).codec)


def prepare_redrawn(
    data: Path,
    output: Path,
    *,
    engine: str = "vae",
    size: int = ENTRY,
    weights: Path | None = None,
    limit: int = 0,
    progress: Callable[[int, int], None] = lambda done, dropped: None,
) -> int:
    """Write the data set; gives the number of pictures. `weights`: other ones than those that ship. Raises `DataError` for
    what is no prepared set, `WeightsError` and `ValueRangeError` for what is no such engine."""
    faces, redraw = open_datasets([data], "ffhq"), redraw_of(engine, weights)
    rows = range(len(faces))[: limit or None]
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        title, about = f"{faces.title}, as {engine} gives them back", {"source": "redrawn", "engine": engine}
        with DatasetWriter(temporary, title, size, faces.controls, crop=faces.crop, notes=about) as writer:
            for start in range(0, len(rows), BATCH):
                part = rows[start : start + BATCH]
                _add(writer, faces, part, redraw(faces.images(part, faces.shards[0].shape[1])))
                progress(part[-1] + 1, 0)
    return len(rows)


def _add(writer: DatasetWriter, faces: FaceDataset, rows: range, pictures: np.ndarray) -> None:
    for row, picture in zip(rows, pictures, strict=True):
        name, values = faces.names[row], to_dict(faces.values[row], faces.controls)
        writer.add(resized(picture, writer.image_size), values, name, faces.subjects[row], faces.emotions[row], name)
