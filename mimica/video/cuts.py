"""Where a film is cut: the histogram of colours changes at once, that is, the Bhattacharyya distance of neighbouring frames is
above a limit, and several times what it was lately (after J. Boreczky, L. Rowe, "Comparison of video shot boundary detection
techniques", 1996).
"""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

CUT_DISTANCE, CUT_RATIO = 0.3, 3.0
_LATELY = 12
"""Frames over which the usual distance is taken."""


class CutFinder:
    """Goes through the frames of one video and says where a new shot begins."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._lately: deque[float] = deque(maxlen=_LATELY)

    def is_cut(self, rgb: np.ndarray) -> bool:
        """Whether the frame, uint8 (H, W, 3), is the first of a new shot (the first of all is not)."""
        small = cv2.resize(rgb, (96, 54), interpolation=cv2.INTER_AREA)
        colours = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
        histogram = cv2.calcHist([colours], [0, 1, 2], None, [12, 4, 6], [0, 180, 0, 256, 0, 256])
        last, self._last = self._last, histogram
        if last is None:
            return False
        distance = float(cv2.compareHist(last, histogram, cv2.HISTCMP_BHATTACHARYYA))
        usual = float(np.median(self._lately)) if self._lately else 0.0
        if distance > CUT_DISTANCE and distance > CUT_RATIO * usual:
            self._lately.clear()
            return True
        self._lately.append(distance)
        return False
