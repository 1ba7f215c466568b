"""Runs `annotate` with a finder that needs no network: started, and killed, by test_annotate.py.

python annotate_driver.py OUTPUT JOBS SECONDS_A_PICTURE SOURCE ...
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mimica.annotate import Summary, annotate
from mimica.facs import EMOTIONS, SIDED_AU_NAMES
from mimica.reader.follow import Finder
from mimica.reader.read import FaceReading


class BrightnessFinder(Finder):
    """Sees a face in what is not black, two where the picture is bright at its left; AU 12 is the brightness."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        time.sleep(self.seconds)
        brightness = float(rgb.mean()) / 255
        if brightness < 0.05:
            return []
        points = np.tile(np.linspace(10, 30, 68), (2, 1)).T.astype(np.float32)
        values = dict.fromkeys(SIDED_AU_NAMES, 0.0) | {"AU12L": brightness, "AU12R": brightness}
        one = FaceReading((10, 10, 30, 30), points, points[:2], 0.9, 1.0, 2.0, 3.0, values, dict.fromkeys(EMOTIONS, 1 / 8))
        bright = float(rgb[:, : rgb.shape[1] // 2].mean()) > 200
        return [one, replace(one, box_photo=(50, 10, 70, 30), landmarks_photo=points + 40)] if bright else [one]

    def follow(self, rgb: np.ndarray, readings: Sequence[FaceReading]) -> list[FaceReading]:
        found = self.find(rgb)
        return found if len(found) == len(readings) else [replace(reading, confidence=0.0) for reading in readings]


def run(output: str | Path, jobs: int, seconds: float, *sources: str | Path) -> Summary:
    return annotate(list(sources), output, jobs=jobs, make_finder=partial(BrightnessFinder, seconds))


if __name__ == "__main__":
    print(run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:]))
