"""Pictures of latent editing: a direction at several doses, a published direction both ways, and transitions (figure 2 of the
pseudo-autoencoder's paper). Faces are pictures of the generator, uint8 (S, S, 3); codes (n, num_ws, w_size)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mimica.engines.stylegan.autoencoder import transition
from mimica.engines.stylegan.codec import Codec
from mimica.engines.stylegan.directions import Direction
from mimica.pictures.contact_sheet import Cell, sheet

DOSES = (-3.0, -1.5, 0.0, 1.5, 3.0)
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)


def dose_sheet(
    codec: Codec, codes: np.ndarray, directions: Mapping[str, Direction], doses: Sequence[float] = DOSES, cell: int = 128
) -> np.ndarray:
    """A row for each direction and face: negative doses to positive ones."""
    rows = []
    for name, direction in directions.items():
        for code in codes:
            made = codec.decode(np.concatenate([direction.apply(code[None], dose) for dose in doses]))
            rows.append([Cell(None, name), *(Cell(p, f"{dose:+g}") for p, dose in zip(made, doses, strict=True))])
    return sheet(rows, cell)


def transition_sheet(codec: Codec, ends: Sequence[tuple[str, np.ndarray, np.ndarray]], cell: int = 128) -> np.ndarray:
    """A row for each (name, w_s, w_t): w_s + alpha (w_t - w_s) at `ALPHAS`."""
    rows = []
    for name, start, end in ends:
        made = codec.decode(np.stack([transition(start, end, alpha) for alpha in ALPHAS]))
        rows.append([Cell(None, name), *(Cell(p, f"alpha {alpha:g}") for p, alpha in zip(made, ALPHAS, strict=True))])
    return sheet(rows, cell)


def transition_frames(start: np.ndarray, end: np.ndarray, frames: int) -> Iterator[np.ndarray]:
    """Codes of a transition with alpha eased over time, from `start` to `end`."""
    for i in range(frames):
        t = i / max(1, frames - 1)
        yield transition(start, end, t * t * (3 - 2 * t))
