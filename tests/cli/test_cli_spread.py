"""Exit codes of jobs in parts: 0 all, 1 some, 2 none of the inputs could be used."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mimica.cli import app

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.mark.parametrize("good, code", [(True, 1), (False, 2)])
def test_none_is_told_from_some(tmp_path: Path, good: bool, code: int) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    if good:
        shutil.copy(PHOTO, tmp_path / "photos" / "whole.jpg")
    words = ["annotate", tmp_path / "photos", "-o", tmp_path / "parts", "--format", "csv", "-j", "1"]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
