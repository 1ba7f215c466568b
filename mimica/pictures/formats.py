"""What kind of picture a file is, by its first bytes, or that it is a film."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from mimica.errors import ImageError

READABLE = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000", "PPM")
_SIGNATURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG"}
"""Of formats that Pillow knows at once: to look for others, it loads all of its plug-ins, which takes 40 ms."""
_FILMS = {
    b"\x1aE\xdf\xa3": ".webm", b"OggS": ".ogv", b"FLV": ".flv", b"\x00\x00\x01\xba": ".mpg", b"\x00\x00\x01\xb3": ".mpg",
    b"\x30\x26\xb2\x75": ".wmv",
}  # fmt: skip
"""Films by their first bytes -> a suffix that says so."""


def film_suffix(file: BinaryIO) -> str:
    """The suffix of the film that a file is by its first bytes; empty for what is none. Pictures in MP4's boxes (AVIF, HEIC) are
    to be told before."""
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if head[4:8] in (b"ftyp", b"moov", b"mdat"):
        return ".mov" if head[8:10] == b"qt" else ".mp4"
    if head.startswith(b"RIFF"):
        return ".avi" if head[8:11] == b"AVI" else ""
    return next((suffix for signature, suffix in _FILMS.items() if head.startswith(signature)), "")


def formats_of(path: Path, file: Any) -> tuple[str, ...]:
    """What Pillow may take the file for. Raises `ImageError` for formats whose decoder is not installed."""
    head = file.read(32)
    file.seek(0)
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return (name,)
    if head[4:8] != b"ftyp" or head[8:12] == b"jp2 ":
        return tuple(name for name in READABLE if name in _known_to_pillow())
    brands = {head[place : place + 4] for place in (8, *range(16, 32, 4))}
    if brands & {b"avif", b"avis"}:
        if "AVIF" in _known_to_pillow():
            return ("AVIF",)
        raise ImageError(f"'{path}' is an AVIF picture, which needs Pillow 11.3 or newer: pip install --upgrade pillow.")
    if brands & {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}:
        try:
            import pillow_heif
        except ImportError as error:
            raise ImageError(f"'{path}' is a HEIC picture, which needs a package: pip install 'mimica[heic]'.") from error
        pillow_heif.register_heif_opener()
        return ("HEIF",)
    return ()


def _known_to_pillow() -> dict[str, Any]:
    Image.init()
    return Image.OPEN
