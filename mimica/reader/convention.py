"""From one landmark convention to the other.

MediaPipe's points lie on its own mesh; where iBUG-68 has the same name for a point, the two differ by up to a tenth of the
eye distance (the lip points above all, and the jaw line). Mimica's 68 points are those of the ICT-FaceKit mesh that renders
the `reanimated` set: exact, also where lids and lips move, which every edit hangs on. So photos that carry MediaPipe's
points are brought over by a linear map of all 156 points the `faces` set stores, fitted by ridge regression on reanimated
frames where both are known. Measured on people not fitted: 3.5% of the eye distance apart before, 1.7% after (lids 0.8%).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimica.model_files.checkpoint import Array, Weights, load_weights, save_weights

KIND = "reader-landmark-map"
_OLD_KIND = "landmark map, 156 MediaPipe points -> 68 points of the ICT-FaceKit mesh"
ARRAYS = {"matrix": Array("coordinates", 136), "input_mean": Array("coordinates"), "output_mean": Array(136)}
MAP_FILE = Path(__file__).parent.parent / "weights" / "reader_landmark_map.safetensors"


@dataclass(frozen=True)
class LandmarkMap:
    """`matrix` (2 P, 136), `input_mean` (2 P,), `output_mean` (136,), in units of the tight crop's side."""

    matrix: np.ndarray
    input_mean: np.ndarray
    output_mean: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """(N, P, 2) MediaPipe points in shares of the tight crop -> (N, 68, 2) mesh points likewise."""
        flat = points.reshape(len(points), -1) - self.input_mean
        return (flat @ self.matrix + self.output_mean).reshape(-1, 68, 2).astype(np.float32)


def fit(inputs: np.ndarray, outputs: np.ndarray, ridge: float = 4e-3) -> LandmarkMap:
    """Ridge regression of (N, 68, 2) mesh points on (N, P, 2) MediaPipe points, both in shares of the tight crop.
    The caller leaves out pairs that are detection errors."""
    x, y = inputs.reshape(len(inputs), -1), outputs.reshape(len(outputs), -1)
    x_mean, y_mean = x.mean(0), y.mean(0)
    dx = x - x_mean
    matrix = np.linalg.solve(dx.T @ dx + ridge * np.eye(x.shape[1]), dx.T @ (y - y_mean))
    return LandmarkMap(matrix.astype(np.float32), x_mean.astype(np.float32), y_mean.astype(np.float32))


def load(path: Path = MAP_FILE) -> LandmarkMap:
    """Raises `WeightsError`."""
    arrays = load_weights(path, (KIND, _OLD_KIND), arrays=ARRAYS).tensors
    return LandmarkMap(**{name: arrays[name].astype(np.float32) for name in ARRAYS})


def save(landmark_map: LandmarkMap, path: Path = MAP_FILE) -> None:
    """Write the map, the matrix as float16."""
    arrays = {name: getattr(landmark_map, name) for name in ARRAYS}
    save_weights(path, Weights(KIND, 1, (), {}, arrays | {"matrix": landmark_map.matrix.astype(np.float16)}))
