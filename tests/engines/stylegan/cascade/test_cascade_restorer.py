"""The top as a network of its own equals the generator's top, and its file needs no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import generator

from mimica.engines.stylegan.cascade.networks import CASCADE_KIND
from mimica.engines.stylegan.cascade.restorer import RestoringHead, export
from mimica.errors import WeightsError
from mimica.model_files.checkpoint import Weights, module_tensors, save_weights
from mimica.model_files.onnx_session import open_session

SMALL = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def saved(path: Path, kind: str = CASCADE_KIND) -> Path:
    made = generator()
    save_weights(path, Weights(kind, 1, (), made.config, module_tensors(made), {}))
    return path


def test_the_head_is_the_top_with_w_zero() -> None:
    synthesis = generator().synthesis
    wanted = synthesis.enlarged(SMALL)
    assert torch.allclose(RestoringHead(synthesis)(SMALL), wanted, atol=1e-4)
    assert not torch.allclose(synthesis.enlarged(SMALL, w=torch.ones(2, 16)), wanted, atol=1e-2), "w counts in this top"


def test_the_file_gives_the_same(tmp_path: Path) -> None:
    export(saved(tmp_path / "g.safetensors"), tmp_path / "head.onnx")
    session = open_session(tmp_path / "head.onnx", 1)
    large = session.run({"small": SMALL.numpy()}, (2, 3, 64, 64))[0]
    assert np.abs(large - generator().synthesis.enlarged(SMALL).numpy()).max() < 0.02, "float16 weights"
    assert session.about()["kind"] == "restorer" and session.about()["entry"] == 32


def test_what_is_no_embedded_generator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="stylegan2-cascade"):
        export(saved(tmp_path / "g.safetensors", "something"), tmp_path / "head.onnx")
    assert not (tmp_path / "head.onnx").exists()
