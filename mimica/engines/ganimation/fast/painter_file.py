"""The painter's networks as ONNX files and back: what `mimica.engines.ganimation.fast.painter` runs."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from mimica.engines.ganimation.fast.networks import PatchPainter, ShippedPainter, on_unshuffled
from mimica.engines.ganimation.fast.painter import PARTS
from mimica.facs import SIDED_AU_NAMES
from mimica.model_files.checkpoint import fill_module

CONDITION = {"mouth": 2 * len(SIDED_AU_NAMES) + 136, "eye": 2 * len(SIDED_AU_NAMES)}
"""Numbers that each network is told (`mimica.engines.ganimation.fast.painter.condition_of`)."""
_SHIPPED = {"first": "encode1.0.0.weight", "bias": "encode1.0.0.bias"}
"""A painter's first convolution, by its names in a `ShippedPainter`, which stores it in another shape."""


@torch.no_grad()
def to_onnx(network: PatchPainter, name: str) -> bytes:
    """A network as `painter.Painter` reads it."""
    part = PARTS["mouth" if name == "mouth" else "eye_right"]
    example = torch.zeros(1, 11, part.height, part.width), torch.zeros(1, CONDITION[name])
    file = io.BytesIO()
    torch.onnx.export(
        ShippedPainter(network).eval(), example, file,  # type: ignore[arg-type]
        input_names=["pictures", "condition"], output_names=["maps"],
        opset_version=17, dynamo=False,
    )  # fmt: skip
    return file.getvalue()


def from_onnx(network: torch.nn.Module, content: bytes, source: Path) -> None:
    """Fills a network with what `to_onnx` wrote. Raises `WeightsError` where the file `source` holds another one."""
    import onnx

    stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load_from_string(content).graph.initializer}
    tensors = {_SHIPPED.get(name, name.removeprefix("painter.")): array for name, array in stored.items()}
    if "first" in stored:
        tensors[_SHIPPED["first"]] = on_unshuffled(torch.from_numpy(stored["first"].copy())).numpy()
    fill_module(network, {name: array for name, array in tensors.items() if name in network.state_dict()}, source)
