"""Whether frames come evenly is read from their times; uneven ones keep theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimica.video.pace import pace_of, pace_of_times
from mimica.video.reader import open_video
from mimica.video.writer import VideoWriter

GRID = np.arange(60)


@pytest.mark.parametrize(
    ("times", "stated", "fps", "even"),
    [
        (GRID / 25, 25.0, 25.0, True),
        (np.round(GRID * 1001 / 30) / 1000, 29.97, 29.97, True),
        (np.delete(GRID, [7, 8, 30]) / 25, 23.7, 25.0, True),
        (np.cumsum(np.resize([0.04, 0.1, 0.06, 0.05], 60)), 16.0, 16.0, False),
        (np.array([0.0]), 10.0, 10.0, True),
    ],
)
def test_rates(times: np.ndarray, stated: float, fps: float, even: bool) -> None:
    pace = pace_of_times(times, stated)
    assert pace.even == even and pace.fps == pytest.approx(fps, rel=0.02)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif", ".webp"])
def test_frames_keep_their_times(tmp_path: Path, suffix: str) -> None:
    times, path = [0.0, 0.1, 0.16, 0.3, 0.34, 0.5], tmp_path / f"a{suffix}"
    with VideoWriter(path, 12, (32, 32), even=False) as video:
        for i, time in enumerate(times):
            video.write(np.full((32, 32, 3), 30 * i, np.uint8), time)
    found = open_video(path)
    assert [time for _, time, _ in found] == pytest.approx(times, abs=0.011)
    assert not pace_of(found).even


def test_a_frame_that_is_missing_leaves_a_gap(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 25, (32, 32)) as video:
        for i in (0, 1, 2, 5, 6):
            video.write(np.full((32, 32, 3), 30 * i, np.uint8), i / 25)
    assert [time for _, time, _ in open_video(tmp_path / "a.mp4")] == pytest.approx([0, 0.04, 0.08, 0.2, 0.24])
    assert pace_of(open_video(tmp_path / "a.mp4")).even
