"""The reader's trained networks as ONNX files: weights stored as float16 (half the size), computed in float32.

reader          gray uint8 (B, INPUT_SIZE, INPUT_SIZE) -> outputs float32 (B, OUTPUT_SIZE)
reader-refiner  gray uint8 (B, DETAIL_SIZE, DETAIL_SIZE), first float32 (B, OUTPUT_SIZE) -> outputs, the same
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mimica.files import atomic_path
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights
from mimica.model_files.onnx_export import onnx_of
from mimica.reader.networks import ReaderNet, to_input
from mimica.reader.outputs import DETAIL_SIZE, INPUT_SIZE, OUTPUT_SIZE
from mimica.reader.refiner import RefinerNet

NETWORKS: dict[str, type[ReaderNet] | type[RefinerNet]] = {"reader": ReaderNet, "reader-refiner": RefinerNet}


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
    net, weights = load_network(source)
    side = DETAIL_SIZE if isinstance(net, RefinerNet) else INPUT_SIZE
    inputs = {"gray": torch.zeros(2, side, side, dtype=torch.uint8)}
    if isinstance(net, RefinerNet):
        inputs["first"] = torch.zeros(2, OUTPUT_SIZE)
    about = {
        "kind": weights.kind,
        "version": weights.version,
        "controls": list(weights.controls),
        "config": dict(weights.config),
    }
    with atomic_path(target) as temporary:
        temporary.write_bytes(onnx_of(_FromBytes(net), inputs, ["outputs"], about))
