"""Whole FFHQ crops as training data, for every StyleGAN training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimica.data.dataset import FaceDataset
from mimica.errors import DataError
from mimica.training.batches import Draw


class PictureSource:
    """Pictures uint8 (B, S, S, 3), half of them mirrored. Of an original photo there are `originals` samples, of a copy with
    another expression one. With `given`, a set whose column `photo` names faces of this one, batches have its pictures, "given",
    as well, at `given_size`. Raises `DataError` for a face without one."""

    def __init__(
        self,
        faces: FaceDataset,
        size: int,
        originals: int = 1,
        flip: bool = True,
        given: FaceDataset | None = None,
        given_size: int = 0,
    ) -> None:
        self.faces, self.size, self.flip, self.given, self.given_size = faces, size, flip, given, given_size
        place = {} if given is None else {photo: row for row, photo in enumerate(given.photos)}
        without = [] if given is None else [name for name in faces.names if name not in place]
        if without:
            raise DataError(f"{given.title}: {len(without)} faces of {faces.title} are not in it ('{without[0]}').")  # type: ignore[union-attr]
        self._given_rows = [place[name] for name in faces.names] if given is not None else []
        rows = np.arange(len(faces))
        first = np.array([photo == "" for photo in faces.photos], bool)
        self.items = np.concatenate([rows, *[rows[first]] * (originals - 1)])

    def __len__(self) -> int:
        return len(self.items)

    def batch(self, draws: Sequence[Draw]) -> dict[str, np.ndarray]:
        rows = [int(self.items[draw.item]) for draw in draws]
        found = {"image": self.faces.images(rows, self.size)}
        if self.given is not None:
            found["given"] = self.given_images(rows)
        for i, draw in enumerate(draws):
            if self.flip and np.random.default_rng(draw.seed).random() < 0.5:
                for pictures in found.values():
                    pictures[i] = pictures[i, :, ::-1].copy()
        return found

    def given_images(self, rows: Sequence[int]) -> np.ndarray:
        """uint8 (len(rows), given_size, given_size, 3): what `given` has of some faces, by number."""
        assert self.given is not None, "there is a set of given pictures"
        return self.given.images([self._given_rows[row] for row in rows], self.given_size)
