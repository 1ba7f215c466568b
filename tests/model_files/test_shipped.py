"""Weights that ship are found in either package; the second is made of what the first leaves out."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from mimica.model_files import shipped

ROOT = Path(__file__).parents[2]


def test_they_are_found_in_either_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, second = tmp_path / "weights", tmp_path / "mimica_models"
    for folder in (ours, second):
        folder.mkdir()
    (second / "a.safetensors").touch()
    monkeypatch.setattr(shipped, "OURS", ours)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert shipped.folder_with("a.safetensors") == ours
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(origin=str(second / "__init__.py")))
    assert shipped.folder_with("a.safetensors") == second and shipped.folder_with("b.safetensors") == ours
    (ours / "a.safetensors").touch()
    assert shipped.folder_with("a.safetensors") == ours, "a clone's own come first"


def test_what_the_first_leaves_out_the_second_has(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("build_wheels", ROOT / "models" / "build.py")
    assert spec and spec.loader
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    first, second = build.staged(tmp_path)
    here = {path.name for path in (ROOT / "mimica" / "weights").iterdir() if path.is_file()}
    one = {path.name for path in (first / "mimica" / "weights").iterdir()}
    other = {path.name for path in (second / "mimica_models").iterdir()} - {"__init__.py"}
    assert one | other == here and not one & other
    assert "stylegan.safetensors" in other and "stylegan.md" in other and "vae.safetensors" in one
    assert (second / "LICENSE").is_file()
