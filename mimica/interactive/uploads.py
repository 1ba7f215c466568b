"""Pictures that arrive as bytes: photos by the one safe reader, camera frames by a narrower one that never touches a disk."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from mimica.errors import ImageError
from mimica.images import Photo, read_photo

NAME = "the photo"
CAMERA_PIXELS = 1920 * 1080
_CAMERA_FORMATS = ("JPEG", "WEBP")


def photo_of(data: bytes, scratch: Path, max_pixels: int) -> Photo:
    """The picture in `data`, by way of a file in the folder `scratch` that is gone when this returns. Raises `ImageError`."""
    import secrets

    file = scratch / f"upload-{secrets.token_hex(8)}"
    try:
        file.write_bytes(data)
        return replace(read_photo(file, max_pixels), path=Path(NAME))
    except ImageError as error:
        raise ImageError(_about_what_was_sent(str(error), file)) from error
    finally:
        file.unlink(missing_ok=True)


def _about_what_was_sent(sentence: str, file: Path) -> str:
    """The sentence without the name of a file that the sender does not know."""
    name = f"'{file}'"
    return sentence.replace(name, "What you sent" if sentence.startswith(name) else "you sent")


def as_array(photo: Photo) -> np.ndarray:
    """uint8 (H, W, 3), or (H, W, 4) where the photo is transparent: what `mimica.edit` takes."""
    return photo.rgb if photo.alpha is None else np.dstack([photo.rgb, photo.alpha])


def camera_frame(data: bytes) -> np.ndarray:
    """A camera's frame, JPEG or WebP -> uint8 (H, W, 3). Raises `ImageError`."""
    try:
        with Image.open(BytesIO(data), formats=_CAMERA_FORMATS) as image:
            if image.width * image.height > CAMERA_PIXELS:
                raise ImageError(f"The camera's frame has {image.width} x {image.height} pixels; at most 1920 x 1080 are taken.")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError("The camera's frame is no JPEG or WebP picture, or damaged.") from error


def on_paper(rgb: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """The picture as seen on white paper: previews have no transparency."""
    if alpha is None:
        return rgb
    weight = alpha[:, :, None] / np.float32(255.0)
    return np.asarray(np.rint(255.0 + weight * (rgb - np.float32(255.0))).astype(np.uint8))
