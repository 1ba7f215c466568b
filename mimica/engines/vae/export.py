"""The trained VAE -> the engine file that runs without torch: `mimica export vae`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mimica.engines.vae.codec import Vectors, engine_weights, save_engine_file
from mimica.engines.vae.networks import KIND, Shape, TwoDecoderVae
from mimica.engines.vae.spatial import SpatialShape, SpatialVae
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights
from mimica.model_files.onnx_export import onnx_of


class _Mean(nn.Module):
    """The encoder without the variance, which nobody asks for in use."""

    def __init__(self, net: TwoDecoderVae) -> None:
        super().__init__()
        self.encoder = net.encoder

    def forward(self, image: Tensor) -> Tensor:
        return self.encoder.average(image, self.encoder.mean(self.encoder.body(image)))


class _Decoders(nn.Module):
    """Both decoders, the mask as a chance."""

    def __init__(self, net: TwoDecoderVae) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        decoded = self.net.decode(z)
        return decoded.image, decoded.mask_logits.sigmoid()


class _SpatialMean(nn.Module):
    """The same of a latent map."""

    def __init__(self, net: SpatialVae) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        return self.net.encode(image).mean


class _SpatialDecoders(nn.Module):
    """Both decoders and the layer, the mask as a chance."""

    def __init__(self, net: SpatialVae) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        decoded = self.net.decode(z)
        return decoded.image.clamp(-1, 1), decoded.mask_logits.sigmoid(), decoded.layer


class _Eraser(nn.Module):
    """The eraser."""

    def __init__(self, net: SpatialVae) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor, kind: Tensor) -> Tensor:
        return self.net.erased(z, kind)


Network = TwoDecoderVae | SpatialVae


def load_network(path: Path) -> tuple[Network, Weights]:
    """The network of a training's `vae.safetensors`, in evaluation mode. Raises `WeightsError`."""
    weights = load_weights(path, KIND)

    def built(**config: Any) -> Network:
        return SpatialVae(SpatialShape.from_config(config)) if "code" in config else TwoDecoderVae(Shape.from_config(config))

    net = build_module(built, weights.config, path)
    fill_module(net, weights.tensors, path)
    return net.eval(), weights


def export(source: Path, target: Path) -> None:
    """`vae.safetensors` of a run folder -> an engine file without fitted attributes. Raises `WeightsError`."""
    net, weights = load_network(source)
    shape, notes = net.shape, weights.notes
    image, z = torch.zeros(2, 3, shape.image_size, shape.image_size), torch.zeros(2, shape.latent)
    if isinstance(net, SpatialVae):
        kind = torch.zeros(2, dtype=torch.long)
        networks = {
            "encoder.onnx": onnx_of(_SpatialMean(net), {"image": image}, ["mean"]),
            "decoder.onnx": onnx_of(_SpatialDecoders(net), {"z": z}, ["image", "mask", "layer"]),
            "eraser.onnx": onnx_of(_Eraser(net), {"z": z, "kind": kind}, ["erased"]),
        }
        scales = net.linear_decoder.weight.detach().square().sum((1, 2, 3)).sqrt()
        config = {**shape.as_config(), "scales": [round(float(scale), 5) for scale in scales / scales.max()]}
        save_engine_file(target, engine_weights(networks, config, notes), trained_vectors(net))
        return
    networks = {
        "encoder.onnx": onnx_of(_Mean(net), {"image": image}, ["mean"]),
        "decoder.onnx": onnx_of(_Decoders(net), {"z": z}, ["image", "mask"]),
    }
    save_engine_file(target, engine_weights(networks, shape.as_config(), notes), Vectors.none(shape.latent))


def trained_vectors(net: SpatialVae) -> Vectors:
    """The steps that were trained with the decoders; new faces are all the same until vectors are fitted."""
    steps, names, units = net.switches.detach().numpy(), net.shape.switches, net.unit_steps.detach().numpy()
    zero = np.zeros(net.shape.latent, np.float32)
    return Vectors(names, ((0, 0),) * len(names), steps, steps, units, zero, zero + 1, names, zero[None])
