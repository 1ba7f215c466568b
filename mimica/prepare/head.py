"""`mimica prepare head`: ICT-FaceKit -> the small head of `mimica.face.head`.

FaceXModel is the folder of that name in github.com/ICT-VGL/ICT-FaceKit (MIT): a neutral mesh, 100 identities and expressions as
OBJ files of the same topology. The skin of face, skull and neck is kept; vertices are clustered on a lattice; the identities'
span is reduced to its principal components under the model's own prior (independent normal coefficients), landmarks weighing
more; three shapes of the mouth that change the outline follow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import DataError
from mimica.face.head import KIND, VERSION
from mimica.model_files.checkpoint import Weights, save_weights

SKIN_FACES = 11144
"""The first so many faces of the mesh are face, skull and neck (ICT-FaceKit's own list of parts)."""
LANDMARK_VERTICES = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493, 1914, 2044,
    1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511,
    3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533,
    6216, 6207, 6470, 5517, 5966,
)  # fmt: skip
"""iBUG's 68 points, from ICT-FaceKit's vertex_indices.json."""
MOUTHS = (("jawOpen",), ("mouthSmile_L", "mouthSmile_R"), ("mouthPucker",))
MOUTH_DEVIATION = 0.35
"""Of these shapes, in faces of photos."""
CELL = 0.75
"""Side of the lattice's cells in model units."""
COMPONENTS = 12
SAMPLES = 1500
LANDMARK_WEIGHT = 3.0


@dataclass(frozen=True)
class Report:
    """Numbers of vertices and triangles, and the share of the variance of the identities that the components keep."""

    vertices: int
    triangles: int
    variance: float
    complete: bool = True

    def __str__(self) -> str:
        return f"{self.vertices} vertices, {self.triangles} triangles; {self.variance:.2f} of the variance is kept"

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def prepare(folder: Path, output: Path) -> Report:
    """Writes the model file. Raises `DataError`."""
    neutral, faces = read_obj(folder / "generic_neutral_mesh.obj")
    if len(faces) < SKIN_FACES:
        raise DataError(f"'{folder}' has a mesh of {len(faces)} faces; ICT-FaceKit's FaceXModel has more: name that folder.")
    identities = [read_obj(path)[0] - neutral for path in _identities(folder)]
    mouths = [sum(read_obj(folder / f"{name}.obj")[0] - neutral for name in names) for names in MOUTHS]
    mean, gather, triangles = clustered(neutral, _triangles(faces[:SKIN_FACES]), CELL)
    basis, kept = components([gather(shape) for shape in identities], min(COMPONENTS, len(identities)))
    more = np.stack([MOUTH_DEVIATION * gather(np.asarray(shape)) for shape in mouths])
    tensors: dict[str, np.ndarray] = {
        "mean": mean.astype(np.float32),
        "basis": np.concatenate([basis, more]).astype(np.float16),
        "triangles": triangles.astype(np.uint16),
    }
    notes = {"licence": "MIT, Copyright (c) 2020 USC Institute for Creative Technologies", "from": "ICT-FaceKit"}
    save_weights(output, Weights(KIND, VERSION, (), {}, tensors, notes))
    return Report(len(mean), len(triangles), kept)


def read_obj(path: Path) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Vertices (V, 3) and faces, tuples of vertex numbers from 0. Raises `DataError`."""
    vertices, faces = [], []
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            word, *rest = line.split() or [""]
            if word == "v":
                vertices.append([float(number) for number in rest[:3]])
            elif word == "f":
                faces.append(tuple(int(corner.split("/")[0]) - 1 for corner in rest))
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' cannot be read as a mesh: {error}; name ICT-FaceKit's folder FaceXModel.") from error
    return np.array(vertices), faces


def _identities(folder: Path) -> list[Path]:
    found = sorted(folder.glob("identity*.obj"))
    if not found:
        raise DataError(f"'{folder}' has no identity000.obj and so on: name ICT-FaceKit's folder FaceXModel.")
    return found


def _triangles(faces: Sequence[tuple[int, ...]]) -> np.ndarray:
    """A fan of triangles for each face."""
    return np.array([(face[0], b, c) for face in faces for b, c in itertools.pairwise(face)])


class Gather:
    """Vertices (N, 3) -> means of the clusters, then the landmarks as they are."""

    def __init__(self, used: np.ndarray, cluster: np.ndarray) -> None:
        self.used, self.cluster, self.count = used, cluster, int(cluster.max()) + 1
        self.size = np.bincount(cluster, minlength=self.count)[:, None]

    def __call__(self, vertices: np.ndarray) -> np.ndarray:
        kept = vertices[self.used]
        sums = np.stack([np.bincount(self.cluster, column, self.count) for column in kept.T], axis=1)
        return np.concatenate([sums / self.size, vertices[list(LANDMARK_VERTICES)]])


def clustered(vertices: np.ndarray, triangles: np.ndarray, cell: float) -> tuple[np.ndarray, Gather, np.ndarray]:
    """The mesh with all vertices of a lattice cell made one: (mean, how others of the topology are made so, triangles)."""
    used = np.unique(triangles)
    _, cluster = np.unique(np.floor(vertices[used] / cell).astype(int), axis=0, return_inverse=True)
    gather = Gather(used, cluster.ravel())
    place = np.full(len(vertices), -1)
    place[used] = gather.cluster
    corners = place[triangles]
    a, b, c = corners.T
    corners = corners[(a != b) & (b != c) & (a != c)]
    _, first = np.unique(np.sort(corners, axis=1), axis=0, return_index=True)
    return gather(vertices), gather, corners[np.sort(first)]


def components(shapes: Sequence[np.ndarray], count: int, seed: int = 0) -> tuple[np.ndarray, float]:
    """Shapes (V, 3), each of which varies with a normal coefficient -> (count, V, 3) principal components in units of their
    standard deviation, and the share of the variance that they hold."""
    stacked = np.stack(shapes)
    weight = np.ones((stacked.shape[1], 1))
    weight[-len(LANDMARK_VERTICES) :] = LANDMARK_WEIGHT
    draws = np.random.default_rng(seed).standard_normal((SAMPLES, len(stacked)))
    rows = draws @ (stacked * weight).reshape(len(stacked), -1)
    _, deviation, axes = np.linalg.svd(rows, full_matrices=False)
    basis = axes[:count] * (deviation[:count, None] / np.sqrt(SAMPLES))
    kept = float((deviation[:count] ** 2).sum() / (deviation**2).sum())
    return basis.reshape(count, *stacked.shape[1:]) / weight, kept
