"""The fast generator's weights as one file, and how to make it smaller."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from safetensors.numpy import save

from mimica import __version__
from mimica.engines.ganimation.fast.edit import KIND
from mimica.engines.ganimation.fast.rig import LAYERS
from mimica.facs import SIDED_AU_NAMES

Arrays = dict[str, np.ndarray]

TRAINING_ONLY = ("topology.inner_weights", "topology.inner_anchors", "topology.pair_vertices")
"""What only training reads, and takes from the shipped weights."""


def weights_file(arrays: Arrays, networks: Mapping[str, bytes]) -> bytes:
    """One safetensors file for `mimica.engines.ganimation.edit.load`; the painter's networks are ONNX files inside it."""
    painter = {f"painter.{name}": np.frombuffer(data, np.uint8) for name, data in networks.items()}
    metadata = {"mimica_version": __version__, "kind": KIND, "controls": json.dumps(list(SIDED_AU_NAMES))}
    return save({name: np.ascontiguousarray(array) for name, array in {**arrays, **painter}.items()}, metadata)


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
