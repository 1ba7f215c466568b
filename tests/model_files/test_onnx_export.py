"""The file that a module becomes: the same numbers, half the bytes, any batch, what it says about itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from mimica.model_files.onnx_export import onnx_of  # noqa: E402
from mimica.model_files.onnx_session import open_session  # noqa: E402


class Sum(torch.nn.Module):
    """Two inputs, two outputs, a weight of 32 x 64 and a bias of 64."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(32, 64)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(a) + b, a.sum(1)


def test_the_file_gives_what_the_module_gives(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Sum()
    inputs = {"a": torch.zeros(2, 32), "b": torch.zeros(2, 64)}
    (tmp_path / "n.onnx").write_bytes(onnx_of(net, inputs, ["sum", "total"], {"kind": "sum", "version": 1}))
    session = open_session(tmp_path / "n.onnx", 1)
    assert session.about() == {"kind": "sum", "version": 1}
    a, b = torch.randn(5, 32), torch.randn(5, 64)
    found = session.run({"a": a.numpy(), "b": b.numpy()}, (5, 64), (5,))
    with torch.no_grad():
        for one, wanted in zip(found, net(a, b), strict=True):
            assert np.abs(one - wanted.numpy()).max() < 5e-3


def test_weights_are_halved_and_biases_are_not() -> None:
    content = onnx_of(Sum(), {"a": torch.zeros(2, 32), "b": torch.zeros(2, 64)}, ["sum", "total"])
    stored = {
        onnx.numpy_helper.to_array(t).size: onnx.numpy_helper.to_array(t).dtype
        for t in onnx.load_from_string(content).graph.initializer
    }
    assert stored[32 * 64] == np.float16 and stored[64] == np.float32
