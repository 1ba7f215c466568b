"""Pictures that come and go as bytes: camera frames by a narrow reader of their own, photos as `mimica.edit` takes them."""

from __future__ import annotations

import secrets
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from mimica.errors import ImageError
from mimica.marks.marking import Marks
from mimica.pictures.images import Photo, encode_image, on_white

CAMERA_PIXELS = 1920 * 1080
_CAMERA_FORMATS = ("JPEG", "WEBP")


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
    return rgb if alpha is None else on_white(rgb, alpha)


def as_jpeg(rgb: np.ndarray, quality: int = 85) -> bytes:
    """For a screen."""
    return bytes(encode_image(Path("shown.jpg"), rgb, quality=quality))


def as_file(folder: Path, suffix: str, rgb: np.ndarray, alpha: np.ndarray | None, marks: Marks) -> bytes:
    """For somebody to keep, in the format of the suffix, with its marks; written to the `folder` and deleted there at once.
    Raises `ImageError`."""
    file = folder / f"edited-{secrets.token_hex(8)}{suffix}"
    try:
        marks.save_image(file, rgb, alpha)
        return file.read_bytes()
    finally:
        file.unlink(missing_ok=True)
