"""The synthesis network as an ONNX file, which runs without torch.

w_plus float32 (B, num_ws, w_size) -> pictures uint8 (B, S, S, 3), fixed noise. Weights are stored as float16. The file's
metadata holds the generator's configuration, its fingerprint and its mean w, so that latent files can be checked against it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mimica.files import atomic_path
from mimica.model_files.onnx_export import onnx_of

if TYPE_CHECKING:
    from mimica.engines.stylegan.model import Model

KIND = "stylegan2-synthesis"


def export(model: Model, target: Path) -> None:
    """Write the ONNX file of a generator."""
    import torch
    from torch import Tensor, nn

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
    inputs = {"w_plus": torch.zeros(2, synthesis.num_ws, synthesis.w_size)}
    with atomic_path(target) as temporary:
        temporary.write_bytes(onnx_of(ToBytes(synthesis), inputs, ["pictures"], about))
