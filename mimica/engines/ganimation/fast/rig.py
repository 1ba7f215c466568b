"""The geometry of the fast generator: landmarks -> face mesh; landmarks and Action Units -> how it moves and is relit.

All three are small and linear at the end: a mesh is a mean plus principal components, whose coefficients come from the
68 landmarks by ridge regression (the mesh) or from a perceptron (displacement, log gain). A perceptron f gives
f(landmarks, source, target) - f(landmarks, source, source), so that an edit that changes nothing is exactly zero.

Vertices are the skin's (V of them, ICT-FaceKit's face without what never moves), then the inner mouth's (teeth, gums,
tongue). Coordinates are shares of the side of the tight crop (`mimica.face.align`), 0 at its left and upper border.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

LANDMARK_SCALE = 10.0
"""Landmarks enter the perceptrons centred and times this, which makes them about as large as Action Units."""
LANDMARKS = 68
MIDDLE = 0.12
"""Width, as a share of the side, of the strip about the middle of the face in which both sides mix."""
LAYERS = ("0", "2", "4")
"""The perceptron's linear layers, by their names in the weights."""
ONE_THREAD = (os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")) == "1"
"""Whether numpy's BLAS was told to use one thread only."""


@dataclass(frozen=True)
class Sides:
    """Columns ordered into those of the right half of the face alone, those of the middle, those of the left half alone, so
    that each half is worked out for its own side only. `order` puts them so, `place` back; the middle begins at `first_mixed`,
    the left at `first_left`; `share` of the middle's columns is the left's."""

    order: np.ndarray
    place: np.ndarray
    first_mixed: int
    first_left: int
    share: np.ndarray

    @classmethod
    def of(cls, left_share: np.ndarray) -> Sides:
        """The left's share (D,) of each column, in [0, 1]."""
        order = np.argsort(left_share, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        first_mixed, first_left = int((left_share <= 0).sum()), int((left_share < 1).sum())
        return cls(order, place, first_mixed, first_left, left_share[order[first_mixed:first_left]])


def _combined(coefficients: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(K,) and (K, D) -> (D,). By BLAS, which fetches the basis twice as fast, where it has one thread, as under the command
    line; several take longer to meet than this takes alone."""
    result: np.ndarray = coefficients @ basis if ONE_THREAD else np.einsum("k,kd->d", coefficients, basis)
    return result


@dataclass(frozen=True)
class Perceptron:
    """Linear - SiLU - linear - SiLU - linear, then principal components.

    layers         (weight, bias) three times         landmark_mean  float32 (136,)
    scale          the unit of the coefficients       basis          float32 (K, D), columns as `sides` orders them
    sides          what belongs to which side of the face
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    landmark_mean: np.ndarray
    scale: float
    basis: np.ndarray
    sides: Sides

    @classmethod
    def load(cls, arrays: Mapping[str, np.ndarray], part: str, left_share: np.ndarray) -> Perceptron:
        """From the weights named `part.*`; `left_share` (n,) of the vertices, of which each has D / n columns."""
        layers = tuple((arrays[f"{part}.{n}.weight"].astype(np.float32), arrays[f"{part}.{n}.bias"]) for n in LAYERS)
        stored = arrays[f"{part}.basis"]
        sides = Sides.of(np.repeat(left_share, stored.shape[1] // len(left_share)))
        basis = stored.take(sides.order, axis=1).astype(np.float32)
        return cls(layers, arrays[f"{part}.landmark_mean"], float(arrays[f"{part}.scale"].item()), basis, sides)

    def change(self, landmarks: np.ndarray, source: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Landmarks (68, 2), Action Units (34,) before, and those after of an expression for the left and of one for the right
        half of the face -> (D,), zero where both equal the source."""
        place = (landmarks.reshape(-1) - self.landmark_mean) * LANDMARK_SCALE
        same = left is right
        goals = (source, left) if same else (source, left, right)
        rows = np.stack([np.concatenate([place, source, goal, goal - source]) for goal in goals])
        coefficients = self._forward(rows.astype(np.float32)) * np.float32(self.scale)
        changes = coefficients[1:] - coefficients[0]
        if same:
            return _combined(changes[0], self.basis).take(self.sides.place)
        first, last, share = self.sides.first_mixed, self.sides.first_left, self.sides.share
        on_left, on_right = _combined(changes[0], self.basis[:, first:]), _combined(changes[1], self.basis[:, :last])
        middle = share * on_left[: last - first] + (1 - share) * on_right[first:]
        return np.concatenate([on_right[:first], middle, on_left[last - first :]]).take(self.sides.place)

    def _forward(self, x: np.ndarray) -> np.ndarray:
        for weight, bias in self.layers[:-1]:
            x = x @ weight.T + bias
            x = x / (1 + np.exp(-x))
        weight, bias = self.layers[-1]
        result: np.ndarray = x @ weight.T + bias
        return result


class Rig:
    """The three linear models over one topology. `arrays` are the weights, by name."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self.topology = {name.removeprefix("topology."): a for name, a in arrays.items() if name.startswith("topology.")}
        self.skin_vertices = len(self.topology["vertex_weight"])
        self._landmark_mean = arrays["mesh.landmark_mean"]
        self._from_landmarks = arrays["mesh.from_landmarks"]
        self._mean = arrays["mesh.mean"].astype(np.float32)
        self._basis = arrays["mesh.basis"].astype(np.float32)
        across = np.clip((self._mean.reshape(-1, 2)[:, 0] - 0.5) / MIDDLE + 0.5, 0, 1)
        left_share = across * across * (3 - 2 * across)  # the subject's left is at the right of the picture
        self._move = Perceptron.load(arrays, "move", left_share)
        self._gain = Perceptron.load(arrays, "gain", left_share[: self.skin_vertices])
        rows, basis = self.topology["landmarks"][:LANDMARKS], arrays["move.basis"]
        theirs = basis.reshape(len(basis), -1, 2)[:, rows].reshape(len(basis), -1)
        self._move_landmarks = Perceptron.load({**arrays, "move.basis": theirs}, "move", left_share[rows])

    def mesh(self, landmarks: np.ndarray) -> np.ndarray:
        """Landmarks (68, 2) -> float32 (V + inner, 2), where the vertices lie."""
        coefficients = (landmarks.reshape(-1) - self._landmark_mean) @ self._from_landmarks
        return (coefficients.astype(np.float32) @ self._basis + self._mean).reshape(-1, 2)

    def move(self, landmarks: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """-> float32 (V + inner, 2), the displacement of the vertices."""
        return self._move.change(landmarks, source, *_by_side(source, target)).reshape(-1, 2)

    def move_landmarks(self, landmarks: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """-> float32 (68, 2), of `move` only what the landmarks do, in less time."""
        return self._move_landmarks.change(landmarks, source, *_by_side(source, target)).reshape(-1, 2)

    def gain(self, landmarks: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """-> float32 (V, 3), log of the factor on red, green and blue: shading and creases."""
        return self._gain.change(landmarks, source, *_by_side(source, target)).reshape(-1, 3)


def _by_side(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expressions in the training pairs are nearly the same on both sides, so a perceptron cannot tell them apart. One that is
    not is made of two that are: each side's change on both sides, for its own half of the face."""
    left, right = np.split(target - source, 2)
    if np.array_equal(left, right):
        return target, target
    both = [np.clip(source + np.concatenate([side, side]), 0, 1).astype(np.float32) for side in (left, right)]
    return both[0], both[1]
