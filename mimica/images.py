"""Pictures in and out: the only place where bit depths and channel orders change.

Inside Mimica a picture is uint8 (H, W, 3) RGB, sRGB, upright; networks get float32 (1, 3, H, W) in [-1, 1]. Formats are
Pillow's (JPEG, PNG, WebP, BMP, TIFF, GIF's first frame). The tag that says "edited" travels as XMP (ISO 16684-1:
dc:description, and IPTC's DigitalSourceType, https://cv.iptc.org/newscodes/digitalsourcetype/), and besides in the comment
field that each format has of its own.
"""

from __future__ import annotations

import html
import os
import re
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

from mimica.errors import ImageError
from mimica.files import atomic_path, natural_key

READABLE = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
FORMAT_BY_SUFFIX = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip
"""What `write_image` can write."""
SUFFIXES = frozenset(FORMAT_BY_SUFFIX) | {".gif"}
"""What `list_images` takes for a picture."""
MAX_PIXELS = 100_000_000
_DAMAGED = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged data, each its own."""
_open_lock = threading.Lock()


@dataclass(frozen=True)
class Photo:
    """A picture as it should be seen (EXIF orientation applied).

    rgb    uint8 (H, W, 3), sRGB
    alpha  uint8 (H, W), 255 opaque; None where the file has no transparency
    path   where it came from
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    path: Path


def read_photo(path: str | Path, max_pixels: int = MAX_PIXELS) -> Photo:
    """The picture in the file `path`, whatever its suffix says. The size is checked before anything is decoded.
    Raises `ImageError`."""
    path = Path(path)
    with _open(path) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageError(
                f"The picture '{path}' has {width} x {height} pixels, {width * height / 1e6:.1f} million, and at most "
                f"{max_pixels / 1e6:g} million are allowed: make it smaller."
            )
        try:
            image.load()
            rgb, alpha = _pixels(image)
            turn = _orientation(image)
        except _DAMAGED as error:
            raise ImageError(f"The picture '{path}' is damaged or cut short ({error}): get another copy of it.") from error
        except MemoryError as error:
            raise ImageError(f"The picture '{path}' does not fit into memory: make it smaller.") from error
    return Photo(_turned(rgb, turn), None if alpha is None else _turned(alpha, turn), path)


def picture_in(content: bytes, name: str) -> np.ndarray:
    """uint8 (H, W, 3) of a picture that lies in memory, out of an archive say; `name` is what sentences call it. Raises
    `ImageError`."""
    path = Path(name)
    with _identify(path, BytesIO(content)) as image:
        if image.size[0] * image.size[1] > MAX_PIXELS:
            raise ImageError(f"The picture '{path}' has more than {MAX_PIXELS / 1e6:g} million pixels: make it smaller.")
        try:
            image.load()
            return _turned(_pixels(image)[0], _orientation(image))
        except (*_DAMAGED, MemoryError) as error:
            raise ImageError(f"The picture '{path}' is damaged or cut short ({error}): get another copy of it.") from error


@contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """The picture with only its header read."""
    if not os.path.exists(path):  # unlike Path.exists, it also answers for impossible names
        raise ImageError(f"There is no file '{path}': check the path.")
    if not path.is_file():
        raise ImageError(f"'{path}' is {'a folder' if path.is_dir() else 'no regular file'}: name a picture.")
    try:
        if path.stat().st_size == 0:
            raise ImageError(f"The file '{path}' is empty: get another copy of the picture.")
        with path.open("rb") as file, _identify(path, file) as image:
            yield image
    except PermissionError as error:
        raise ImageError(f"The file '{path}' may not be read: change its permissions.") from error


def _identify(path: Path, file: Any) -> Image.Image:
    with _open_lock:  # Pillow's own limit on pixels would come before ours, and is a global of its module
        pillow_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=READABLE)
        except PermissionError:
            raise
        except _DAMAGED as error:
            raise ImageError(
                f"'{path}' is no picture that Mimica can read: give a JPEG, PNG, WebP, BMP, TIFF or GIF file."
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = pillow_limit


def _pixels(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Any of Pillow's modes -> uint8 (H, W, 3) and, where there is transparency, uint8 (H, W)."""
    if image.mode == "F":
        raise ValueError("floating-point pixels are not supported, save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        gray = np.asarray(image).astype(np.float32)  # 16 bits; Pillow's own conversion would clip at 255
        gray8 = np.clip(np.rint(gray / 257.0), 0, 255).astype(np.uint8)
        return np.repeat(gray8[:, :, None], 3, axis=2), None
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        rgb = _to_srgb(rgba.convert("RGB"), profile)
        return np.array(rgb), np.array(rgba.getchannel("A"))
    if image.mode == "LAB":
        return np.array(ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), _SRGB, outputMode="RGB")), None
    return np.array(_to_srgb(image if image.mode in ("RGB", "CMYK") else image.convert("RGB"), profile)), None


_SRGB = ImageCms.createProfile("sRGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB or CMYK -> sRGB by the file's colour profile; as viewers do, an unusable or unfitting profile is not counted."""
    if profile:
        try:
            source = ImageCms.getOpenProfile(BytesIO(profile))
            fits = source.profile.xcolor_space.strip() == image.mode
            if fits and "srgb" not in ImageCms.getProfileDescription(source).lower():
                converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
                return converted if converted is not None else image
        except (ImageCms.PyCMSError, OSError):
            pass
    return image if image.mode == "RGB" else image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 (upright) where there is none or where EXIF makes no sense."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except _DAMAGED:
        return 1


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The stored picture made upright: EXIF 2.32, tag 274."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def list_images(folder: str | Path, recursive: bool = False) -> list[Path]:
    """The pictures in `folder` by their suffixes, in natural order (`2.jpg` before `10.jpg`), hidden files left out.
    Raises `ImageError` if there are none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageError(f"There is no folder '{folder}': check the path.")
    found = [
        path
        for path in (folder.rglob("*") if recursive else folder.iterdir())
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        raise ImageError(f"The folder '{folder}' has no pictures in it ({', '.join(sorted(SUFFIXES))}).")
    return sorted(found, key=lambda path: natural_key(str(path.relative_to(folder))))


def list_photos(sources: Iterable[Path], limit: int = 0) -> list[Path]:
    """The pictures named, and those in the folders named, as `list_images` has them; the first `limit`, or all if it is 0."""
    paths = [path for one in sources for path in (list_images(one) if one.is_dir() else [one])]
    return paths[:limit] if limit else paths


def write_image(
    path: str | Path, rgb: np.ndarray, alpha: np.ndarray | None = None, *, quality: int = 95, comment: str | None = None
) -> None:
    """Write uint8 (H, W, 3), with `alpha` uint8 (H, W) where the format has it (not JPEG, not BMP), in the format of the
    suffix. `quality` is that of JPEG and WebP; `comment` is written where `read_comment` finds it (BMP has no place).
    Raises `ImageError`, or `UserError` for a folder or disk that does not take the file."""
    path = Path(path)
    data = encode_image(path, rgb, alpha, quality=quality, comment=comment)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def encode_image(
    path: Path, rgb: np.ndarray, alpha: np.ndarray | None = None, *, quality: int = 95, comment: str | None = None
) -> bytes:
    """What `write_image` would put into the file `path`; nothing is written."""
    kind = FORMAT_BY_SUFFIX.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(FORMAT_BY_SUFFIX)
        raise ImageError(f"'{path}' cannot be written as a picture: the file name must end in one of {known}.")
    if alpha is not None and kind in ("PNG", "WEBP", "TIFF"):
        rgb = np.dstack([rgb, alpha])
    file = BytesIO()
    try:
        Image.fromarray(rgb).save(file, kind, **_encoding(kind, quality), **(_tagging(kind, comment) if comment else {}))
    except (ValueError, OSError, struct.error) as error:
        raise ImageError(f"'{path}' cannot be written as {kind} ({error}): choose another format.") from error
    return file.getvalue()


def _encoding(kind: str, quality: int) -> dict[str, Any]:
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": 0},
        "PNG": {"compress_level": 3},
        "WEBP": {"quality": quality},
        "TIFF": {"compression": "tiff_deflate"},
    }
    return options.get(kind, {})


SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's term for a photo edited by a trained network: "edited using generative AI"."""
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{comment}</rdf:li></rdf:Alt></dc:description>
<Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def xmp_packet(comment: str) -> bytes:
    """The comment and `SOURCE_TYPE` as XMP."""
    return _XMP.format(comment=html.escape(comment), source_type=SOURCE_TYPE).encode()


def _tagging(kind: str, comment: str) -> dict[str, Any]:
    """The arguments of Pillow's `save` that put the comment into a file of this `kind`."""
    xmp = xmp_packet(comment)
    if kind == "JPEG":
        body = b"http://ns.adobe.com/xap/1.0/\0" + xmp
        return {"comment": comment.encode(), "extra": b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", comment)
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
        return {"pnginfo": text}
    if kind == "TIFF":
        return {"tiffinfo": {270: comment, 700: xmp}}
    return {"xmp": xmp} if kind == "WEBP" else {}


def read_comment(path: str | Path) -> str | None:
    """The comment that `write_image` or `VideoWriter` put into a picture, or None."""
    with _open(Path(path)) as image:
        comment = image.info.get("comment") or image.info.get("Comment")
        if comment is None:
            xmp = image.info.get("xmp", b"")
            match = re.search(rb"<dc:description>.*?<rdf:li[^>]*>(.*?)</rdf:li>", xmp, re.DOTALL)
            comment = match and html.unescape(match[1].decode("utf-8", "replace"))
        return comment.decode("utf-8", "replace") if isinstance(comment, bytes) else comment
