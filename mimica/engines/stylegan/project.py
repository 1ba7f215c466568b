"""Photos -> latents: finding and aligning the faces, and the search (`mimica.engines.stylegan.invert`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mimica.engines.stylegan.invert import Projection, Search
from mimica.engines.stylegan.model import Latents, Model
from mimica.engines.stylegan.perceptual import Features
from mimica.errors import NoFaceError
from mimica.face.align import crop_from_photo, cut
from mimica.images import read_photo
from mimica.pixels import as_input
from mimica.reader.read import Reader, largest_face


@dataclass(frozen=True)
class Target:
    """A face cut out as FFHQ does, uint8 (S, S, 3), with its name and the matrix crop_from_photo."""

    name: str
    crop: np.ndarray
    matrix: np.ndarray


def target_of(path: Path, size: int, reader: Reader | None = None) -> Target:
    """The largest face of a photo. Raises `ImageError`, `NoFaceError`."""
    photo = read_photo(path).rgb
    try:
        face = largest_face(photo, reader=reader)
    except NoFaceError as error:
        raise NoFaceError(f"{path}: {error}") from error
    matrix = crop_from_photo(face.landmarks_photo, size, "ffhq")
    return Target(path.stem, cut(photo, matrix, size), matrix)


def begin(model: Model, crops: Sequence[np.ndarray], features: Features, search: Search) -> Projection:
    """The search for crops, uint8 (S, S, 3), as one batch."""
    return Projection(model, as_input(torch.from_numpy(np.stack(crops))), features, search)


def latents(projection: Projection, targets: Sequence[Target]) -> Latents:
    """What the latent file keeps."""
    noises = {k: n.detach().numpy() for k, n in enumerate(projection.noises)} if projection.search.noises else {}
    names = [target.name for target in targets]
    matrices = np.stack([target.matrix for target in targets])
    return Latents(projection.w_plus.numpy(), names, projection.model.fingerprint, matrices, noises)
