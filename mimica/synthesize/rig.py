"""The rig: a 3-D face with named, sided shapes, ICT-FaceKit's (R. Li et al., "Learning formation of physically-based face
attributes", CVPR 2020; MIT), made small by `mimica.prepare.rig`.

Model axes: x to the person's left (the right of the picture), y up, z to the viewer, about a centimetre a unit. Vertices are
those of the face (`face` of them), then the mouth's socket (`skin` with them), then gums, tongue and teeth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from mimica.model_files.checkpoint import load_weights
from mimica.synthesize.units import Weights

WEIGHTS = Path(__file__).parents[1] / "weights" / "face_rig.safetensors"
KIND, VERSION = "face-rig", 1
LOOPS = (
    "eye_right_upper", "eye_right_lower", "eye_left_upper", "eye_left_lower",
    "lip_outer_upper", "lip_outer_lower", "lip_inner_upper", "lip_inner_lower",
)  # fmt: skip
"""Edge loops of the mesh, from the person's right to the left."""
PARTS = ("skin", "socket", "gums", "teeth")


@dataclass(frozen=True)
class Rig:
    """neutral      float32 (V, 3)
    identity        float32 (K, V, 3), for coefficients of variance 1
    expression      float32 (E, V, 3), those of `names`
    triangles       part -> int32 (T, 3), counter-clockwise seen from outside; gums with the tongue
    landmarks       int32 (68,), iBUG's points as vertices
    loops           name -> int32, vertices in their order
    correction      float32 (68, skin): by how much a landmark's displacement moves each vertex of the skin
    distance, nearest   loop -> (skin,): centimetres along the skin, and the place in the loop of its nearest vertex
    inside          "mouth", "eye_left", "eye_right" -> bool (skin,), what the loops enclose
    face, skin      how many vertices these have
    """

    neutral: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    names: tuple[str, ...]
    triangles: Mapping[str, np.ndarray]
    landmarks: np.ndarray
    loops: Mapping[str, np.ndarray]
    correction: np.ndarray
    distance: Mapping[str, np.ndarray]
    nearest: Mapping[str, np.ndarray]
    inside: Mapping[str, np.ndarray]
    face: int
    skin: int
    _rows: np.ndarray = field(repr=False)

    def shaped(self, base: np.ndarray, weights: Weights) -> np.ndarray:
        """float32 (V, 3): a person's neutral face `base` (V, 3) with shapes of `weights`."""
        used = [(i, weights[name]) for i, name in enumerate(self.names) if weights.get(name)]
        if not used:
            return base.copy()
        rows = self._rows[[i for i, _ in used]]
        moved = np.array([value for _, value in used], np.float32) @ rows
        result: np.ndarray = base + moved.reshape(base.shape)
        return result


@lru_cache(1)
def load_rig(path: Path = WEIGHTS) -> Rig:
    """The shipped rig. Raises `WeightsError` for a file that is missing, damaged or another model's."""
    file = load_weights(path, KIND, VERSION)
    arrays, config = file.tensors, file.config
    expression = _unpacked(arrays, "expression")
    inside = {name: arrays[f"inside.{name}"] > 0.5 for name in ("mouth", "eye_left", "eye_right")}
    return Rig(
        neutral=arrays["neutral"],
        identity=_unpacked(arrays, "identity"),
        expression=expression,
        names=tuple(config["expressions"]),
        triangles={part: arrays[f"triangles.{part}"] for part in PARTS},
        landmarks=arrays["landmarks"],
        loops={name: arrays[f"loop.{name}"] for name in LOOPS},
        correction=_unpacked(arrays, "correction"),
        distance={name: arrays[f"distance.{name}"].astype(np.float32) for name in LOOPS},
        nearest={name: arrays[f"nearest.{name}"].astype(np.int64) for name in LOOPS},
        inside=inside,
        face=int(config["face"]),
        skin=int(config["skin"]),
        _rows=expression.reshape(len(expression), -1),
    )


def _unpacked(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    rows, scale = arrays[f"{name}.rows"], arrays[f"{name}.scale"]
    result: np.ndarray = rows.astype(np.float32) * scale.reshape(-1, *[1] * (rows.ndim - 1))
    return result


def normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals, float32 (V, 3): means of the triangles about each vertex, by area."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    across = np.cross(b - a, c - a)
    corners = triangles.T.ravel()
    total = np.stack([np.bincount(corners, np.tile(column, 3), len(vertices)) for column in across.T], axis=1)
    result: np.ndarray = (total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-9)).astype(np.float32)
    return result
