"""A data set's faces in the latent space of a VAE. No torch here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mimica.engines.vae.codec import Codec
from mimica.engines.vae.data import VaeData
from mimica.errors import DataError


@dataclass(frozen=True)
class Encoded:
    """A data set's training faces in the latent space of `codec`: `latents` float32 (N, Z) of the `rows` of `data`, and the same
    faces mirrored, `mirrored` (N, Z)."""

    codec: Codec
    data: VaeData
    rows: np.ndarray
    latents: np.ndarray
    mirrored: np.ndarray


def encoded(codec: Codec, data: VaeData, rows: np.ndarray, progress: Callable[[int], None] = lambda n: None) -> Encoded:
    """Encodes the `rows` of `data`, plain and mirrored."""
    if data.image_size != codec.image_size:
        raise DataError(
            f"The data set '{data.title}' has pictures of {data.image_size} pixels; this VAE takes {codec.image_size}: prepare "
            f"it again with --size {codec.image_size}."
        )
    plain, mirrored = [], []
    for part in np.array_split(rows, max(1, len(rows) // 64)):
        pictures = np.asarray(data.images[part])
        plain.append(codec.encode(pictures))
        mirrored.append(codec.encode(pictures[:, :, ::-1]))
        progress(len(part))
    return Encoded(codec, data, rows, np.concatenate(plain), np.concatenate(mirrored))
