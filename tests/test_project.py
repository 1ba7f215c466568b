"""What says who and what the project is: one version everywhere, a citation file, the node pack, type information."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import mimica

ROOT = Path(__file__).parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_has_one_source() -> None:
    assert 'version = { attr = "mimica.__version__" }' in text("pyproject.toml")
    assert re.search(r"^version: (.+)$", text("CITATION.cff"), re.MULTILINE)[1] == mimica.__version__  # type: ignore[index]
    assert re.search(r'^version = "(.+)"$', text("comfyui/pyproject.toml"), re.MULTILINE)[1] == mimica.__version__  # type: ignore[index]
    assert re.search(r"^## (\S+?),", text("CHANGELOG.md"), re.MULTILINE)[1] == mimica.__version__  # type: ignore[index]


def test_the_citation_file_has_what_the_format_needs() -> None:
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    about = yaml.safe_load(text("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= about.keys()
    assert about["authors"] and about["license"] == "Apache-2.0"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_the_node_pack_tells_comfyui_what_it_needs() -> None:
    import tomllib

    about = tomllib.loads(text("comfyui/pyproject.toml"))
    assert about["project"]["license"] == "Apache-2.0" and about["project"]["dependencies"] == ["mimica"]
    assert {"PublisherId", "DisplayName"} <= about["tool"]["comfy"].keys()
    assert text("comfyui/requirements.txt").split() == ["mimica"] and text("comfyui/LICENSE") == text("LICENSE")


def test_the_package_is_typed() -> None:
    assert (ROOT / "mimica" / "py.typed").is_file() and '"py.typed"' in text("pyproject.toml")
