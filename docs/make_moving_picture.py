"""The picture that the README begins with, made by Mimica from its example photo: `python docs/make_moving_picture.py`."""

from pathlib import Path

import numpy as np
from PIL import Image

import mimica

HERE = Path(__file__).parent
PHOTO = HERE.parent / "examples" / "astronaut.jpg"
TARGET = HERE / "pictures" / "astronaut.webp"
AROUND_THE_FACE = (108, 0, 338, 230)
"""Left, top, right, bottom of what is shown of the photo, which is 512 pixels wide."""
SIDE = 420
COURSE = "photo@0, happy@1-1.6, surprised@2.4-3, sad:0.9@4-4.6, disgusted:0.8@5.6-6, angry@7-7.4, photo@8.4"
MAX_BYTES = 3_000_000


def main() -> None:
    """`pictures/astronaut.webp`: expressions that come and go, with head, eyes and blinks, for ever."""
    with Image.open(PHOTO) as photo:
        shown = np.asarray(photo.convert("RGB").crop(AROUND_THE_FACE).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    mimica.animate(shown, sequence=COURSE, alive=True, seed=4, loop=True, fps=15, size=SIDE).save(TARGET)
    size = TARGET.stat().st_size
    print(f"{TARGET.name}: {size / 1e6:.2f} MB")
    if size > MAX_BYTES:
        raise SystemExit(f"That is more than {MAX_BYTES / 1e6:g} MB: fewer frames, please.")


if __name__ == "__main__":
    main()
