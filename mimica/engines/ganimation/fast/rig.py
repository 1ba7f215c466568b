"""The geometry of the fast generator: landmarks -> face mesh; landmarks and Action Units -> how it moves and is relit.

All three are small and linear at the end: a mesh is a mean plus principal components, whose coefficients come from the
68 landmarks by ridge regression (the mesh) or from a perceptron (displacement, log gain). A perceptron f gives
f(landmarks, source, target) - f(landmarks, source, source), so that an edit that changes nothing is exactly zero.

Vertices are the skin's (V of them, ICT-FaceKit's face without what never moves), then the inner mouth's (teeth, gums,
tongue). Coordinates are shares of the side of the tight crop (`mimica.face.align`), 0 at its left and upper border.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LANDMARK_SCALE = 10.0
"""Landmarks enter the perceptrons centred and times this, which makes them about as large as Action Units."""
MIDDLE = 0.12
"""Width, as a share of the side, of the strip about the middle of the face in which both sides mix."""
LAYERS = ("0", "2", "4")
"""The perceptron's linear layers, by their names in the weights."""


@dataclass(frozen=True)
class Perceptron:
    """Linear - SiLU - linear - SiLU - linear, then principal components.

    layers         (weight, bias) three times         landmark_mean  float32 (136,)
    scale          the unit of the coefficients       basis          float32 (K, D)
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]
    landmark_mean: np.ndarray
    scale: float
    basis: np.ndarray

    @classmethod
    def load(cls, arrays: Mapping[str, np.ndarray], part: str) -> Perceptron:
        """From the weights named `part.*`."""
        layers = tuple((arrays[f"{part}.{n}.weight"].astype(np.float32), arrays[f"{part}.{n}.bias"]) for n in LAYERS)
        basis = arrays[f"{part}.basis"].astype(np.float32)
        return cls(layers, arrays[f"{part}.landmark_mean"], float(arrays[f"{part}.scale"].item()), basis)

    def changes(self, landmarks: np.ndarray, source: np.ndarray, targets: Sequence[np.ndarray]) -> np.ndarray:
        """Landmarks (68, 2) and Action Units (34,) before and after -> (number of targets, D), zero where a target equals the
        source."""
        place = (landmarks.reshape(-1) - self.landmark_mean) * LANDMARK_SCALE
        rows = np.stack([np.concatenate([place, source, goal, goal - source]) for goal in (source, *targets)])
        coefficients = self._forward(rows.astype(np.float32)) * np.float32(self.scale)
        changes: np.ndarray = (coefficients[1:] - coefficients[0]) @ self.basis
        return changes

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
        self._left_share = across * across * (3 - 2 * across)  # the subject's left is at the right of the picture
        self._move = Perceptron.load(arrays, "move")
        self._gain = Perceptron.load(arrays, "gain")

    def mesh(self, landmarks: np.ndarray) -> np.ndarray:
        """Landmarks (68, 2) -> float32 (V + inner, 2), where the vertices lie."""
        coefficients = (landmarks.reshape(-1) - self._landmark_mean) @ self._from_landmarks
        return (coefficients.astype(np.float32) @ self._basis + self._mean).reshape(-1, 2)

    def move(self, landmarks: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """-> float32 (V + inner, 2), the displacement of the vertices."""
        return self._sided(self._move, landmarks, source, target, 2)

    def gain(self, landmarks: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """-> float32 (V, 3), log of the factor on red, green and blue: shading and creases."""
        return self._sided(self._gain, landmarks, source, target, 3)

    def _sided(
        self, model: Perceptron, landmarks: np.ndarray, source: np.ndarray, target: np.ndarray, channels: int
    ) -> np.ndarray:
        """Expressions in the training pairs are nearly the same on both sides, so a perceptron cannot tell them apart. One
        that is not is made of two that are: each side's change on both sides, and of each its own half of the face."""
        left, right = np.split(target - source, 2)
        if np.array_equal(left, right):
            return model.changes(landmarks, source, [target])[0].reshape(-1, channels)
        both = [np.clip(source + np.concatenate([side, side]), 0, 1).astype(np.float32) for side in (left, right)]
        on_left, on_right = model.changes(landmarks, source, both).reshape(2, -1, channels)
        share = self._left_share[: len(on_left), None]
        return share * on_left + (1 - share) * on_right
