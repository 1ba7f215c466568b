"""Which faces are measured: held-out ones drawn at random, of different people as long as there are enough, or all photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mimica.data.dataset import open_datasets
from mimica.errors import DataError


def held_out(data: Path, size: int, count: int, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """(crops uint8 (size, size, 3), names) of `count` held-out faces of a prepared set, drawn at random. Raises `DataError`."""
    faces = open_datasets([data], "ffhq").part(validation=True)
    if not len(faces):
        raise DataError(f"'{data}' has no held-out person.")
    items = draw(faces.subjects, count, seed)
    return list(faces.images(items, size)), [faces.names[i] for i in items]


def photos_of(data: Path, size: int, validation: bool, most: int = 0) -> np.ndarray:
    """The photos of a prepared set themselves, without re-animated copies: uint8 (N, size, size, 3), of the held-out people or of
    all others; `most` of them, spread evenly, or all (0)."""
    faces = open_datasets([data], "ffhq").part(validation).originals(most)
    return faces.images(range(len(faces)), size)


def draw(subjects: Sequence[str], count: int, seed: int) -> list[int]:
    """`count` items at random, of different people as long as there are enough."""
    order = np.random.default_rng(seed).permutation(len(subjects))
    first = {subjects[i]: int(i) for i in order[::-1]}
    chosen = [int(i) for i in order if first[subjects[i]] == i]
    rest = [int(i) for i in order if first[subjects[i]] != i]
    return (chosen + rest)[:count]
