"""How fast `annotate` is on this machine, and how much memory it takes: measured on variations of one photo.

The variations are the photo's largest face, cut out at 350 pixels, each a little turned, moved and resized.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mimica.annotate import annotate
from mimica.errors import UserError
from mimica.pictures.images import read_photo, write_image
from mimica.reader.read import largest_face
from mimica.video.writer import VideoWriter

SIDE = 350
_EYES, _EYE_DISTANCE = (0.5, 0.45), 0.22
"""Where the variations have the middle between the eyes, and the distance of these, in shares of the side."""


def variations(photo: Path, count: int) -> Iterator[np.ndarray]:
    """uint8 (350, 350, 3) each, the same every time. Raises `ImageError`, `NoFaceError`."""
    rgb = read_photo(photo).rgb
    face = largest_face(rgb)
    left, right = (face.landmarks_photo[list(eye)].mean(axis=0) for eye in ((36, 39), (42, 45)))
    rng = np.random.default_rng(0)
    for _ in range(count):
        scale = _EYE_DISTANCE * SIDE / face.eye_distance * rng.uniform(0.85, 1.15)
        matrix = cv2.getRotationMatrix2D(tuple(map(float, (left + right) / 2)), rng.uniform(-12, 12), scale)
        matrix[:, 2] += np.multiply(_EYES, SIDE) + rng.uniform(-15, 15, 2) - (left + right) / 2
        yield cv2.warpAffine(rgb, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def faces_a_second(photo: Path, folder: Path, count: int = 400, jobs: int = 2) -> float:
    """Photos of one face and 350 pixels, read from JPEG files in `folder`, by `jobs` processes, their start not counted."""
    photos = folder / "variations"
    photos.mkdir()
    for i, rgb in enumerate(variations(photo, count)):
        write_image(photos / f"{i}.jpg", rgb)
    ticks: list[tuple[float, int]] = []

    def note(done: float, total: int, pictures: int) -> None:
        if pictures:
            ticks.append((time.perf_counter(), pictures))

    annotate([photos], folder / "variations.csv", jobs=jobs, progress=note)
    return sum(pictures for _, pictures in ticks[1:]) / (ticks[-1][0] - ticks[0][0])


_RUN = """
import pathlib, resource, sys
from mimica.annotate import annotate
annotate([sys.argv[1]], sys.argv[2])
status = pathlib.Path("/proc/self/status")
if status.is_file():  # ru_maxrss would count the process that started this one too
    kilobytes = int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])
else:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
print(kilobytes / 2**10)
"""


def video_memory(photo: Path, folder: Path, frames: int) -> float:
    """The most memory, MiB, that annotating a video of so many frames takes (the whole process). Not on Windows, which has no
    such figure. Raises `UserError` if the process fails."""
    path = folder / f"video_{frames}.mp4"
    with VideoWriter(path, 25, (SIDE, SIDE)) as writer:
        for rgb in variations(photo, frames):
            writer.write(rgb)
    command = [sys.executable, "-c", _RUN, str(path), str(path.with_suffix(".csv"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"Annotating a video failed while it was measured: {done.stderr.strip()}")
    return float(done.stdout)
