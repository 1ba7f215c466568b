"""The synthesis network as an ONNX file, which runs without torch.

w_plus float32 (B, num_ws, w_size) -> pictures uint8 (B, S, S, 3), fixed noise. Weights are stored as float16. The file's
metadata holds the generator's configuration, its fingerprint and its mean w, so that latent files can be checked against it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mimica.files import atomic_path

if TYPE_CHECKING:
    from mimica.engines.stylegan.model import Model

KIND = "stylegan2-synthesis"


def export(model: Model, target: Path) -> None:
    """Write the ONNX file of a generator."""
    import onnx
    import torch
    from torch import Tensor, nn

    from mimica.reader.export import store_as_half

    class ToBytes(nn.Module):
        """The network with the conversion of its output."""

        def __init__(self, synthesis: nn.Module) -> None:
            super().__init__()
            self.synthesis = synthesis

        def forward(self, w_plus: Tensor) -> Tensor:
            picture = self.synthesis(w_plus).clamp(-1, 1).add(1).mul(127.5).round()
            return picture.permute(0, 2, 3, 1).to(torch.uint8)

    synthesis = model.generator.synthesis
    about = {
        "kind": KIND, "version": 1, "config": dict(model.generator.config), "fingerprint": model.fingerprint,
        "w_average": model.generator.mapping.w_average.tolist(),
    }  # fmt: skip
    with atomic_path(target) as temporary, torch.no_grad():
        torch.onnx.export(
            ToBytes(synthesis).eval(),
            (torch.zeros(2, synthesis.num_ws, synthesis.w_size),),
            str(temporary),
            input_names=["w_plus"],
            output_names=["pictures"],
            dynamic_axes={"w_plus": {0: "batch"}, "pictures": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
        content = onnx.load(str(temporary))
        store_as_half(content)
        onnx.helper.set_model_props(content, {"mimica": json.dumps(about)})
        onnx.save(content, str(temporary))
