"""Frozen features for the perceptual term and the heads that judge: MobileNetV2 where a file of it is given, else the reader.

    npm pack nsfwjs@4.3.0                                     # Infinite Red, MIT licence; 25 MB
    mimica train stylegan --preset embedded --set features=nsfwjs-4.3.0.tgz ...

The package holds, as text inside JavaScript, a MobileNetV2 (M. Sandler et al., CVPR 2018) of 2.6 MB in the layers format of
TensorFlow.js: a description (`modelTopology`, Keras's) and weights as bytes (`weightsManifest`). Nothing of it is run: the
description is read as JSON, the weights as numbers. A folder with `model.json` and its shards, as the format usually has it,
is read as well. Only what MobileNetV2 and Inception v3 need is understood: convolutions (batch norms are folded in), padding,
ReLU and ReLU6, sums, concatenations, pooling. Inception v3 (C. Szegedy et al., CVPR 2016), which the package holds too, is kept
from all training: `mimica evaluate generator` measures by it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mimica.errors import WeightsError
from mimica.foreign.archives import members
from mimica.reader.features import load_torch_reader, reader_gray

_IN_PACKAGE = "package/dist/models/{}/"
PERCEPTUAL = ("block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu", "block_12_add")
JUDGED = ("block_2_add", "block_5_add")
"""Layers whose outputs are compared, and fine ones that are judged."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class FrozenFeatures:
    """Pictures (B, 3, S, S) in [-1, 1] -> maps to compare, and maps to judge by, the finest first. `about` says what they are."""

    maps: Callable[[Tensor], tuple[list[Tensor], list[Tensor]]]
    about: str

    def channels(self) -> tuple[int, ...]:
        """Of the maps to judge by."""
        with torch.no_grad():
            return tuple(one.shape[1] for one in self.maps(torch.zeros(1, 3, 128, 128))[1])


def load_frozen(path: Path | None) -> FrozenFeatures:
    """Features of a file, or the reader's. Raises `WeightsError` for a file that holds no MobileNetV2."""
    if path is None:
        reader = load_torch_reader()

        def of_reader(pictures: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            maps = _beside(reader, pictures).features(reader_gray(pictures))
            return maps, maps[:2]

        return FrozenFeatures(of_reader, "Mimica's reader (gray; MobileNetV2 is better, see --set features)")
    topology, arrays = read_layers_model(path)
    network = KerasNetwork(topology, arrays, (*PERCEPTUAL, *JUDGED)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def of_network(pictures: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        maps = _beside(network, pictures)(pictures)
        return maps[: len(PERCEPTUAL)], maps[len(PERCEPTUAL) :]

    digest = hashlib.sha256(path.read_bytes() if path.is_file() else (path / "model.json").read_bytes()).hexdigest()
    return FrozenFeatures(of_network, f"MobileNetV2 of {path.name} (sha256 {digest[:16]})")


def _beside(network: Any, pictures: Tensor) -> Any:
    """The network on the device of the pictures; it goes there once."""
    held = next(itertools.chain(network.buffers(), network.parameters()), None)
    return network if held is None or held.device == pictures.device else network.to(pictures.device)


# --- reading --------------------------------------------------------------------------------------------------------


def load_inception(path: Path) -> Callable[[Tensor], Tensor]:
    """Pictures (B, 3, S, S) in [-1, 1] -> 2,048 features each, means of Inception v3's last maps. Raises `WeightsError`."""
    topology, arrays = read_layers_model(path, "inception_v3")
    network = KerasNetwork(topology, arrays, ("mixed10",)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def pooled(pictures: Tensor) -> Tensor:
        large = F.interpolate(pictures, size=(299, 299), mode="bilinear", align_corners=False)
        means: Tensor = _beside(network, pictures)(large.contiguous(memory_format=torch.channels_last))[0].mean((2, 3))
        return means

    return pooled


def read_layers_model(path: Path, model: str = "mobilenet_v2") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The Keras description and the weights by name; of a package those of `model`. Raises `WeightsError`."""
    try:
        about, raw = _from_folder(path) if path.is_dir() else _from_package(path, _IN_PACKAGE.format(model))
        return about["modelTopology"], decode_weights(about["weightsManifest"], raw)
    except (OSError, ValueError, KeyError, IndexError, TypeError, binascii.Error) as error:
        raise WeightsError(
            f"'{path}' holds no {model} in TensorFlow.js's layers format ({type(error).__name__}: {error}); "
            "make it with `npm pack nsfwjs@4.3.0`."
        ) from error


def _from_folder(path: Path) -> tuple[dict[str, Any], bytes]:
    about = json.loads((path / "model.json").read_text(encoding="utf-8"))
    return about, b"".join((path / name).read_bytes() for group in about["weightsManifest"] for name in group["paths"])


def _from_package(path: Path, inside: str) -> tuple[dict[str, Any], bytes]:
    found = members(path, WeightsError)
    texts = {name.removeprefix(inside): content.decode() for name, content in found if name.startswith(inside)}
    about = script_object(texts["model.min.js"])
    paths = [name for group in about["weightsManifest"] for name in group["paths"]]
    return about, b"".join(base64.b64decode(script_string(texts[f"{name}.min.js"])) for name in paths)


def script_string(text: str) -> str:
    """The string that a minified module exports."""
    return re.findall(r'\.exports="([A-Za-z0-9+/=]*)"', text)[0]


def script_object(text: str) -> dict[str, Any]:
    """The object literal that a minified module exports, names without quotes and `!0`, `!1` made JSON."""
    literal = text[text.index(".exports={") + len(".exports=") :]
    parts = re.split(r'("(?:[^"\\]|\\.)*")', literal)  # odd ones are strings, which stay
    for i in range(0, len(parts), 2):
        plain = re.sub(r"([{,])\s*([A-Za-z_$][\w$]*)\s*:", r'\1"\2":', parts[i])
        plain = plain.replace("!0", "true").replace("!1", "false")
        parts[i] = re.sub(r"(?<![\w.])(-?)\.(\d)", r"\g<1>0.\2", plain)
    value, _ = json.JSONDecoder().raw_decode("".join(parts))
    return dict(value)


def decode_weights(manifest: Sequence[Mapping[str, Any]], raw: bytes) -> dict[str, np.ndarray]:
    """Bytes -> float32 arrays by name; a quantised one is min + scale * its uint8."""
    arrays, position = {}, 0
    for one in (weight for group in manifest for weight in group["weights"]):
        count, how = int(np.prod(one["shape"])), one.get("quantization")
        if how and how["dtype"] != "uint8":
            raise ValueError(f"{one['name']} is stored as {how['dtype']}")
        kind = np.dtype(np.uint8 if how else np.float32)
        values = np.frombuffer(raw, kind, count, position).astype(np.float32)
        position += count * kind.itemsize
        arrays[one["name"]] = (values * how["scale"] + how["min"] if how else values).reshape(one["shape"])
    if position != len(raw):
        raise ValueError(f"{len(raw) - position} bytes are left over")
    return arrays


# --- running --------------------------------------------------------------------------------------------------------


_POOLINGS = {("MaxPooling2D", "valid", (3, 3)), ("AveragePooling2D", "same", (3, 3))}
_OPERATIONS: Mapping[str, Callable[[list[Tensor], int], Tensor]] = {
    "relu6": lambda given, stride: F.hardtanh(given[0], 0.0, 6.0),
    "relu": lambda given, stride: F.relu(given[0]),
    "add": lambda given, stride: given[0] + given[1],
    "join": lambda given, stride: torch.cat(given, 1),
    "MaxPooling2D": lambda given, stride: F.max_pool2d(given[0], 3, stride),
    "AveragePooling2D": lambda given, stride: F.avg_pool2d(given[0], 3, stride, 1, count_include_pad=False),
}
"""What the layers without weights do with their inputs (B, C, H, W), and the stride."""


@dataclass
class _Step:
    """One operation; a convolution's number is that of its buffers."""

    operation: str
    output: str
    inputs: list[str]
    padding: tuple[int, ...] = (0, 0)
    stride: int = 1
    groups: int = 1


class KerasNetwork(nn.Module):
    """Runs a Keras description up to the layers `taken`, whose outputs it gives in that order. Raises `ValueError`."""

    def __init__(self, topology: Mapping[str, Any], arrays: Arrays, taken: Sequence[str]) -> None:
        super().__init__()
        self._steps: list[_Step] = []
        self._same: dict[str, str] = {}  # a folded batch norm is the convolution before it
        self._folded: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._input = ""
        for layer in topology["model_config"]["config"]["layers"]:
            self._add(layer, arrays)
            if set(taken) <= {step.output for step in self._steps} | set(self._same):
                break
        else:
            raise ValueError(f"the network lacks one of {', '.join(taken)}")
        self.taken = [self._same.get(name, name) for name in taken]
        for name, (weight, bias) in self._folded.items():
            self.register_buffer(f"weight_{name}", torch.from_numpy(np.ascontiguousarray(weight, np.float32)))
            self.register_buffer(f"bias_{name}", torch.from_numpy(np.ascontiguousarray(bias, np.float32)))

    def _add(self, layer: Mapping[str, Any], arrays: Arrays) -> None:
        name, kind, config = layer["name"], layer["class_name"], layer["config"]
        inputs = [self._same.get(one[0], one[0]) for one in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []
        if kind == "InputLayer":
            self._input = name
        elif kind in ("Conv2D", "DepthwiseConv2D"):
            self._convolution(name, inputs, kind == "DepthwiseConv2D", config, arrays)
        elif kind == "BatchNormalization":
            self._fold(name, inputs[0], config, arrays)
        elif kind == "ZeroPadding2D":
            (top, bottom), (left, right) = config["padding"]
            self._steps.append(_Step("pad", name, inputs, (left, right, top, bottom)))
        elif kind == "ReLU" and config.get("max_value") == 6:
            self._steps.append(_Step("relu6", name, inputs))
        elif kind == "Add":
            self._steps.append(_Step("add", name, inputs))
        elif kind == "Activation" and config["activation"] == "relu":
            self._steps.append(_Step("relu", name, inputs))
        elif kind == "Concatenate" and config["axis"] in (3, -1):
            self._steps.append(_Step("join", name, inputs))
        elif (kind, config.get("padding"), tuple(config.get("pool_size", ()))) in _POOLINGS:
            if config["strides"] != [2, 2] and config["strides"] != [1, 1]:
                raise ValueError(f"the layer {name} has strides of {config['strides']}")
            self._steps.append(_Step(kind, name, inputs, stride=int(config["strides"][0])))
        else:
            raise ValueError(f"the layer {name} is of the kind {kind}, which is not understood")

    def _convolution(self, name: str, inputs: list[str], depthwise: bool, config: Mapping[str, Any], arrays: Arrays) -> None:
        kernel = arrays[f"{name}/{'depthwise_kernel' if depthwise else 'kernel'}"]
        weight = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
        stride, (height, width) = int(config["strides"][0]), weight.shape[-2:]
        if config["padding"] == "same" and stride > 1 and max(height, width) > 1:
            raise ValueError(f"the layer {name} pads as TensorFlow does with a stride")
        padding = (height // 2, width // 2) if config["padding"] == "same" else (0, 0)
        self._folded[name] = (weight, arrays.get(f"{name}/bias", np.zeros(len(weight), np.float32)))
        self._steps.append(_Step("conv", name, inputs, padding, stride, len(weight) if depthwise else 1))

    def _fold(self, name: str, convolution: str, config: Mapping[str, Any], arrays: Arrays) -> None:
        """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, into the weights of the convolution that gives x."""
        weight, bias = self._folded[convolution]
        variance = np.maximum(arrays[f"{name}/moving_variance"], 0) + config["epsilon"]
        gain = arrays.get(f"{name}/gamma", np.ones(len(bias), np.float32)) / np.sqrt(variance)
        shift = arrays.get(f"{name}/beta", np.zeros(len(bias), np.float32)) - arrays[f"{name}/moving_mean"] * gain
        self._folded[convolution] = (weight * gain[:, None, None, None], bias * gain + shift)
        self._same[name] = convolution

    def forward(self, pictures: Tensor) -> list[Tensor]:
        values = {self._input: pictures}
        for step in self._steps:
            first = values[step.inputs[0]]
            if step.operation == "conv":
                weight, bias = getattr(self, f"weight_{step.output}"), getattr(self, f"bias_{step.output}")
                values[step.output] = F.conv2d(first, weight, bias, step.stride, step.padding, 1, step.groups)
            elif step.operation == "pad":
                values[step.output] = F.pad(first, step.padding)
            else:
                values[step.output] = _OPERATIONS[step.operation]([values[name] for name in step.inputs], step.stride)
        return [values[name] for name in self.taken]
