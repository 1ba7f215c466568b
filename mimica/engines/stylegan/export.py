"""The synthesis network as an ONNX file, and its use without torch.

w_plus float32 (B, places, w_size) -> pictures uint8 (B, S, S, 3), fixed noise. Weights are stored as float16. The file's
metadata holds the generator's configuration, its fingerprint and its mean w, so that latent files can be checked against it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mimica.errors import WeightsError
from mimica.images import atomic_path
from mimica.sessions import open_session

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
            (torch.zeros(2, synthesis.places, synthesis.w_size),),
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


class Renderer:
    """An exported generator through ONNX Runtime. Raises `WeightsError` for unusable files."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        from mimica.reader.read import session_errors

        if not path.is_file():
            raise WeightsError(f"There is no generator at '{path}': make one with `mimica export stylegan`.")
        unusable: tuple[type[Exception], ...] = (*session_errors(), KeyError, ValueError)
        try:
            self._session = open_session(path, threads)
            about: dict[str, Any] = json.loads(self._session.get_modelmeta().custom_metadata_map["mimica"])
            self.fingerprint, self.config = str(about["fingerprint"]), dict(about["config"])
            self.w_average = np.array(about["w_average"], np.float32)
        except unusable as error:
            raise WeightsError(f"'{path}' is no generator of Mimica's, or is damaged: get it again.") from error
        if about.get("kind") != KIND:
            raise WeightsError(f"'{path}' holds '{about.get('kind')}'; '{KIND}' is needed here.")

    def __call__(self, w_plus: np.ndarray) -> np.ndarray:
        """float32 (B, places, w_size) -> uint8 (B, S, S, 3)."""
        pictures: np.ndarray = self._session.run(None, {"w_plus": np.asarray(w_plus, np.float32)})[0]
        return pictures


def export_embedded(weights: Path, top: Path | None, output: Path) -> list[Path]:
    """The generator and the encoder of a run's `weights` as float16 stylegan.safetensors and stylegan_encoder.safetensors in
    `output`, with the top of another run where one is named. Raises `WeightsError`."""
    from dataclasses import replace

    from mimica.checkpoint import load_weights, save_weights
    from mimica.engines.stylegan.cascade.assemble import assemble
    from mimica.engines.stylegan.cascade.networks import CASCADE_KIND
    from mimica.engines.stylegan.convert import halved
    from mimica.engines.stylegan.encoder import ENCODER_KIND

    generator = load_weights(weights / "generator.safetensors", CASCADE_KIND)
    if top is not None:
        path = top / "generator.safetensors"
        generator = assemble(generator, load_weights(path, CASCADE_KIND), path)
    encoder = load_weights(weights / "encoder.safetensors", ENCODER_KIND)
    written = []
    for name, one in (("stylegan", generator), ("stylegan_encoder", encoder)):
        written.append(output / f"{name}.safetensors")
        save_weights(written[-1], replace(one, tensors=halved(one.tensors)))
    return written
