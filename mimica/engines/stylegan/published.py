"""Directions that others have published for StyleGAN2, read as numbers: nothing that a file brings is run.

    .npy    one direction of 512 or 1 x 512 (InterFaceGAN's boundaries, of unit norm), or 18 x 512, also flat
    (StyleFeatureEditor's
            `bound/*.npy`); where all rows are equal it is meant for the first 8 of 18 layers, else for those that are not 0
    .pt     a tensor of the same shapes (encoder4editing's `age.pt`, `pose.pt`, `smile.pt`, which it adds to all layers), or a
            dictionary of `comp` (N, 1, 512), `mean` and `std` (GANSpace's PCA, `ffhq_pca.pt`): the directions pca0, pca1 ..., for
            all layers, a dose being a standard deviation; and, where it is FFHQ's by its size, those that encoder4editing names,
            in the layers and with the sign that it gives them

No spread is known but that of a PCA: a dose of 1 adds the vector as it is published. Published signs contradict each other:
`mimica directions show` renders both ways.

Sources: Y. Shen et al., "InterFaceGAN" (2020); E. Haerkoenen et al., "GANSpace" (2020); O. Tov et al., "Designing an encoder for
StyleGAN image manipulation" (2021), its notebook for the table of names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import WeightsError
from mimica.foreign.pickle_machine import RefusedError
from mimica.foreign.tables import read_array
from mimica.foreign.torch_file import read_torch_file, tensor

SUFFIXES = (".npy", ".pt", ".pth")
FFHQ_LAYERS, FFHQ_COMPONENTS = 18, 59
FFHQ_NAMES: dict[str, tuple[int, int, int, int]] = {
    "eye_openness": (54, 7, 8, 1),
    "smile": (46, 4, 5, -1),
    "trimmed_beard": (58, 7, 9, 1),
    "white_hair": (57, 7, 10, -1),
    "lipstick": (34, 10, 11, 1),
}
"""Name -> component, first layer, layer after the last, sign."""
_NOTHING = 1e-8


@dataclass(frozen=True)
class Published:
    """A direction as a file gives it: `vector` float32 (1, D) or (num_ws, D) of norm 1, what a dose of 1 adds along it
    (`spread`), and `intercept` as in `mimica.engines.stylegan.directions.Direction`."""

    name: str
    vector: np.ndarray
    spread: float
    intercept: float
    layers: tuple[int, ...]


def read_published(path: Path, num_ws: int, first: tuple[int, ...]) -> list[Published]:
    """The directions of a file of others, for a generator of `num_ws` layers; `first` are the layers of a .npy that is alike in
    all. Raises `WeightsError`."""
    if path.suffix.lower() == ".npy":
        return [one_direction(read_array(path, error=WeightsError), path, num_ws, first)]
    content = read_torch_file(path)
    try:
        if isinstance(content, Mapping):
            return _components({str(name): tensor(value) for name, value in content.items()}, path, num_ws)
        values = tensor(content)
    except RefusedError as error:
        raise WeightsError(f"{path} {error}.") from error
    if values is None:
        raise WeightsError(f"{path} holds neither a tensor nor GANSpace's comp, mean and std: it is no file of directions.")
    return [one_direction(values, path, num_ws, tuple(range(num_ws)))]


def one_direction(array: np.ndarray, path: Path, num_ws: int, layers: tuple[int, ...]) -> Published:
    """A direction of shape (D,), (1, D), (num_ws, D), (1, num_ws, D) or (num_ws * D,); `layers` are those of one that is alike
    in all. Raises `WeightsError`."""
    rows = np.atleast_2d(np.squeeze(array))
    if len(rows) == 1 and rows.size % num_ws == 0 and rows.size // num_ws >= 512:
        rows = rows.reshape(num_ws, -1)
    if array.dtype.kind != "f" or rows.ndim != 2 or len(rows) not in (1, num_ws) or not np.isfinite(rows).all():
        raise WeightsError(
            f"{path} holds {array.dtype} {array.shape}; a direction is finite numbers of shape (512,), (1, 512) or "
            f"({num_ws}, 512)."
        )
    rows = rows.astype(np.float64)
    if np.allclose(rows, rows[:1], rtol=1e-4, atol=1e-6):
        rows = rows[:1]
    else:
        layers = tuple(np.flatnonzero(np.linalg.norm(rows, axis=1) > _NOTHING).tolist())
    norm = float(np.linalg.norm(rows))
    if norm < _NOTHING:
        raise WeightsError(f"{path} holds nothing but zeros.")
    return Published(path.stem, (rows / norm).astype(np.float32), norm, 0.0, layers)


def _components(parts: Mapping[str, Any], path: Path, num_ws: int) -> list[Published]:
    """GANSpace's PCA: w' = w + dose * std_i * comp_i; the score of a code is (w - mean) . comp_i / std_i."""
    found = [parts.get(name) for name in ("comp", "mean", "std")]
    if any(one is None or one.dtype.kind != "f" for one in found):
        raise WeightsError(f"{path} lacks GANSpace's comp, mean and std: it is no file of directions.")
    comp, mean, std = (np.asarray(one, np.float64) for one in found)
    comp, mean, std = comp.reshape(len(comp), -1), mean.ravel(), std.ravel()
    if comp.shape != (len(std), len(mean)) or not all(np.isfinite(one).all() for one in (comp, mean, std)):
        raise WeightsError(f"{path} holds comp {comp.shape}, mean {mean.shape} and std {std.shape}, which do not fit together.")

    def direction(name: str, index: int, layers: tuple[int, ...], sign: int = 1) -> Published:
        norm = float(np.linalg.norm(comp[index]))
        if norm < _NOTHING or std[index] < _NOTHING:
            raise WeightsError(f"{path} has a component {index} that is nothing but zeros.")
        unit, spread = sign * comp[index] / norm, float(std[index] * norm)
        return Published(name, unit[None].astype(np.float32), spread, -float(mean @ unit), layers)

    every = tuple(range(num_ws))
    made = [direction(f"pca{i}", i, every) for i in range(len(comp))]
    if num_ws == FFHQ_LAYERS and len(comp) >= FFHQ_COMPONENTS:
        made += [direction(name, i, every[first:end], sign) for name, (i, first, end, sign) in FFHQ_NAMES.items()]
    return made
