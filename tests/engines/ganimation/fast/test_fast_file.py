"""A smaller file of the fast generator renders the same; the second shipped set is found by its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import mimica
from mimica.cli import app
from mimica.engines.ganimation.edit import FREE_WEIGHTS
from mimica.engines.ganimation.fast.edit import WEIGHTS
from mimica.engines.ganimation.fast.file import as_bytes, read_weights, weights_file
from mimica.errors import WeightsError

PHOTO = Path(__file__).parents[4] / "examples" / "astronaut.jpg"


def test_a_compact_file_renders_nearly_the_same(tmp_path: Path) -> None:
    small = tmp_path / "small.safetensors"
    result = CliRunner().invoke(app, ["export", "ganimation", str(WEIGHTS), "-o", str(small)])
    assert result.exit_code == 0 and small.stat().st_size < 0.75 * WEIGHTS.stat().st_size
    images = [np.asarray(mimica.edit(PHOTO, "happy", weights=w).image).astype(int) for w in (None, small)]
    difference = np.abs(images[0] - images[1])
    assert difference.sum() > 0 and difference.mean() < 0.2 and np.percentile(difference, 99.5) <= 6


def test_a_step_for_each_component_keeps_the_product() -> None:
    rng = np.random.default_rng(0)
    arrays = {"x.basis": rng.normal(size=(3, 50)), "x.4.weight": rng.normal(size=(3, 7)), "x.4.bias": rng.normal(size=3)}
    stored, hidden = as_bytes(arrays, "x"), rng.normal(size=7)
    assert stored["x.basis"].dtype == np.int8
    before, after = (((hidden @ a["x.4.weight"].T + a["x.4.bias"]) @ a["x.basis"]) for a in (arrays, stored))
    assert np.abs(before - after).max() < 0.02 * np.abs(before).max()


@pytest.mark.skipif(not FREE_WEIGHTS.exists(), reason="the second set is not there")
def test_the_second_set_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no file 'ccby' here
    first, second = (np.asarray(mimica.edit(PHOTO, "surprised", weights=w).image).astype(int) for w in (None, "ccby"))
    photo = np.asarray(mimica.edit(PHOTO, "surprised", intensity=0).image).astype(int)
    assert 0 < np.abs(first - second).mean() < 0.5 * np.abs(first - photo).mean()
    assert WEIGHTS.stat().st_size + FREE_WEIGHTS.stat().st_size <= 20e6
    assert set(read_weights(FREE_WEIGHTS)) < set(read_weights(WEIGHTS))


def test_a_file_without_its_arrays_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.safetensors"
    empty.write_bytes(weights_file({"mesh.mean": np.zeros(2, np.float32)}, {}))
    for words in (["export", "ganimation", str(empty)], ["edit", str(PHOTO), "-e", "happy", "--weights", str(empty)]):
        result = CliRunner().invoke(app, [*words, "-o", str(tmp_path / ("out.png" if words[0] == "edit" else "out.safetensors"))])
        assert isinstance(result.exception, WeightsError) and "is incomplete" in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.safetensors"]
