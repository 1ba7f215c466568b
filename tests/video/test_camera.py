"""Cameras give their newest frame, once; films can be taken for one."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimica.errors import VideoError
from mimica.video import camera
from mimica.video.camera import camera_frames, film_frames
from mimica.video.writer import VideoWriter


class FakeCapture:
    """Stands in for `cv2.VideoCapture`: frame i is (i, 0, 255 - i) in BGR, 200 a second, and ends after 60."""

    def __init__(self, number: int) -> None:
        self.count = 0
        self.released = threading.Event()

    def isOpened(self) -> bool:
        return True

    def set(self, *_: Any) -> None:
        pass

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(0.005)
        self.count += 1
        if self.count > 60:
            return False, None
        return True, np.full((4, 6, 3), (self.count, 0, 255 - self.count), np.uint8)

    def release(self) -> None:
        self.released.set()


def test_the_newest_frame_comes_once_in_rgb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera.cv2, "VideoCapture", FakeCapture)
    seen, times = [], []
    with pytest.raises(VideoError, match="no more pictures"):
        for at, rgb in camera_frames(0):
            assert rgb.shape == (4, 6, 3) and rgb[0, 0, 0] == 255 - rgb[0, 0, 2], "red first"
            seen.append(int(rgb[0, 0, 2]))
            times.append(at)
            time.sleep(0.03)
    assert seen == sorted(set(seen)) and len(seen) < 40, "what is late is left out"
    assert times == sorted(times)


def test_leaving_releases_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FakeCapture] = []
    monkeypatch.setattr(camera.cv2, "VideoCapture", lambda number: made.append(FakeCapture(number)) or made[-1])
    frames = camera_frames(0)
    next(frames)
    frames.close()
    assert made[0].released.is_set()


def test_a_film_keeps_its_pace_or_gives_all_frames(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "film.mp4", 20, (32, 32)) as writer:
        for level in range(10):
            writer.write(np.full((32, 32, 3), 20 * level, np.uint8))
    assert len(list(film_frames(tmp_path / "film.mp4", paced=False))) == 10
    start, times = time.monotonic(), []
    for at, _ in film_frames(tmp_path / "film.mp4", paced=True):
        times.append((at, time.monotonic() - start))
    assert all(now >= at - 0.02 for at, now in times), "never early"
    slow = []
    for at, _ in film_frames(tmp_path / "film.mp4", paced=True):
        slow.append(at)
        time.sleep(0.2)
    assert len(slow) < 10, "late frames are left out"
