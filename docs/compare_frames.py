"""Whether a change that is to be faster draws the same: frames of one photo, kept before it and compared after it.

    python docs/compare_frames.py keep examples/astronaut.jpg frames.npz       in the tree as it was
    python docs/compare_frames.py compare examples/astronaut.jpg frames.npz    in the tree as it is

Emotions, single units, closed eyes, a turned head, turned eyes and no change at all, each with the face at three sizes (fields of
three scales, windows that are sampled linearly and cubically). It tells the largest difference of each frame that differs, in
levels of 0 to 255, and ends with code 1 where one is above `ALLOWED`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from mimica import api
from mimica.animation import own_controls, render_frame
from mimica.motion.expression import wanted
from mimica.pictures.images import read_photo

ALLOWED = 1
SIZES = (1.0, 3.7, 6.0)
"""The photo is enlarged by these: the astronaut's face then has tight crops of about 137, 510 and 820 pixels."""
EMOTIONS = ("happy", "sad", "angry", "surprised", "disgusted", "fearful", "neutral", "happy:0.4")
UNITS = ("45=1", "45L=1", "25=0.9,26=0.9", "1=0.8,2L=0.8", "6=0.7,7=0.6", "12L=0.8", "12+=0.02", "9=1,10=0.6")


def frames(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and frame, uint8 (H, W, 3)."""
    photo = read_photo(path).rgb
    for factor in SIZES:
        large = photo if factor == 1 else np.asarray(cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC))
        prepared, _ = api.prepare_face(large)
        own = own_controls(prepared.faces[0].reading)
        asked = {name: wanted(name) for name in EMOTIONS} | {f"AU {units}": wanted(au=units) for units in UNITS}
        asked |= {"head": wanted("happy", pose="yaw=12,pitch=-5"), "eyes": wanted("happy", gaze="x=12,y=3")}
        targets = {name: expression.target(own) for name, expression in asked.items()} | {"no change": own}
        for name, target in targets.items():
            yield f"{factor:g} x, {name}", render_frame(prepared, [target])


def compare(path: Path, kept: Path) -> int:
    """The largest difference; each frame that differs is told."""
    worst, before = 0, np.load(kept)
    for name, frame in frames(path):
        apart = cv2.absdiff(frame, before[name])
        worst = max(worst, most := int(apart.max()))
        if most:
            print(f"{name}: up to {most} levels, {(apart > ALLOWED).any(axis=2).sum()} pixels by more than {ALLOWED}")
    print(f"{len(before)} frames, the largest difference is {worst} of 255")
    return worst


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("keep", "compare"):
        sys.exit(__doc__)
    photo, file = Path(sys.argv[2]), Path(sys.argv[3])
    if sys.argv[1] == "keep":
        np.savez(file, **dict(frames(photo)))  # type: ignore[arg-type]
    else:
        sys.exit(1 if compare(photo, file) > ALLOWED else 0)
