"""Model files: what is written is read; what does not fit is told in one sentence."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mimica.errors import WeightsError
from mimica.model_files.checkpoint import (
    Weights,
    build_module,
    fill_module,
    load_weights,
    module_tensors,
    read_about,
    save_weights,
)

ONE = Weights("toy", 1, ("AU01", "AU12"), {"width": 3}, {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}, {"by": "me"})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    save_weights(tmp_path / "a.safetensors", ONE)
    back = load_weights(tmp_path / "a.safetensors", ["other", "toy"])
    assert (back.kind, back.controls, back.config, back.notes) == ("toy", ("AU01", "AU12"), {"width": 3}, {"by": "me"})
    assert np.array_equal(back.tensors["w"], ONE.tensors["w"]) and back.tensors["w"].dtype == np.float32
    assert read_about(tmp_path / "a.safetensors")["version"] == 1
    save_weights(tmp_path / "b.safetensors", replace(ONE, tensors={"w": ONE.tensors["w"].T}))
    assert np.array_equal(load_weights(tmp_path / "b.safetensors", "toy").tensors["w"], ONE.tensors["w"].T)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    with pytest.raises(WeightsError, match="There is no model file"):
        load_weights(path, "toy")
    save_weights(path, ONE)
    with pytest.raises(WeightsError, match="holds 'toy'; weights of 'reader'"):
        load_weights(path, "reader")
    with pytest.raises(WeightsError, match="version 1 of 'toy'; this Mimica reads version 2"):
        load_weights(path, "toy", version=2)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(path, "toy")
    for content in (b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0{}"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="not a model file"):
            load_weights(path, "toy")


def test_a_module_is_filled(tmp_path: Path) -> None:
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    fill_module(target, module_tensors(source.to(torch.bfloat16).float()), "x")
    assert torch.equal(source.weight, target.weight)
    with pytest.raises(WeightsError, match=r"weight is \(2, 4\) instead of \(2, 3\); bias is missing; more is unknown"):
        fill_module(target, {"weight": np.zeros((2, 4)), "more": np.zeros(1)}, "x")


def test_reading_needs_no_torch() -> None:
    code = "import sys, mimica.model_files.checkpoint, mimica.config, mimica.data.dataset; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "config", [{"in_features": 2}, {"in_features": "x", "out_features": 2}, {"in_features": -1, "out_features": 2}, {"n": 1}]
)
def test_a_config_that_describes_no_network_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(WeightsError, match=r"made\.safetensors describes a network that cannot be built"):
        build_module(nn.Linear, config, "made.safetensors")
    assert build_module(nn.Linear, {"in_features": 2, "out_features": 3}, "x").weight.shape == (3, 2)
