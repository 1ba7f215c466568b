"""The fast generator's weights as one file: what it holds, how it is read and written, and how to make it smaller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mimica import __version__
from mimica.engines.ganimation.fast.rig import LAYERS
from mimica.errors import WeightsError
from mimica.facs import SIDED_AU_NAMES
from mimica.model_files.checkpoint import BYTES, PACKED, Array, Weights, check_arrays, load_weights, weights_bytes

Arrays = dict[str, np.ndarray]

KIND = "ganimation-fast"
_INPUTS = 136 + 3 * len(SIDED_AU_NAMES)


def _perceptron(part: str, channels: str) -> dict[str, Array]:
    """The arrays of `mimica.engines.ganimation.fast.rig.Perceptron`; the basis, and the last layer that its steps multiply, may
    be stored in other ways."""
    sizes: list[int | str] = [_INPUTS, f"{part} hidden", f"{part} hidden 2", f"{part} components"]
    table: dict[str, Array] = {}
    for layer, before, after in zip(LAYERS, sizes[:-1], sizes[1:], strict=True):
        table |= {f"{part}.{layer}.weight": Array(after, before), f"{part}.{layer}.bias": Array(after)}
    return {
        **table,
        f"{part}.basis": Array(sizes[-1], channels, kinds=PACKED),
        f"{part}.scale": Array(1, low=0),
        f"{part}.landmark_mean": Array(136, low=-1, high=2),
    }


def _lip(lip: str) -> dict[str, Array]:
    inner, hidden, whole = f"{lip} inner", f"{lip} hidden", f"{lip} lip"
    return {
        f"topology.{lip}_along": Array(inner, low=-0.1, high=1.1),
        f"topology.{lip}_inner": Array(inner, below="V"),
        f"topology.{lip}_outer": Array(inner, below="V"),
        f"topology.{lip}_hidden": Array(hidden, below="V"),
        f"topology.{lip}_hidden_near": Array(hidden, below=inner),
        f"topology.{lip}_hidden_share": Array(hidden, low=0, high=1),
        f"topology.{lip}_lip": Array(whole, below="V"),
        f"topology.{lip}_lip_near": Array(whole, below=inner),
        f"topology.{lip}_lip_share": Array(whole, low=0, high=1),
    }


ARRAYS: dict[str, Array] = {
    "topology.vertex_weight": Array("V", low=0, high=10),
    "topology.inner_color": Array("I", 3, low=0, high=2),
    "topology.inner_soft": Array("I", low=0, high=1),
    "topology.inner_triangles": Array("inner triangles", 3, below="I"),
    "topology.triangles": Array("triangles", 3, below="V"),
    "topology.landmarks": Array(68, below="V"),
    "topology.lid": Array("V", low=0, high=1),
    "topology.eye_loop_left": Array("left loop", below="V"),
    "topology.eye_loop_right": Array("right loop", below="V"),
    "topology.mouth_loop": Array("mouth loop", below="V"),
    "topology.rim": Array("rim", below="V"),
    "topology.rim_near": Array("rim", below="V"),
    **_lip("upper"),
    **_lip("lower"),
    "mesh.mean": Array("2 (V + I)", low=-1, high=2),
    "mesh.basis": Array("mesh components", "2 (V + I)"),
    "mesh.landmark_mean": Array(136, low=-1, high=2),
    "mesh.from_landmarks": Array(136, "mesh components"),
    **_perceptron("move", "2 (V + I)"),
    **_perceptron("gain", "3 V"),
    "topology.inner_anchors": Array("anchors", kinds=("i4", "i8"), low=0, required=False),
    "topology.inner_weights": Array("I", "anchors", required=False),
    "topology.pair_vertices": Array("V", kinds=("i4", "i8"), low=0, required=False),
    "painter.mouth": Array("mouth bytes", kinds=BYTES),
    "painter.eye": Array("eye bytes", kinds=BYTES),
}
"""Every array of a file: V vertices of the skin, I of the inner mouth."""

TRAINING_ONLY = ("topology.inner_weights", "topology.inner_anchors", "topology.pair_vertices")
"""What only training reads, and takes from the shipped weights."""


def weights_file(arrays: Arrays, networks: Mapping[str, bytes]) -> bytes:
    """One model file for `read_weights`; the painter's networks are ONNX files inside it."""
    painter = {f"painter.{name}": np.frombuffer(data, np.uint8) for name, data in networks.items()}
    return weights_bytes(Weights(KIND, 1, SIDED_AU_NAMES, {}, {**arrays, **painter}, {"mimica_version": __version__}))


def read_weights(path: Path) -> Arrays:
    """The arrays of a weights file. Raises `WeightsError` if it is missing, damaged or another model's."""
    weights = load_weights(path, KIND, arrays=ARRAYS)
    if weights.controls != SIDED_AU_NAMES:
        raise WeightsError(f"{path} was made for other controls than the {len(SIDED_AU_NAMES)} of this version.")
    sizes = {name: len(weights.tensors[f"topology.{array}"]) for name, array in (("V", "vertex_weight"), ("I", "inner_soft"))}
    together = {"2 (V + I)": 2 * (sizes["V"] + sizes["I"]), "3 V": 3 * sizes["V"]}
    check_arrays(weights.tensors, ARRAYS, path, sizes | together)
    return dict(weights.tensors)


def as_half(arrays: Arrays, part: str) -> Arrays:
    """The basis of a perceptron `part.*` as float16."""
    return arrays | {f"{part}.basis": arrays[f"{part}.basis"].astype(np.float16)}


def as_bytes(arrays: Arrays, part: str) -> Arrays:
    """The basis of a perceptron `part.*` as int8: each component is divided by its own step, by which the perceptron's last
    layer is multiplied, so that whoever reads the weights needs to know nothing of it."""
    basis = arrays[f"{part}.basis"]
    step = np.maximum(np.abs(basis).max(axis=1), 1e-12) / 127
    stored = {f"{part}.basis": np.rint(basis / step[:, None]).astype(np.int8)}
    for name in ("4.weight", "4.bias"):
        value = arrays[f"{part}.{name}"]
        stored[f"{part}.{name}"] = (value * step.reshape(-1, *[1] * (value.ndim - 1))).astype(np.float32)
    return arrays | stored


def compact(arrays: Arrays) -> Arrays:
    """A fast generator's arrays for a smaller file: displacement and gain as int8 by component, perceptrons as float16, and of
    the topology nothing that only training needs (a training takes it from the shipped weights)."""
    stored = {name: array for name, array in arrays.items() if name not in TRAINING_ONLY}
    for part in ("move", "gain"):
        if stored[f"{part}.basis"].dtype != np.int8:
            stored = as_bytes(stored | {f"{part}.basis": stored[f"{part}.basis"].astype(np.float32)}, part)
        for layer in LAYERS[:-1]:
            stored[f"{part}.{layer}.weight"] = stored[f"{part}.{layer}.weight"].astype(np.float16)
    return stored
