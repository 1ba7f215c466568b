"""ONNX Runtime is started without its messages to its maker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READ = """
import os
from mimica.reader.read import Reader
Reader()
print(os.environ["ORT_DISABLE_TELEMETRY"], os.listdir(os.environ["TMPDIR"]))
"""


@pytest.mark.parametrize("wished", [None, "0"])
def test_nothing_is_kept_for_the_maker(tmp_path: Path, wished: str | None) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "HOME": str(tmp_path / "home")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    environment.pop("CI", None)  # where it is silent by itself
    environment |= {"ORT_DISABLE_TELEMETRY": wished} if wished else {}
    said = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, env=environment, check=True).stdout
    switch, left = said.split(maxsplit=1)
    assert switch == (wished or "1")
    if wished is None:
        assert left.strip() == "[]"
