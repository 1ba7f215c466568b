"""StyleCLIP's global directions, read as numbers and turned into directions of W+.

O. Patashnik et al., "StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery" (ICCV 2021), section 6. For a network its authors
publish what each channel c of the style space S does to the picture, as a unit vector of CLIP's: `fs3.npy`, float (C, D), for
FFHQ's network (6048, 512). A wish is a difference of two texts in CLIP, dt (D). Then

    ds_c = delta_c . dt   where |delta_c . dt| >= beta,  else 0            (the relevance of a channel, their equation for R_c)

scaled so that the largest is 1, times the channel's standard deviation. Mimica brings no CLIP: the difference comes as a file
(`.npy`: (D,), or (2, D), from the first text to the second). A file of (C,) is taken for ds itself.

Our codes are W+, whose layer k gives the styles s_k = A_k w_k + b_k of convolution k. So the step is, for each layer, the
least-squares answer to A_k dw_k = ds_k, damped, as small singular values would let w go far for little. The pictures' own
styles (ToRGB) share w with the next convolution and move along; StyleCLIP leaves them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mimica.engines.stylegan.directions import Direction
from mimica.engines.stylegan.model import Model, seed_w
from mimica.errors import WeightsError
from mimica.foreign.tables import read_array

DAMPING = 1e-3
"""Of the mean squared singular value."""
_SAMPLES, _BATCH = 1000, 100
_NOTHING = 1e-8


@dataclass(frozen=True)
class Found:
    """direction  in W+
    channels   how many channels of S it moves
    reached    the share of their change (by squares) that W+ can give, 0 to 1"""

    direction: Direction
    channels: int
    reached: float


def global_direction(model: Model, deltas: Path, text: Path | None = None, threshold: float = 0.1, name: str = "") -> Found:
    """The direction of a file of deltas, called `name` (that of the text's file, or the deltas'). Raises `WeightsError`."""
    widths = [layer.style.weight.shape[0] for layer in model.generator.synthesis.layers]
    values = _numbers(deltas)
    if len(values) != sum(widths) or values.ndim > 2:
        raise WeightsError(
            f"'{deltas}' holds {values.shape}; the convolutions of this generator have {sum(widths)} channels of style: these "
            "deltas are for another network."
        )
    if values.ndim == 2:
        if text is None:
            raise WeightsError(f"'{deltas}' says what channels do in CLIP's space; name the wish's vector with --text.")
        values = relevant(values, _wish(text, values.shape[1]), threshold)
    wanted = np.split(values * np.concatenate(style_spread(model)), np.cumsum(widths)[:-1])
    step, reached = to_latent(model, wanted)
    norm = float(np.linalg.norm(step))
    if norm < _NOTHING:
        raise WeightsError(f"'{deltas}' moves nothing: a --threshold below {threshold:g} keeps more channels.")
    layers = tuple(np.flatnonzero(np.linalg.norm(step, axis=1) > _NOTHING).tolist())
    called = name or (text or deltas).stem
    vector = (step / norm).astype(np.float32)
    direction = Direction(called, "", vector, norm, 0.0, layers, model.num_ws, model.fingerprint, learner="published")
    return Found(direction, int(np.count_nonzero(values)), reached)


def _numbers(path: Path) -> np.ndarray:
    values = np.squeeze(read_array(path, error=WeightsError))
    if values.dtype.kind != "f" or values.ndim == 0 or not np.isfinite(values).all():
        raise WeightsError(f"'{path}' holds {values.dtype} {values.shape} where finite numbers are needed.")
    return np.asarray(values, np.float64)


def _wish(path: Path, size: int) -> np.ndarray:
    """float (size,), norm 1."""
    rows = np.atleast_2d(_numbers(path))
    if rows.ndim != 2 or len(rows) > 2 or rows.shape[1] != size:
        raise WeightsError(f"'{path}' holds {rows.shape}; the wish is ({size},), or (2, {size}), from one text to the other.")
    difference = rows[-1] - (rows[0] if len(rows) == 2 else 0.0)
    norm = float(np.linalg.norm(difference))
    if norm < _NOTHING:
        raise WeightsError(f"'{path}' wishes nothing: its difference is 0.")
    return np.asarray(difference / norm)


def relevant(deltas: np.ndarray, wish: np.ndarray, threshold: float) -> np.ndarray:
    """(C, D), (D,) -> (C,): what each channel has to do with the wish, 0 below the threshold (beta), the largest 1."""
    along = deltas @ wish
    kept = np.where(np.abs(along) >= threshold, along, 0.0)
    return np.asarray(kept / max(float(np.abs(kept).max()), _NOTHING))


@torch.no_grad()
def style_spread(model: Model, samples: int = _SAMPLES) -> list[np.ndarray]:
    """The standard deviation of each channel's style over sampled faces, a layer at a time."""
    count = len(model.generator.synthesis.layers)
    parts = [
        model.generator.synthesis.styles(seed_w(model, range(start, min(samples, start + _BATCH))))[:count]
        for start in range(0, samples, _BATCH)
    ]
    return [torch.cat([part[k] for part in parts]).std(dim=0).double().numpy() for k in range(count)]


def to_latent(model: Model, wanted: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Changes of styles, a layer at a time -> float (num_ws, w_size), and the share of the changes that it gives."""
    step = np.zeros((model.num_ws, model.generator.synthesis.w_size))
    missed = 0.0
    for k, (layer, change) in enumerate(zip(model.generator.synthesis.layers, wanted, strict=True)):
        matrix = (layer.style.weight * layer.style.scale).detach().double().numpy()
        damping = DAMPING * float(np.square(matrix).sum()) / min(matrix.shape)
        gram = matrix @ matrix.T + damping * np.eye(len(matrix))
        step[k] = matrix.T @ np.linalg.solve(gram, change)
        missed += float(np.square(change - matrix @ step[k]).sum())
    whole = sum(float(np.square(change).sum()) for change in wanted)
    return step, 1.0 - missed / max(whole, _NOTHING)
