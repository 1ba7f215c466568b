"""The same frames make the same file, whatever lay in memory before, and nothing in it is left to chance."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mimica.video.writer import VideoWriter

_M_PERTURB = -6
"""Parameter of glibc's mallopt(3): a byte with which memory is filled as it is taken and freed; 0: as it comes."""


@pytest.fixture
def fill_memory() -> Iterator[Callable[[int], int]]:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        pytest.skip("this system's C library has no mallopt, so memory cannot be filled")
    yield lambda byte: mallopt(_M_PERTURB, byte)
    mallopt(_M_PERTURB, 0)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".webp", ".gif"])
def test_the_same_frames_make_the_same_file(
    suffix: str, astronaut: np.ndarray, tmp_path: Path, fill_memory: Callable[[int], int]
) -> None:
    """13 macroblocks wide: see `_REPEATABLE` of the writer. On a processor without AVX-512 an mp4 would be the same anyway."""
    made = set()
    for byte in (1, 100, 200):
        assert fill_memory(byte) == 1
        with VideoWriter(tmp_path / f"{byte}{suffix}", 25, (208, 208)) as video:
            for index in range(12):
                video.write(astronaut[:208, 150 - 3 * index : 358 - 3 * index])
        made.add((tmp_path / f"{byte}{suffix}").read_bytes())
    assert len(made) == 1
