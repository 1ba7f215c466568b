"""The reader as a torch network, from the shipped ONNX file: features for perceptual losses, where gradients are needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.errors import MissingExtraError, WeightsError
from mimica.reader.networks import ReaderNet
from mimica.reader.outputs import INPUT_SIZE
from mimica.reader.read import WEIGHTS

# The tight crop inside an FFHQ crop, as shares of its side, for a face of usual proportions: left, top, side.
_TIGHT_IN_FFHQ = (0.085, 0.124, 0.83)
_LUMA = (0.299, 0.587, 0.114)


def load_torch_reader(path: Path = WEIGHTS) -> ReaderNet:
    """The network of `reader.onnx`, frozen, in evaluation mode. The exporter has folded each batch norm into the convolution
    before it, so the norms here are identities with a bias. Raises `WeightsError`, `MissingExtraError` without onnx."""
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("Reading the reader's features needs the package 'onnx': pip install 'mimica[train]'.") from error
    try:
        model = onnx.load(str(path))
        about = json.loads({prop.key: prop.value for prop in model.metadata_props}["mimica"])
        net = ReaderNet(**about["config"])
        _fill(net, model)
    except (OSError, KeyError, ValueError, IndexError, RuntimeError) as error:
        raise WeightsError(f"'{path}' is no reader of Mimica's, or is damaged ({error}).") from error
    return net.eval().requires_grad_(False)


def _fill(net: ReaderNet, model: Any) -> None:
    from onnx import numpy_helper

    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    used = [[arrays[name] for name in node.input[1:3]] for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    norms = iter([m for m in net.modules() if isinstance(m, nn.BatchNorm2d)])
    for layer, (weight, bias) in zip(layers, used, strict=True):
        layer.weight.data.copy_(_tensor(weight))
        if isinstance(layer, nn.Linear):
            layer.bias.data.copy_(_tensor(bias))
            continue
        norm = next(norms)
        norm.weight.data.fill_((1 + norm.eps) ** 0.5)
        norm.bias.data.copy_(_tensor(bias))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def reader_gray(pictures: Tensor) -> Tensor:
    """FFHQ crops (B, 3, S, S) in [-1, 1] -> the reader's input (B, 1, INPUT_SIZE, INPUT_SIZE), differentiable."""
    luma = pictures.new_tensor(_LUMA)[None, :, None, None]
    gray = (pictures * luma).sum(1, keepdim=True)
    left, top, side = _TIGHT_IN_FFHQ
    matrix = pictures.new_tensor([[side, 0, 2 * left + side - 1], [0, side, 2 * top + side - 1]])
    grid = F.affine_grid(matrix.expand(len(gray), -1, -1), [len(gray), 1, INPUT_SIZE, INPUT_SIZE], align_corners=False)
    return F.grid_sample(gray, grid, padding_mode="reflection", align_corners=False)
