"""One job of `make chaos`, killed twice, and its full disks."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from chaos import JOBS, run


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of Unix")
@pytest.mark.parametrize("name", ["annotate"])
def test_kills_and_full_disks_lose_nothing(tmp_path: Path, name: str) -> None:
    outcome = run(JOBS[name], 2, random.Random(3), tmp_path)
    assert not outcome.problems and outcome.kills + outcome.done == 2 and outcome.full == 4
