"""Cameras, and films taken for one: frames as they come, the latest only, so that what is late is left out and not waited for."""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mimica.errors import VideoError
from mimica.video.reader import open_video

_WAIT_SECONDS = 5.0


def camera_frames(number: int) -> Iterator[tuple[float, np.ndarray]]:
    """(seconds, uint8 (H, W, 3)) of the camera `number` (/dev/video0 is 0), until nobody asks any more. Raises `VideoError` where
    there is no such camera and where it stops."""
    capture = cv2.VideoCapture(number)
    if not capture.isOpened():
        raise VideoError(
            f"There is no camera {number}, or it may not be used: name another with --camera, or a film with --input."
        )
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    latest, ended = _Latest(capture), False
    try:
        while not ended:
            bgr = latest.take()
            ended = bgr is None
            if bgr is not None:
                yield clock.monotonic(), cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        raise VideoError(f"The camera {number} gives no more pictures: is it still plugged in?")
    finally:
        latest.close()
        capture.release()


class _Latest:
    """A thread that reads the camera, so that its driver's queue never grows old."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._frame: np.ndarray | None = None
        self._news, self._open = threading.Condition(), True
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while self._open:
            good, frame = self._capture.read()
            with self._news:
                self._frame = frame if good else None
                self._open = self._open and good
                self._news.notify()

    def take(self) -> np.ndarray | None:
        """The newest frame, once; None when there are no more."""
        with self._news:
            self._news.wait_for(lambda: self._frame is not None or not self._open, _WAIT_SECONDS)
            frame, self._frame = self._frame, None
            return frame

    def close(self) -> None:
        self._open = False


def film_frames(path: str | Path, paced: bool) -> Iterator[tuple[float, np.ndarray]]:
    """The same from a film; `paced`: at its own speed, leaving out frames that nobody asked for in time. Raises `VideoError`."""
    start = clock.monotonic()
    for _, time, rgb in open_video(path):
        ahead = time - (clock.monotonic() - start)
        if paced and ahead < -0.1:
            continue
        if paced and ahead > 0:
            clock.sleep(ahead)
        yield time, rgb
