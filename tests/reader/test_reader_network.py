"""The network, its export, and a short training on drawn faces."""

import numpy as np
import pytest
import torch

from mimica.errors import WeightsError
from mimica.facs import SIDED_AU_NAMES
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights
from mimica.reader.export import export, load_network
from mimica.reader.networks import ReaderNet, to_input
from mimica.reader.outputs import INPUT_SIZE, OUTPUT_SIZE
from mimica.reader.read import Reader

TINY = {"width": 8, "depth": 1, "hidden": 16}


@pytest.fixture
def tiny(tmp_path):
    torch.manual_seed(0)
    net = ReaderNet(**TINY).eval()
    path = tmp_path / "reader.safetensors"
    save_weights(path, Weights("reader", 1, SIDED_AU_NAMES, TINY, module_tensors(net)))
    return net, path


def test_the_shipped_size_is_under_three_million():
    assert sum(p.numel() for p in ReaderNet().parameters()) < 3_000_000


def test_shapes():
    net = ReaderNet(**TINY)
    gray = to_input(torch.zeros(2, INPUT_SIZE, INPUT_SIZE, dtype=torch.uint8))
    assert gray.shape == (2, 1, INPUT_SIZE, INPUT_SIZE) and gray.min() == -1
    assert net(gray).shape == (2, OUTPUT_SIZE)
    assert [tuple(m.shape[1:]) for m in net.features(gray)] == [(8, 28, 28), (16, 14, 14), (32, 7, 7)]


def test_onnx_equals_torch(tiny, tmp_path):
    net, path = tiny
    export(path, tmp_path / "reader.onnx")
    gray = np.random.default_rng(0).integers(0, 256, (3, INPUT_SIZE, INPUT_SIZE), dtype=np.uint8)
    with torch.no_grad():
        expected = net(to_input(torch.from_numpy(gray))).numpy()
    assert Reader(tmp_path / "reader.onnx").raw(gray) == pytest.approx(expected, abs=2e-3)


def test_safetensors_round_trip(tiny):
    net, path = tiny
    again, weights = load_network(path)
    assert weights.controls == SIDED_AU_NAMES
    for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_unusable_weights_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="no reader weights"):
        Reader(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model at all")
    with pytest.raises(WeightsError, match="no network"):
        Reader(tmp_path / "bad.onnx")
