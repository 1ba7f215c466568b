"""The top of an embedded generator as a network of its own, an ONNX file: small faces -> large ones, without torch.

    small float32 (B, 3, entry, entry) in [-1, 1] -> large float32 (B, 3, size, size), about [-1, 1]

The styles are those of w = 0, as in the top's training, without noise: the same face always becomes the same. Modulation and
demodulation are constants then and go into the weights, which are stored as float16. `mimica.face.restore` uses the file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from mimica.engines.stylegan.cascade.assemble import between
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND, CascadeGenerator, CascadeSynthesis
from mimica.engines.stylegan.layers import GAIN, SLOPE, StyledConv, blur, upsample
from mimica.engines.stylegan.networks import SIZES
from mimica.errors import ValueRangeError
from mimica.files import atomic_path
from mimica.model_files.checkpoint import build_module, fill_module, load_weights
from mimica.model_files.onnx_export import onnx_of

KIND = "restorer"


class _FixedConv(nn.Module):
    """A `StyledConv` whose style never changes, without noise."""

    def __init__(self, layer: StyledConv, style: Tensor) -> None:
        super().__init__()
        scale = layer.demodulation(style)[0] * GAIN
        weight = layer.weight * style[0][None, :, None, None] * scale[:, None, None, None]
        self.register_buffer("weight", weight.transpose(0, 1).contiguous() if layer.up else weight)
        self.register_buffer("bias", layer.bias * GAIN)
        self.up, self.outputs = layer.up, layer.outputs

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.weight  # type: ignore[assignment]
        bias: Tensor = self.bias  # type: ignore[assignment]
        if not self.up:
            return nn.functional.leaky_relu(nn.functional.conv2d(x, weight, bias, padding=1), SLOPE)
        x = blur(nn.functional.conv_transpose2d(x, weight, stride=2), self.outputs, padding=1, gain=4.0)
        return nn.functional.leaky_relu(x + bias[None, :, None, None], SLOPE)


class RestoringHead(nn.Module):
    """The top of `synthesis` with w = 0: pictures (B, 3, entry, entry) -> (B, 3, size, size)."""

    @torch.no_grad()
    def __init__(self, synthesis: CascadeSynthesis) -> None:
        super().__init__()
        styles = synthesis.styles(torch.zeros(1, synthesis.w_size))
        first, count = synthesis.entry + 1, len(synthesis.layers)
        self.enter = synthesis.top_enter
        self.layers = nn.ModuleList(
            _FixedConv(synthesis.layers[k], styles[k])  # type: ignore[arg-type]
            for k in range(2 * first - 1, count)
        )
        self.outputs = nn.ModuleList()
        for j in range(first, len(synthesis.to_rgb)):
            rgb, output = synthesis.to_rgb[j], nn.Conv2d(synthesis.to_rgb[j].weight.shape[1], 3, 1)
            output.weight.copy_((rgb.weight * (styles[count + j][0] * rgb.scale)[None])[:, :, None, None])
            output.bias.copy_(rgb.bias)  # type: ignore[union-attr]
            self.outputs.append(output)

    def forward(self, small: Tensor) -> Tensor:
        x, picture = self.enter(small), small
        for j, output in enumerate(self.outputs):
            x = self.layers[2 * j + 1](self.layers[2 * j](x))
            picture = upsample(picture) + output(x)
        return picture


def export(source: Path, target: Path, start: Path | None = None, share: float = 1.0) -> None:
    """An embedded generator's file (`weights/generator.safetensors` of a run, or the shipped one) -> the ONNX file; with `start`
    as in `between`. Raises `WeightsError`, `ValueRangeError`."""
    if start is None and share != 1:
        raise ValueRangeError("A share is one of the way from a start: name that with --start.")
    weights = load_weights(source, CASCADE_KIND) if start is None else between(source, start, share)
    generator = build_module(CascadeGenerator, weights.config, source)
    fill_module(generator, weights.tensors, source)
    head, entry = RestoringHead(generator.synthesis), SIZES[generator.synthesis.entry]
    about = {"kind": KIND, "version": 1, "entry": entry, "size": generator.synthesis.size, "notes": dict(weights.notes)}
    with atomic_path(target) as temporary:
        temporary.write_bytes(onnx_of(head, {"small": torch.zeros(1, 3, entry, entry)}, ["large"], about))
