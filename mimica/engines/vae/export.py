"""The trained VAE -> the engine file that runs without torch: `mimica export vae`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from mimica.engines.vae.codec import Vectors, engine_weights, save_engine_file
from mimica.engines.vae.networks import KIND, Shape, TwoDecoderVae
from mimica.model_files.checkpoint import Weights, build_module, fill_module, load_weights
from mimica.reader.export import store_as_half


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


def load_network(path: Path) -> tuple[TwoDecoderVae, Weights]:
    """The network of a training's `vae.safetensors`, in evaluation mode. Raises `WeightsError`."""
    weights = load_weights(path, KIND)
    net = build_module(lambda **config: TwoDecoderVae(Shape.from_config(config)), weights.config, path)
    fill_module(net, weights.tensors, path)
    return net.eval(), weights


def export(source: Path, target: Path) -> None:
    """`vae.safetensors` of a run folder -> an engine file without attributes. Raises `WeightsError`."""
    net, weights = load_network(source)
    shape = net.shape
    image, z = torch.zeros(2, 3, shape.image_size, shape.image_size), torch.zeros(2, shape.latent)
    encoder = _onnx(_Mean(net), image, ["image"], ["mean"])
    decoder = _onnx(_Decoders(net), z, ["z"], ["image", "mask"])
    save_engine_file(target, engine_weights(encoder, decoder, shape.as_config(), weights.notes), Vectors.none(shape.latent))


def _onnx(module: nn.Module, example: Tensor, inputs: list[str], outputs: list[str]) -> bytes:
    """The module as an ONNX file with any batch size, weights stored as float16."""
    import onnx

    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            module.eval(),
            (example,),
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
            opset_version=17,
            dynamo=False,
        )
        model = onnx.load(str(path))
    store_as_half(model)
    content: bytes = model.SerializeToString()
    return content
