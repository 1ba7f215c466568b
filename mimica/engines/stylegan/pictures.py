"""Whole FFHQ crops as training data, for every StyleGAN training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimica.data.dataset import FaceDataset
from mimica.training.batches import Draw


class PictureSource:
    """Pictures uint8 (B, S, S, 3), half of them mirrored. Of an original photo there are `originals` samples, of a copy with
    another expression one."""

    def __init__(self, faces: FaceDataset, size: int, originals: int = 1, flip: bool = True) -> None:
        self.faces, self.size, self.flip = faces, size, flip
        rows = np.arange(len(faces))
        first = np.array([photo == "" for photo in faces.photos], bool)
        self.items = np.concatenate([rows, *[rows[first]] * (originals - 1)])

    def __len__(self) -> int:
        return len(self.items)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        images = self.faces.images([int(self.items[draw.item]) for draw in draws], self.size)
        for i, draw in enumerate(draws):
            if self.flip and np.random.default_rng(draw.seed).random() < 0.5:
                images[i] = images[i, :, ::-1].copy()
        return {"image": images}
