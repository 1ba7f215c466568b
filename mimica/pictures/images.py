"""Pictures in and out: the only place, with `mimica.pictures.decode`, where bit depths and channel orders change.

Inside Mimica a picture is uint8 (H, W, 3) RGB, sRGB, upright; networks get float32 (1, 3, H, W) in [-1, 1]. Formats are
Pillow's (`mimica.pictures.formats`; of moving ones the first frame), and HEIC where the package pillow-heif is installed. The tag
that says "edited" travels as XMP (ISO 16684-1: dc:description, and IPTC's DigitalSourceType,
https://cv.iptc.org/newscodes/digitalsourcetype/), and besides in the comment field that each format has of its own.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from mimica.errors import ImageError
from mimica.files import atomic_path, natural_key
from mimica.marks.xmp import parse_packet, xmp_packet
from mimica.pictures.decode import DAMAGED, pixels_of
from mimica.pictures.formats import film_suffix, formats_of

FORMAT_BY_SUFFIX = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP",
    ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip
"""What `write_image` can write."""
SUFFIXES = frozenset(FORMAT_BY_SUFFIX) | frozenset(
    (".gif", ".jif", ".dib", ".apng", ".avif", ".avifs", ".heic", ".heif", ".hif", ".jp2", ".j2k", ".jpx", ".jpf", ".j2c",
     ".ppm", ".pgm", ".pbm", ".pnm")
)  # fmt: skip
"""What `list_images` takes for a picture."""
MAX_PIXELS = 300_000_000
MAX_BUFFERED_PIXELS = 100_000_000
"""Of AVIF, HEIC and JPEG 2000, whose decoders hold a picture several times."""
_BUFFERED = ("AVIF", "HEIF", "JPEG2000")
PhotoSource = str | os.PathLike | bytes | bytearray | memoryview | BinaryIO | Image.Image | np.ndarray
"""What `read_photo` takes for a photo."""
_open_lock = threading.Lock()


@dataclass(frozen=True)
class Photo:
    """A picture as it should be seen (EXIF orientation applied).

    rgb     uint8 (H, W, 3), sRGB
    alpha   uint8 (H, W), 255 opaque; None where the file has no transparency
    path    where it came from, for sentences
    format  Pillow's name of the format; empty where there is none
    frames  how many pictures the file holds; this is the first
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    path: Path
    format: str = ""
    frames: int = 1

    @property
    def on_white(self) -> np.ndarray:
        """The picture as seen on white paper, uint8 (H, W, 3)."""
        return self.rgb if self.alpha is None else on_white(self.rgb, self.alpha)


def on_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) as seen on white paper through `alpha`, uint8 (H, W)."""
    result, rows = np.empty_like(rgb), max(1, 4_000_000 // rgb.shape[1])
    for top in range(0, len(rgb), rows):  # in strips: the photo may be large
        part = np.s_[top : top + rows]
        weight = alpha[part][:, :, None] / np.float32(255.0)
        result[part] = np.rint(255.0 + weight * (rgb[part] - np.float32(255.0)))
    return result


def read_photo(source: PhotoSource, max_pixels: int = MAX_PIXELS) -> Photo:
    """The picture in a file, whatever its suffix says, in bytes or an open file, Pillow's own, or pixels, uint8 (H, W, 3) RGB or
    (H, W, 4) RGBA. The size is checked before anything is decoded. Raises `ImageError`."""
    if isinstance(source, np.ndarray):
        return _of_pixels(source)
    path, given = _named(source)
    with opened_picture(given) as image:
        width, height = image.size
        if not width or not height:
            raise ImageError(f"The picture '{path}' has no pixels: give another.")
        most = min(max_pixels, MAX_BUFFERED_PIXELS) if image.format in _BUFFERED else max_pixels
        if width * height > most:
            raise ImageError(
                f"The picture '{path}' has {width} x {height} pixels, {width * height / 1e6:.1f} million, and at most "
                f"{most / 1e6:g} million are allowed: make it smaller."
            )
        try:
            frames = getattr(image, "n_frames", 1)
            image.load()
            rgb, alpha = pixels_of(image)
        except DAMAGED as error:
            raise ImageError(f"The picture '{path}' is damaged or cut short ({error}): get another copy of it.") from error
        except MemoryError as error:
            raise ImageError(f"The picture '{path}' does not fit into memory: make it smaller.") from error
        return Photo(rgb, alpha, path, image.format or "", frames)


def _of_pixels(pixels: np.ndarray) -> Photo:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
        raise ImageError(
            f"A photo as an array must be uint8 (H, W, 3) RGB or (H, W, 4) RGBA; this is {pixels.dtype} {pixels.shape}."
        )
    alpha = np.ascontiguousarray(pixels[:, :, 3]) if pixels.shape[2] == 4 else None
    return Photo(np.ascontiguousarray(pixels[:, :, :3]), alpha, Path("the photo"))


def _named(source: PhotoSource) -> tuple[Path, Path | BinaryIO | Image.Image]:
    """A name for sentences, and the source as a path, an open file or a picture. Raises `ImageError` for anything else."""
    if isinstance(source, str | os.PathLike):
        path = Path(os.fsdecode(source))
        return path, path
    if isinstance(source, bytes | bytearray | memoryview):
        return Path("the photo"), BytesIO(source)
    if isinstance(source, Image.Image):
        return Path(getattr(source, "filename", "") or "the photo"), source
    if hasattr(source, "read"):
        try:
            data = source.read()
        except (OSError, ValueError) as error:
            raise ImageError(f"The open file given as a photo cannot be read ({error}): open it again, 'rb'.") from error
        if isinstance(data, bytes):
            name = getattr(source, "name", "")
            return Path(name if isinstance(name, str) and name else "the photo"), BytesIO(data)
        raise ImageError("The open file given as a photo gives text: open it as 'rb'.")
    raise ImageError(
        f"A photo must be a file's name, bytes, an open file, a picture of Pillow's or a uint8 array; this is {_kind(source)}."
    )


def _kind(thing: object) -> str:
    return "None" if thing is None else f"of type '{type(thing).__name__}'"


def picture_in(content: bytes, name: str) -> np.ndarray:
    """uint8 (H, W, 3) of a picture that lies in memory, out of an archive say; `name` is what sentences call it. Raises
    `ImageError`."""
    try:
        return read_photo(content).rgb
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error


@contextmanager
def opened_picture(source: Path | BinaryIO | Image.Image) -> Iterator[Image.Image]:
    """The picture with only its header read. Raises `ImageError`."""
    if isinstance(source, Image.Image):
        yield source
        return
    if not isinstance(source, Path):
        if not source.seek(0, os.SEEK_END):
            raise ImageError("The photo given is empty, 0 bytes: get another copy of it.")
        source.seek(0)
        with _identify(Path("the photo"), source) as image:
            yield image
        return
    path = source
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
    formats = formats_of(path, file)
    with _open_lock:  # Pillow's own limit on pixels would come before ours, and is a global of its module
        pillow_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=formats)
        except PermissionError:
            raise
        except DAMAGED as error:
            film = "" if formats in (("AVIF",), ("HEIF",)) else film_suffix(file)
            if film and not path.suffix:
                raise ImageError("The photo given is a film, not a picture.") from error
            if film:
                said = f"'{path}' is a film, not a picture, whatever its name says"
                raise ImageError(f"{said}: rename it to '{path.stem}{film}'.") from error
            raise ImageError(
                f"'{path}' is no picture that Mimica can read: give a JPEG, PNG, WebP, BMP, TIFF or GIF file."
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = pillow_limit


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
    path: str | Path,
    rgb: np.ndarray,
    alpha: np.ndarray | None = None,
    *,
    quality: int = 95,
    comment: str | None = None,
    over: tuple[int, int, np.ndarray] | None = None,
) -> None:
    """Write uint8 (H, W, 3), with `alpha` uint8 (H, W) where the format has it (not JPEG, not BMP), in the format of the suffix.
    `quality` is that of JPEG and WebP; `comment` is written where `read_comment` finds it (BMP has no place); `over` are column,
    row and pixels of a patch that lies over `rgb` (a large picture is thus not copied once more). Raises `ImageError`, or
    `UserError` for a folder or disk that does not take the file."""
    path = Path(path)
    data = encode_image(path, rgb, alpha, quality=quality, comment=comment, over=over)
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def encode_image(
    path: Path,
    rgb: np.ndarray,
    alpha: np.ndarray | None = None,
    *,
    quality: int = 95,
    comment: str | None = None,
    over: tuple[int, int, np.ndarray] | None = None,
) -> memoryview:
    """What `write_image` would put into the file `path`; nothing is written."""
    kind = FORMAT_BY_SUFFIX.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(FORMAT_BY_SUFFIX)
        raise ImageError(f"'{path}' cannot be written as a picture: the file name must end in one of {known}.")
    file = BytesIO()
    try:
        image = Image.fromarray(rgb)
        if over is not None and over[2].size:
            image.paste(Image.fromarray(over[2]), over[:2])
        if alpha is not None and kind in ("PNG", "WEBP", "TIFF"):
            image.putalpha(Image.fromarray(alpha))
        image.save(file, kind, **_encoding(kind, quality), **(_tagging(kind, comment) if comment else {}))
    except (ValueError, OSError, struct.error) as error:
        raise ImageError(f"'{path}' cannot be written as {kind} ({error}): choose another format.") from error
    return file.getbuffer()


def _encoding(kind: str, quality: int) -> dict[str, Any]:
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": 0},
        "PNG": {"compress_level": 3},
        "WEBP": {"quality": quality},
        "TIFF": {"compression": "tiff_deflate"},
    }
    return options.get(kind, {})


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
    with opened_picture(Path(path)) as image:
        comment = image.info.get("comment") or image.info.get("Comment")
        if comment is None:
            comment = parse_packet(image.info.get("xmp", b"")).description
        return comment.decode("utf-8", "replace") if isinstance(comment, bytes) else comment
