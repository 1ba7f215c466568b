"""`mimica prepare rig`: ICT-FaceKit -> the rig of `mimica.synthesize`: a face whose Action Units have names and sides.

FaceXModel is the folder of that name in github.com/ICT-VGL/ICT-FaceKit (MIT): a neutral mesh, 100 identities and named
expressions as OBJ files of one topology. Kept are the face, the mouth's socket, gums, tongue and teeth, the principal components
of identity, and the expressions that `mimica.synthesize.units` uses, in 8 bits. Whatever the renderer must know of the mesh,
which vertices are lips, lids and lash lines, how far from them the others lie along the skin, and how a landmark that is off
carries the skin about it along, is worked out here, once, so that rendering needs no sparse matrices.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import splu

from mimica.errors import DataError
from mimica.model_files.checkpoint import Weights, save_weights
from mimica.prepare.head import LANDMARK_VERTICES, components, read_obj
from mimica.synthesize.rig import KIND, LOOPS, VERSION
from mimica.synthesize.units import SHAPES

FACE, SOCKET, SKIN, MOUTH = range(0, 9409), range(11248, 13294), range(0, 14062), range(14062, 21451)
"""Vertices of ICT-FaceKit's parts: the face; the mouth's socket; both with neck, skull and eye sockets; gums, tongue and
teeth."""
FACE_QUADS, SOCKET_QUADS, SKIN_QUADS = range(0, 9230), range(11144, 13226), range(0, 14034)
GUM_QUADS, TOOTH_QUADS = range(14034, 17006), range(17006, 21496)
COMPONENTS = 40
LOOP_LANDMARKS = {
    "eye_right_upper": (36, 37, 38, 39), "eye_right_lower": (36, 41, 40, 39),
    "eye_left_upper": (42, 43, 44, 45), "eye_left_lower": (42, 47, 46, 45),
    "lip_outer_upper": (48, 49, 50, 51, 52, 53, 54), "lip_outer_lower": (48, 59, 58, 57, 56, 55, 54),
    "lip_inner_upper": (60, 61, 62, 63, 64), "lip_inner_lower": (60, 67, 66, 65, 64),
}  # fmt: skip
"""The landmarks through which the edge loops of lids and lips pass, from the right of the person to the left."""
STIFFNESS, ANCHOR = 3.0, 2e-4
"""Of the correction: how smooth it is, and how fast it fades away from the landmarks."""
LANDMARK_WEIGHT, EDGE_WEIGHT, JAW_WEIGHT = 1.0, 8.0, 0.4
"""Trust in a landmark: any, one of lids or lips, one of the jaw, which is another point of the skin in every pose."""


@dataclass(frozen=True)
class Report:
    """Numbers of vertices, triangles and expressions, and the share of the variance of the identities that the components
    keep."""

    vertices: int
    triangles: int
    expressions: int
    variance: float
    complete: bool = True

    def __str__(self) -> str:
        parts = f"{self.vertices} vertices, {self.triangles} triangles, {self.expressions} expressions"
        return f"{parts}; {self.variance:.3f} of the variance is kept"

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def prepare(folder: Path, output: Path) -> Report:
    """Writes the rig. Raises `DataError`."""
    neutral, faces = read_obj(folder / "generic_neutral_mesh.obj")
    if len(faces) < TOOTH_QUADS.stop:
        raise DataError(f"'{folder}' has a mesh of {len(faces)} faces; ICT-FaceKit's FaceXModel has more: name that folder.")
    identities = [read_obj(path)[0] - neutral for path in sorted(folder.glob("identity*.obj"))]
    expressions = {name: read_obj(folder / f"{name}.obj")[0] - neutral for name in SHAPES}
    return write(output, neutral, faces, identities, expressions)


def write(
    output: Path,
    neutral: np.ndarray,
    faces: Sequence[Sequence[int]],
    identities: Sequence[np.ndarray],
    expressions: Mapping[str, np.ndarray],
) -> Report:
    """The same from arrays: vertices (V, 3), faces of three or four corners, shapes (V, 3) as differences from the neutral
    one."""
    kept = np.r_[FACE, SOCKET, MOUTH]
    place = np.full(len(neutral), -1)
    place[kept] = np.arange(len(kept))
    edges = edges_of([faces[i] for i in SKIN_QUADS])
    with_landmarks = np.r_[kept, LANDMARK_VERTICES]
    basis, variance = components([shape[with_landmarks] for shape in identities], min(COMPONENTS, len(identities)))
    tensors: dict[str, np.ndarray] = {"neutral": neutral[kept].astype(np.float32)}
    tensors |= packed("identity", basis[:, : len(kept)])
    tensors |= packed("expression", np.stack([expressions[name][kept] for name in SHAPES]))
    for name, quads in (("skin", FACE_QUADS), ("socket", SOCKET_QUADS), ("gums", GUM_QUADS), ("teeth", TOOTH_QUADS)):
        tensors[f"triangles.{name}"] = place[triangles([faces[i] for i in quads])].astype(np.int32)
    tensors["landmarks"] = place[np.array(LANDMARK_VERTICES)].astype(np.int32)
    paths = loops(neutral, edges)
    tensors |= {f"loop.{name}": place[path].astype(np.int32) for name, path in paths.items()}
    skin = np.r_[FACE, SOCKET]
    tensors |= packed("correction", correction(neutral, edges)[skin].T)
    tensors |= {name: array[skin].astype(np.float16) for name, array in distances(neutral, edges, paths).items()}
    notes = {"licence": "MIT, Copyright (c) 2020 USC Institute for Creative Technologies", "from": "ICT-FaceKit"}
    config = {"expressions": list(SHAPES), "face": len(FACE), "skin": len(skin)}
    save_weights(output, Weights(KIND, VERSION, (), config, tensors, notes))
    count = sum(len(array) for name, array in tensors.items() if name.startswith("triangles."))
    return Report(len(kept), count, len(SHAPES), variance)


def packed(name: str, shapes: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of numbers as 8 bits and a scale each."""
    scale = np.abs(shapes.reshape(len(shapes), -1)).max(axis=1) / 127
    scale[scale == 0] = 1
    rows = np.round(shapes / scale.reshape(-1, *[1] * (shapes.ndim - 1)))
    return {f"{name}.rows": rows.astype(np.int8), f"{name}.scale": scale.astype(np.float32)}


def triangles(faces: Sequence[Sequence[int]]) -> np.ndarray:
    """Faces of three or four corners as triangles (T, 3)."""
    return np.array([(face[0], b, c) for face in faces for b, c in itertools.pairwise(face[1:])])


def edges_of(faces: Sequence[Sequence[int]]) -> np.ndarray:
    """int (E, 2), each once."""
    both = [sorted((a, b)) for face in faces for a, b in zip(face, [*face[1:], face[0]], strict=True)]
    return np.unique(np.array(both), axis=0)


def _graph(neutral: np.ndarray, edges: np.ndarray) -> sp.csr_matrix:
    length = np.linalg.norm(neutral[edges[:, 0]] - neutral[edges[:, 1]], axis=1)
    half = sp.coo_matrix((length, edges.T), shape=(len(SKIN), len(SKIN))).tocsr()
    return half + half.T


def loops(neutral: np.ndarray, edges: np.ndarray) -> dict[str, np.ndarray]:
    """The edge loops of lids and lips: the shortest ways along edges between their landmarks."""
    graph, found = _graph(neutral, edges), {}
    for name in LOOPS:
        corners = [LANDMARK_VERTICES[i] for i in LOOP_LANDMARKS[name]]
        path = [corners[0]]
        for start, end in itertools.pairwise(corners):
            _, before = dijkstra(graph, indices=start, return_predecessors=True)
            way = [end]
            while way[-1] != start:
                way.append(int(before[way[-1]]))
            path += way[-2::-1]
        found[name] = np.array(path)
    return found


def correction(neutral: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(V, 68): how a displacement of each landmark moves the skin: the minimum of the weighed squared misses and the squared
    bi-Laplacian over the mesh, which knows the upper lip from the lower one although they touch."""
    length = np.linalg.norm(neutral[edges[:, 0]] - neutral[edges[:, 1]], axis=1)
    count = len(SKIN)
    half = sp.coo_matrix((1 / (length + 0.02), edges.T), shape=(count, count)).tocsr()
    links = half + half.T
    degree = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1e-9)
    laplacian = sp.eye(count) - sp.diags(1 / degree) @ links
    weight = np.full(68, LANDMARK_WEIGHT)
    weight[:17], weight[36:] = JAW_WEIGHT, EDGE_WEIGHT
    pick = sp.coo_matrix((np.ones(68), (np.arange(68), np.array(LANDMARK_VERTICES))), shape=(68, count)).tocsr()
    weighed = pick.T @ sp.diags(weight)
    system = weighed @ pick + STIFFNESS * (laplacian.T @ laplacian) + ANCHOR * laplacian + 1e-6 * sp.eye(count)
    solved: np.ndarray = splu(system.tocsc()).solve(weighed.toarray())
    return solved


def distances(neutral: np.ndarray, edges: np.ndarray, paths: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """For each loop `distance.LOOP`, centimetres along the skin, and `nearest.LOOP`, the place in the loop of the nearest
    vertex; `inside.mouth`, `inside.eye_left`, `inside.eye_right`: 1 for what the loops enclose."""
    graph, found = _graph(neutral, edges), {}
    for name, path in paths.items():
        away, _, source = dijkstra(graph, indices=path, min_only=True, return_predecessors=True)
        position = {int(vertex): i for i, vertex in enumerate(path)}
        found[f"distance.{name}"] = np.minimum(away, 60)
        found[f"nearest.{name}"] = np.array([position.get(int(vertex), 0) for vertex in source])
    for part, names, seeds in (
        ("mouth", ("lip_inner_upper", "lip_inner_lower"), SOCKET),
        ("eye_left", ("eye_left_upper", "eye_left_lower"), range(13294, 13678)),
        ("eye_right", ("eye_right_upper", "eye_right_lower"), range(13678, 14062)),
    ):
        found[f"inside.{part}"] = _enclosed(edges, np.r_[paths[names[0]], paths[names[1]]], seeds)
    return found


def _enclosed(edges: np.ndarray, loop: np.ndarray, seeds: range) -> np.ndarray:
    """1 for the vertices that a closed loop parts from the rest, those about `seeds`."""
    free = np.ones(len(SKIN), bool)
    free[loop] = False
    used = edges[free[edges].all(axis=1)]
    links = sp.coo_matrix((np.ones(len(used)), used.T), shape=(len(SKIN), len(SKIN)))
    _, label = connected_components(links, directed=False)
    inside = np.bincount(label[list(seeds)]).argmax()
    if inside == label[LANDMARK_VERTICES[30]]:
        raise DataError("The edge loops of lips or lids are not closed: name ICT-FaceKit's folder FaceXModel.")
    return (label == inside).astype(float)
