"""A torch module as an ONNX file, weights stored as float16 (half the size) and computed in float32. Needs torch and onnx;
`mimica.model_files.onnx_session` runs the files without."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

_SMALLEST_HALVED = 1024
"""Tensors of fewer values (biases, scales) stay float32: they weigh nothing."""


def onnx_of(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], about: Mapping[str, Any] | None = None
) -> bytes:
    """The file's content. `inputs`: an example of each by name, (B, ...); the file takes any batch size. `about` goes into its
    metadata, from where `OnnxSession.about` reads it. The module is left in evaluation mode."""
    import onnx
    import torch

    file = io.BytesIO()
    with torch.no_grad():
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            file,  # type: ignore[arg-type]  # a file is what this exporter takes too
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load_from_string(file.getvalue())
    store_as_half(model)
    if about is not None:
        onnx.helper.set_model_props(model, {"mimica": json.dumps(about)})
    content: bytes = model.SerializeToString()
    return content


def store_as_half(model) -> None:  # type: ignore[no-untyped-def]  # onnx is optional
    """Large float32 initialisers become float16 with a cast behind them; ONNX Runtime folds the casts when it loads."""
    import onnx
    from onnx import numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _SMALLEST_HALVED:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(onnx.helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
