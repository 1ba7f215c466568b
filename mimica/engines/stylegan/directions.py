"""Directions in the latent space: what a file holds, which layers it changes, how far a dose goes.

L. Zhang, C. Pollett, "Facial Expression Video Synthesis from the StyleGAN Latent Space" (2021): a classifier is trained on
(latent code, expression); its coefficient vector beta, added to a code, doses the expression; "to preserve faceness" only 8
of the 18 rows of a code are changed. Here

    w'_k = w_k + dose * spread * n_k   for the layers k of the mask          w'_k = w_k   for all others, bit for bit

n is beta / |beta| and `spread` the standard deviation of w . n over the codes it was learnt from, so that a dose counts standard
deviations. The paper does not say which 8; as in what others publish they are the first ones, which rule pose and shape.

Files, by suffix:

    .safetensors  ours, several directions with all that is known about them
    .npy .pt      those of others, see `mimica.engines.stylegan.published`

Arrays: w_plus float32 (N, num_ws, w_size). No torch here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from mimica.engines.stylegan.published import SUFFIXES, read_published
from mimica.errors import ValueRangeError, WeightsError, nearest
from mimica.model_files.checkpoint import Array, Weights, check_arrays, load_weights, save_weights

KIND, VERSION = "stylegan-directions", 1
MASKED, OF_LAYERS = 8, 18
"""The paper's mask: so many layers are changed, of so many."""
_NOTHING = 1e-8


def default_layers(num_ws: int) -> tuple[int, ...]:
    """The paper's 8 of 18, scaled to a generator with `num_ws` layers: 6 of 14 (256 px), 4 of 10 (64 px)."""
    return tuple(range(max(1, round(num_ws * MASKED / OF_LAYERS))))


def parse_layers(text: str, num_ws: int) -> tuple[int, ...]:
    """`"0-7"`, `"0,2,4-6"`, `"all"` -> layer numbers, counted from 0 (the coarsest). Raises `ValueRangeError`."""
    if text.strip() == "all":
        return tuple(range(num_ws))
    layers: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", part)
        if match is None:
            raise ValueRangeError(f"--layers cannot read '{part.strip()}'; write 0-7, 0,2,4-6 or all.")
        layers |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    if not layers or max(layers) >= num_ws:
        raise ValueRangeError(f"The layers '{text}' do not fit this generator, which has the layers 0 to {num_ws - 1}.")
    return tuple(sorted(layers))


def ranges(layers: Sequence[int]) -> str:
    """Layer numbers as `parse_layers` reads them: `"0-7"`, `"0,2,4"`."""
    whole = list(layers) == list(range(layers[0], layers[-1] + 1))
    return f"{layers[0]}-{layers[-1]}" if whole else ",".join(map(str, layers))


@dataclass(frozen=True)
class Direction:
    """One direction.

    name       what it is called: `happiness`, `smile`, `turn`
    column     what it was learnt from: `happiness`, `AU12`, `yaw`; empty where that is not known
    vector     float32 (1, w_size), the same for every layer of the mask, or (num_ws, w_size); norm 1, 0 outside the mask
    spread     what one dose adds along it, in units of the latent
    intercept  of the classifier: w . n + intercept > 0 where it sees what `column` names
    layers     the mask
    num_ws     layers of the generator
    generator  fingerprint of the generator whose codes it was learnt from; empty where not known
    per_dose   how much `column` changes a dose (Action Units: of 1; angles: degrees), 0 where not known
    accuracy   cross-validated, of the classifier on held-out people; 0 where not known
    learner    `logistic`, `svm`, or `published`
    """

    name: str
    column: str
    vector: np.ndarray = field(repr=False)
    spread: float
    intercept: float
    layers: tuple[int, ...]
    num_ws: int
    generator: str = ""
    per_dose: float = 0.0
    accuracy: float = 0.0
    learner: str = "logistic"

    def __post_init__(self) -> None:
        if self.vector.ndim != 2 or len(self.vector) not in (1, self.num_ws):
            raise ValueError(f"a direction's vector is (1 or num_ws, w_size), not {self.vector.shape}")

    def step(self, dose: float) -> np.ndarray:
        """float32 (num_ws, w_size): what a dose adds to a code; 0 outside the mask."""
        step = np.zeros((self.num_ws, self.vector.shape[1]), np.float32)
        rows = list(self.layers)
        step[rows] = np.float32(dose * self.spread) * (self.vector if len(self.vector) == 1 else self.vector[rows])
        return step

    def apply(self, w_plus: np.ndarray, dose: float) -> np.ndarray:
        """Codes (N, num_ws, w_size) -> the codes with the dose; layers outside the mask keep their bits."""
        edited = np.array(w_plus, np.float32)
        rows = list(self.layers)
        edited[:, rows] += self.step(dose)[rows]
        return edited

    def score(self, w_plus: np.ndarray) -> np.ndarray:
        """(N, num_ws, w_size) -> (N,): how far on the positive side of the boundary, in doses. A direction for all layers alike
        sees the mean of the mask's layers."""
        rows = np.asarray(w_plus, np.float64)[:, list(self.layers)]
        if len(self.vector) == 1:
            along = rows.mean(axis=1) @ self.vector[0]
        else:
            along = np.einsum("nlw,lw->n", rows, self.vector[list(self.layers)])
        return np.asarray((along + self.intercept) / self.spread)

    def with_layers(self, layers: Sequence[int]) -> Direction:
        """The same direction under another mask. Raises `ValueRangeError` where nothing of it is left."""
        if len(self.vector) == 1:
            return replace(self, layers=tuple(layers))
        kept = np.zeros_like(self.vector)
        kept[list(layers)] = self.vector[list(layers)]
        norm = float(np.linalg.norm(kept))
        if norm < _NOTHING:
            raise ValueRangeError(f"The direction '{self.name}' has nothing in the layers {', '.join(map(str, layers))}.")
        return replace(self, vector=kept / norm, spread=self.spread * norm, layers=tuple(layers))


def orthogonal_to(vector: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """`vector` (D,) without what lies in the span of `others` (each (D,)), norm 1: moving along it leaves the projections on all
    of them as they are. Raises `ValueRangeError` where nothing is left."""
    kept = np.asarray(vector, np.float64)
    if len(others):
        basis, _ = np.linalg.qr(np.stack([np.asarray(one, np.float64) for one in others], axis=1))
        kept = kept - basis @ (basis.T @ kept)
    norm = float(np.linalg.norm(kept))
    if norm < 1e-4 * float(np.linalg.norm(vector)):
        raise ValueRangeError("The direction lies within those that are to be kept: nothing of it is left; keep fewer.")
    return np.asarray(kept / norm)


# --- files ----------------------------------------------------------------------------------------------------------

_IN_FILES = {"num_ws": "places"}
"""Field -> what a file calls it, where that is another word."""
_PLAIN = tuple(f.name for f in fields(Direction) if f.name != "vector")


def save_directions(path: Path, directions: Sequence[Direction], notes: Mapping[str, Any] | None = None) -> None:
    """Write several directions of one generator; the file appears whole or not at all."""
    about = {one.name: {_IN_FILES.get(name, name): getattr(one, name) for name in _PLAIN} for one in directions}
    tensors = {one.name: np.asarray(one.vector, np.float32) for one in directions}
    save_weights(path, Weights(KIND, VERSION, tuple(tensors), {"directions": about}, tensors, dict(notes or {})))


def load_directions(path: Path, num_ws: int) -> dict[str, Direction]:
    """Directions by name from one of our files or a published one, for a generator with `num_ws` layers. Raises `WeightsError`
    for a file that is none, or made for another number of layers."""
    if path.suffix.lower() in SUFFIXES:
        found = read_published(path, num_ws, default_layers(num_ws))
        given = [(one.name, "", one.vector, one.spread, one.intercept, one.layers, num_ws) for one in found]
        return {one[0]: Direction(*one, learner="published") for one in given}
    weights = load_weights(path, KIND, VERSION)
    check_arrays(weights.tensors, {name: Array(f"rows of {name}", "w_size") for name in weights.controls}, path)
    known = {}
    for name in weights.controls:
        try:
            known[name] = _described(name, weights.config["directions"][name], weights.tensors[name])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise WeightsError(f"{path} is damaged: what it says of '{name}' is no direction; fit them again.") from error
        if known[name].num_ws != num_ws:
            raise WeightsError(
                f"The directions in {path} are for a generator of {known[name].num_ws} layers; this one has {num_ws}."
            )
    return known


def _described(name: str, about: Mapping[str, Any], vector: np.ndarray) -> Direction:
    """A direction as a file describes it. Raises `ValueError`, `TypeError` or `KeyError` for what is none."""
    numbers = {key: float(about[key]) for key in ("spread", "intercept", "per_dose", "accuracy")}
    words = {key: str(about[key]) for key in ("column", "generator", "learner")}
    num_ws, layers = int(about["places"]), tuple(int(layer) for layer in about["layers"])
    if not np.isfinite(list(numbers.values())).all() or not layers or not 0 <= min(layers) <= max(layers) < num_ws:
        raise ValueError("numbers that are not finite, or layers that do not exist")
    return Direction(name=name, vector=vector, num_ws=num_ws, layers=layers, **numbers, **words)  # type: ignore[arg-type]


def chosen(known: Mapping[str, Direction], name: str) -> Direction:
    """The direction called `name`. Raises `ValueRangeError` with the nearest name."""
    if name not in known:
        raise ValueRangeError(f"There is no direction '{name}'{nearest(name, known) or ';'} they are {', '.join(known)}.")
    return known[name]


def selected(
    known: Mapping[str, Direction], names: Sequence[str] | None, layers: str | None, num_ws: int
) -> dict[str, Direction]:
    """The directions called `names`, or all, under other `layers` where these are given. Raises `ValueRangeError`."""
    shown = {name: chosen(known, name) for name in names or known}
    return {name: one.with_layers(parse_layers(layers, num_ws)) for name, one in shown.items()} if layers else shown
