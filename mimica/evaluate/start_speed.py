"""`mimica bench --only edit`: seconds from the start of a process to its end."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mimica.errors import UserError
from mimica.pictures.images import read_photo, write_image

Row = tuple[str, float, str, str]
PIXELS = 12e6
_MAIN = "from mimica.cli import main; main()"


def rows(photo: Path, folder: Path, repeats: int) -> list[Row]:
    """`mimica edit` of a photo of 12 million pixels, and `import mimica` with `mimica --help`; medians."""
    rgb = read_photo(photo).rgb
    factor = (PIXELS / (rgb.shape[0] * rgb.shape[1])) ** 0.5
    size = (round(rgb.shape[1] * factor), round(rgb.shape[0] * factor))
    large, output = folder / "large.jpg", folder / "edited.jpg"
    write_image(large, np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC)))
    edit = seconds([_MAIN, "edit", str(large), "-e", "happy", "-o", str(output)], repeats)
    told = seconds([f"import mimica; {_MAIN}", "--help"], repeats)
    return [
        ("edit from start", edit, "s", f"photo of {size[0]} x {size[1]} pixels, JPEG to JPEG, whole process"),
        ("help from start", told, "s", "import mimica and mimica --help, whole process"),
    ]


def seconds(words: Sequence[str], repeats: int) -> float:
    """The median time of Python with a line of code and the `words` after it, after one run that does not count. Modules are
    compiled once, as they are once installed. Raises `UserError` if it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", *words], capture_output=True, text=True, check=False, env=environment)
        times.append(time.perf_counter() - start)
        if done.returncode:
            raise UserError(f"The command 'mimica {words[1]}' failed while it was timed: {done.stderr.strip()}")
    return statistics.median(times[1:])
