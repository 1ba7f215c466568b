"""Frozen features: TensorFlow.js's layers format is read as data, and the network equals its equations."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mimica.errors import WeightsError
from mimica.reader import frozen as features
from mimica.reader.frozen import (
    KerasNetwork,
    decode_weights,
    load_frozen,
    read_layers_model,
    script_object,
    script_string,
)

RNG = np.random.default_rng(0)
ARRAYS = {
    "a/kernel": RNG.normal(size=(3, 3, 3, 4)).astype(np.float32),
    "n/gamma": np.array([1.0, 2.0, 0.5, 1.5], np.float32),
    "n/beta": np.array([0.0, 1.0, -1.0, 0.5], np.float32),
    "n/moving_mean": np.array([0.1, -0.2, 0.3, 0.0], np.float32),
    "n/moving_variance": np.array([1.0, 4.0, 0.25, 2.0], np.float32),
    "d/depthwise_kernel": RNG.normal(size=(3, 3, 4, 1)).astype(np.float32),
    "d/bias": np.array([0.5, 0.0, 0.0, 1.0], np.float32),
}


def _layer(name: str, kind: str, inputs: list[str], **config: Any) -> dict[str, Any]:
    return {
        "name": name,
        "class_name": kind,
        "config": config,
        "inbound_nodes": [[[i, 0, 0, {}] for i in inputs]] if inputs else [],
    }


LAYERS = [
    _layer("in", "InputLayer", []),
    _layer("p", "ZeroPadding2D", ["in"], padding=[[0, 1], [0, 1]]),
    _layer("a", "Conv2D", ["p"], kernel_size=[3, 3], strides=[2, 2], padding="valid"),
    _layer("n", "BatchNormalization", ["a"], epsilon=0.001),
    _layer("r", "ReLU", ["n"], max_value=6),
    _layer("d", "DepthwiseConv2D", ["r"], kernel_size=[3, 3], strides=[1, 1], padding="same"),
    _layer("s", "Add", ["r", "d"]),
]
TOPOLOGY = {"model_config": {"config": {"layers": LAYERS}}}


def _manifest() -> tuple[list[dict[str, Any]], bytes]:
    weights = [{"name": n, "shape": list(a.shape), "dtype": "float32"} for n, a in ARRAYS.items()]
    return [{"paths": ["group1-shard1of1"], "weights": weights}], b"".join(a.tobytes() for a in ARRAYS.values())


def test_the_network_equals_its_equations() -> None:
    x = torch.randn(2, 3, 9, 9)
    relu, total = KerasNetwork(TOPOLOGY, ARRAYS, ("r", "s"))(x)
    a = F.conv2d(F.pad(x, (0, 1, 0, 1)), torch.from_numpy(ARRAYS["a/kernel"]).permute(3, 2, 0, 1), stride=2)
    mean, variance, gamma, beta = (
        torch.from_numpy(ARRAYS[f"n/{n}"])[None, :, None, None] for n in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    r = ((a - mean) / (variance + 0.001).sqrt() * gamma + beta).clamp(0, 6)
    d = F.conv2d(r, torch.from_numpy(ARRAYS["d/depthwise_kernel"]).permute(2, 3, 0, 1), torch.from_numpy(ARRAYS["d/bias"]),
                 padding=1, groups=4)  # fmt: skip
    assert torch.allclose(relu, r, atol=1e-5) and torch.allclose(total, r + d, atol=1e-5)
    (folded,) = KerasNetwork(TOPOLOGY, ARRAYS, ("n",))(x)
    assert torch.allclose(folded.clamp(0, 6), r, atol=1e-5)


def test_unknown_layers_are_refused() -> None:
    for extra in (
        _layer("x", "Softmax", ["s"]),
        _layer("x", "Conv2D", ["s"], kernel_size=[3, 3], strides=[2, 2], padding="same"),
    ):
        arrays = ARRAYS | {"x/kernel": np.zeros((3, 3, 4, 1), np.float32)}
        with pytest.raises(ValueError, match="x"):
            KerasNetwork({"model_config": {"config": {"layers": [*LAYERS, extra]}}}, arrays, ("x",))
    with pytest.raises(ValueError, match="lacks"):
        KerasNetwork(TOPOLOGY, ARRAYS, ("r", "missing"))


def test_quantised_weights_are_decoded() -> None:
    about = [{"weights": [{"name": "q", "shape": [3], "quantization": {"min": -1.0, "scale": 0.5, "dtype": "uint8"}}]}]
    assert np.allclose(decode_weights(about, bytes([0, 2, 4]))["q"], [-1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="left over"):
        decode_weights(about, bytes(4))


def test_minified_scripts_are_read_as_data() -> None:
    text = (
        '!function(e){}({1:[function(e,a,n){a.exports={a_1:{b:!0,c:!1,d:[.5,-.25,1e-3,2]},e:"x{y:.5,!0}",$f:null}},{}]},{},[1]);'
    )
    assert script_object(text) == {"a_1": {"b": True, "c": False, "d": [0.5, -0.25, 0.001, 2]}, "e": "x{y:.5,!0}", "$f": None}
    assert script_string('r.exports,e);h.exports="QUJD"},{}]') == "QUJD"


def test_a_folder_and_the_package_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, raw = _manifest()
    about = {"modelTopology": TOPOLOGY, "weightsManifest": manifest}
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "group1-shard1of1").write_bytes(raw)
    package = tmp_path / "package.tgz"
    texts = {
        "model.min.js": f"!function(){{a.exports={json.dumps(about)}}}",
        "group1-shard1of1.min.js": f'!function(){{a.exports="{base64.b64encode(raw).decode()}"}}',
    }
    with tarfile.open(package, "w:gz") as tar:
        for name, text in texts.items():
            info = tarfile.TarInfo(f"package/dist/models/mobilenet_v2/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    for path in (folder, package):
        topology, arrays = read_layers_model(path)
        assert topology == TOPOLOGY and all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
    monkeypatch.setattr(features, "PERCEPTUAL", ("r", "s"))
    monkeypatch.setattr(features, "JUDGED", ("s",))
    frozen = load_frozen(package)
    assert frozen.channels() == (4,) and package.name in frozen.about
    compared, judged = frozen.maps(torch.randn(1, 3, 16, 16))
    assert len(compared) == 2 and torch.equal(compared[1], judged[0])


def test_other_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(b"nothing")
    for path in (tmp_path / "a.tgz", tmp_path / "none.tgz", tmp_path):
        with pytest.raises(WeightsError, match=r"npm pack|get it again"):
            load_frozen(path)


def test_without_a_file_the_reader_is_taken() -> None:
    frozen = load_frozen(None)
    compared, judged = frozen.maps(torch.rand(1, 3, 128, 128))
    assert "reader" in frozen.about and len(judged) == 2 and len(compared) >= 2
    assert frozen.channels() == tuple(m.shape[1] for m in judged)
    assert judged[0].shape[-1] == 2 * judged[1].shape[-1]  # what `FeatureHeads` needs


def test_inceptions_layers_equal_their_equations(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [
        *LAYERS[:1],
        _layer("w", "Conv2D", ["in"], kernel_size=[1, 3], strides=[1, 1], padding="same"),
        _layer("b", "BatchNormalization", ["w"], epsilon=0.001),
        _layer("r", "Activation", ["b"], activation="relu"),
        _layer("m", "MaxPooling2D", ["r"], pool_size=[3, 3], strides=[2, 2], padding="valid"),
        _layer("a", "AveragePooling2D", ["m"], pool_size=[3, 3], strides=[1, 1], padding="same"),
        _layer("mixed10", "Concatenate", ["m", "a"], axis=3),
    ]
    arrays = {"w/kernel": RNG.normal(size=(1, 3, 3, 2)).astype(np.float32), "b/beta": np.array([0.5, -0.5], np.float32),
              "b/moving_mean": np.zeros(2, np.float32), "b/moving_variance": np.ones(2, np.float32)}  # fmt: skip
    x = torch.randn(2, 3, 9, 9)
    (joined,) = KerasNetwork({"model_config": {"config": {"layers": layers}}}, arrays, ("mixed10",))(x)
    w = F.conv2d(x, torch.from_numpy(arrays["w/kernel"]).permute(3, 2, 0, 1), padding=(0, 1)) / (1.001**0.5)
    m = F.max_pool2d(F.relu(w + torch.tensor([0.5, -0.5])[:, None, None]), 3, 2)
    counted = F.avg_pool2d(torch.ones_like(m), 3, 1, 1)  # TensorFlow's mean at the border is of what there is
    assert torch.allclose(joined, torch.cat([m, F.avg_pool2d(m, 3, 1, 1) / counted], 1), atol=1e-5)
    monkeypatch.setattr(
        features, "read_layers_model", lambda path, model: ({"model_config": {"config": {"layers": layers}}}, arrays)
    )
    assert features.load_inception(Path("x"))(torch.rand(2, 3, 64, 64)).shape == (2, 4)


def test_the_network_goes_where_the_pictures_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Else it stays on the CPU while a training's pictures are on a GPU; "meta" is a device that is always there."""
    manifest, raw = _manifest()
    (tmp_path / "model.json").write_text(json.dumps({"modelTopology": TOPOLOGY, "weightsManifest": manifest}), encoding="utf-8")
    (tmp_path / "group1-shard1of1").write_bytes(raw)
    monkeypatch.setattr(features, "PERCEPTUAL", ("n",))
    monkeypatch.setattr(features, "JUDGED", ("s",))
    built: list[KerasNetwork] = []

    class Seen(KerasNetwork):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            built.append(self)

    monkeypatch.setattr(features, "KerasNetwork", Seen)
    frozen = load_frozen(tmp_path)
    for device in ("cpu", "meta"):
        assert frozen.maps(torch.zeros(1, 3, 8, 8, device=device))[0][0].device.type == device
        assert {buffer.device.type for buffer in built[0].buffers()} == {device}
