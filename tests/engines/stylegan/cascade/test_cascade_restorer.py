"""The top as a network of its own equals the generator's top, and its file needs no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import generator
from typer.testing import CliRunner

from mimica.cli.export import app
from mimica.engines.stylegan.cascade.assemble import between
from mimica.engines.stylegan.cascade.networks import CASCADE_KIND
from mimica.engines.stylegan.cascade.restorer import RestoringHead, export
from mimica.errors import ValueRangeError, WeightsError
from mimica.model_files.checkpoint import Weights, load_weights, module_tensors, save_weights
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


def test_numbers_on_the_way_from_a_start(tmp_path: Path) -> None:
    begin, end = saved(tmp_path / "a.safetensors"), saved(tmp_path / "b.safetensors")
    made = generator()
    with torch.no_grad():
        made.synthesis.top_enter.first.weight.add_(1.0)
    save_weights(end, Weights(CASCADE_KIND, 1, (), made.config, module_tensors(made), {"steps": 3}))
    name = "synthesis.top_enter.first.weight"
    first, half = load_weights(begin, CASCADE_KIND).tensors[name], between(end, begin, 0.5)
    assert np.allclose(half.tensors[name], first + 0.5, atol=1e-6) and half.notes == {"steps": 3, "share": 0.5}
    assert np.allclose(between(end, begin, 0.0).tensors[name], first)
    words = ["restorer", str(end), "--start", str(begin), "--share", "0.5", "-o", str(tmp_path / "half.onnx")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    large = open_session(tmp_path / "half.onnx", 1).run({"small": SMALL.numpy()}, (2, 3, 64, 64))[0]
    export(end, tmp_path / "whole.onnx")
    whole = open_session(tmp_path / "whole.onnx", 1).run({"small": SMALL.numpy()}, (2, 3, 64, 64))[0]
    assert np.abs(large - whole).max() > 0.01
    with pytest.raises(ValueRangeError, match="share"):
        between(end, begin, 1.5)
    with pytest.raises(ValueRangeError, match="--start"):
        export(end, tmp_path / "none.onnx", share=0.5)
    assert not (tmp_path / "none.onnx").exists()


def test_what_is_no_embedded_generator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="stylegan2-cascade"):
        export(saved(tmp_path / "g.safetensors", "something"), tmp_path / "head.onnx")
    assert not (tmp_path / "head.onnx").exists()
