"""The reader's trained networks as ONNX files: weights stored as float16 (half the size), computed in float32.

reader          gray uint8 (B, INPUT_SIZE, INPUT_SIZE) -> outputs float32 (B, OUTPUT_SIZE)
reader-refiner  gray uint8 (B, DETAIL_SIZE, DETAIL_SIZE), first float32 (B, OUTPUT_SIZE) -> outputs, the same
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mimica.files import atomic_path
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights
from mimica.reader.networks import ReaderNet, to_input
from mimica.reader.outputs import DETAIL_SIZE, INPUT_SIZE, OUTPUT_SIZE
from mimica.reader.refiner import RefinerNet

NETWORKS: dict[str, type[ReaderNet] | type[RefinerNet]] = {"reader": ReaderNet, "reader-refiner": RefinerNet}

_SMALLEST_HALVED = 1024
"""Tensors of fewer values (biases, scales) stay float32: they weigh nothing."""


class _FromBytes(nn.Module):
    """The network with its input conversion."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, gray: Tensor, *first: Tensor) -> Tensor:
        out: Tensor = self.net(to_input(gray), *first)
        return out


def load_network(path: Path) -> tuple[ReaderNet | RefinerNet, Weights]:
    """The network of a training's `reader.safetensors` or `refiner.safetensors`, in evaluation mode. Raises `WeightsError`."""
    weights = load_weights(path, list(NETWORKS))
    net: Any = build_module(NETWORKS[weights.kind], weights.config, path)
    fill_module(net, weights.tensors, path)
    return net.eval(), weights


def export(source: Path, target: Path) -> None:
    """`reader.safetensors` -> `reader.onnx`; `refiner.safetensors` -> `reader_refiner.onnx`. Raises `WeightsError`."""
    import onnx

    net, weights = load_network(source)
    side = DETAIL_SIZE if isinstance(net, RefinerNet) else INPUT_SIZE
    inputs = {"gray": torch.zeros(2, side, side, dtype=torch.uint8)}
    if isinstance(net, RefinerNet):
        inputs["first"] = torch.zeros(2, OUTPUT_SIZE)
    with atomic_path(target) as temporary:
        torch.onnx.export(
            _FromBytes(net),
            tuple(inputs.values()),
            str(temporary),
            input_names=list(inputs),
            output_names=["outputs"],
            dynamic_axes={name: {0: "batch"} for name in (*inputs, "outputs")},
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(str(temporary))
        store_as_half(model)
        about = {
            "kind": weights.kind,
            "version": weights.version,
            "controls": list(weights.controls),
            "config": dict(weights.config),
        }
        onnx.helper.set_model_props(model, {"mimica": json.dumps(about)})
        onnx.save(model, str(temporary))


def store_as_half(model) -> None:  # type: ignore[no-untyped-def]  # onnx is optional
    """Large float32 initialisers become float16 with a cast behind them; ONNX Runtime folds the casts when it loads."""
    import onnx
    from onnx import numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _SMALLEST_HALVED:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(onnx.helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
