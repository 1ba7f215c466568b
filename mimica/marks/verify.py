"""What a file says of itself, in words: C2PA manifests, XMP with IPTC's terms, comments, the notes of other programs.

A mark proves nothing by its absence: whoever copies a picture through a platform that strips metadata has a file that says
nothing.
"""

from __future__ import annotations

import mmap
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mimica.errors import ImageError, MissingExtraError, UserError, VideoError, sentence, shown
from mimica.marks.c2pa import Manifest, read_manifest
from mimica.marks.xmp import TERMS, Said, packets_in
from mimica.pictures.decode import DAMAGED
from mimica.pictures.images import opened_picture

Origin = Literal["ours", "others"]
Verdict = Literal["ours", "others", "nothing", "broken"]
OURS = re.compile(r"\b(edited|generated|driven|made) by Mimica\b")
"""How the comments begin that Mimica writes."""
_WORDS: dict[Verdict, str] = {
    "ours": "Marked by Mimica",
    "others": "Marked, but not by Mimica",
    "nothing": "Says nothing of itself",
    "broken": "Broken: the signature does not belong to what is in the file",
}
_NOTES = {"parameters": "Stable Diffusion's", "prompt": "ComfyUI's", "workflow": "ComfyUI's"}
"""PNG texts in which other programs note how they made a picture."""


@dataclass(frozen=True)
class Statement:
    """One thing that a file says: where (`c2pa`, `xmp`, `comment`, `note`), whose mark it is, whether it is intact, in words: one
    line of printable characters, whatever the file has."""

    place: str
    origin: Origin
    intact: bool
    sentence: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "sentence", sentence(self.sentence))


@dataclass(frozen=True)
class Report:
    """verdict     broken if any statement is; else ours, others or nothing
    statements  in the order of their strength"""

    path: Path
    statements: tuple[Statement, ...]

    @property
    def verdict(self) -> Verdict:
        if any(not one.intact for one in self.statements):
            return "broken"
        if any(one.origin == "ours" for one in self.statements):
            return "ours"
        return "others" if self.statements else "nothing"

    def __str__(self) -> str:
        lines = [f"{shown(self.path, 1000)}: {_WORDS[self.verdict]}.", *(f"  {one.sentence}" for one in self.statements)]
        if self.verdict == "nothing":
            lines.append("  That does not make it genuine: marks are lost where files are converted or uploaded.")
        return "\n".join(lines)

    def as_object(self) -> dict[str, Any]:
        """In JSON's types."""
        return {"file": str(self.path), "verdict": self.verdict, "statements": [vars(one) for one in self.statements]}


def verify(path: str | Path) -> Report:
    """Reads all marks of a JPEG, PNG, WebP, GIF, TIFF, BMP, mp4, mov, webm or mkv, told by its first bytes. Raises `UserError`
    for a file that is not there or is none of these."""
    path = Path(path)
    if os.path.exists(path) and not path.is_file():
        raise UserError(f"'{path}' is no regular file: name a picture or a video.")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise UserError(f"The file '{path}' cannot be read ({error.strerror}): check the path.") from error
    kind = _kind(head)
    if kind is None:
        raise UserError(f"'{path}' is of no kind that can be asked: give a JPEG, PNG, WebP, GIF, TIFF, BMP, mp4 or webm file.")
    statements = _manifest_statements(path, kind)
    statements += [_xmp_statement(said) for said in packets_in(path)]
    statements += _notes(path, kind)
    return Report(path, tuple(dict.fromkeys(statements)))


def _kind(head: bytes) -> str | None:
    """The media type by the file's signature."""
    starts = {
        b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif", b"II*\0": "image/tiff",
        b"MM\0*": "image/tiff", b"BM": "image/bmp", b"\x1aE\xdf\xa3": "video/webm",
    }  # fmt: skip
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    return next((kind for start, kind in starts.items() if head.startswith(start)), None)


# --- C2PA -----------------------------------------------------------------------------------------------------------


def _manifest_statements(path: Path, kind: str) -> list[Statement]:
    if kind in ("image/bmp", "video/webm"):
        return []
    try:
        manifest = read_manifest(path, kind)
    except MissingExtraError:
        return [_unread()] if _has_manifest(path) else []
    return [] if manifest is None else [_manifest_statement(manifest)]


def _manifest_statement(manifest: Manifest) -> Statement:
    origin: Origin = "ours" if manifest.ours else "others"
    if manifest.problems:
        codes = ", ".join(manifest.problems)
        return Statement("c2pa", origin, False, f"Its C2PA manifest, by {manifest.generator}, does not fit the file ({codes}).")
    known = "a known signer" if manifest.trusted else "unknown to the authorities' lists"
    parts = [f"A C2PA manifest by {manifest.generator}, intact, signed by '{manifest.signer}' ({known})"]
    parts += [f"says: {_term(name)}" for name in manifest.source_types]
    parts += [f"made from '{title}'" for title in manifest.parents]
    if manifest.count > 1:
        parts.append(f"with {manifest.count - 1} earlier {'manifest' if manifest.count == 2 else 'manifests'} in it")
    return Statement("c2pa", origin, True, "; ".join(parts) + ".")


def _has_manifest(path: Path) -> bool:
    """Whether a JUMBF box of C2PA's lies somewhere in the file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"jumb") >= 0 and data.find(b"c2pa") >= 0


def _unread() -> Statement:
    return Statement("c2pa", "others", True, "A C2PA manifest that was not read: that needs pip install 'mimica[c2pa]'.")


# --- what is not signed ---------------------------------------------------------------------------------------------


def _xmp_statement(said: Said) -> Statement:
    ours = bool(OURS.search(said.description or ""))
    parts = [f"'{said.description}'"] if said.description else []
    parts += [f"IPTC's term '{said.source_type}', {_term(said.source_type)}"] if said.source_type else []
    return Statement("xmp", "ours" if ours else "others", True, f"XMP, which is not signed, says: {'; '.join(parts)}.")


def _term(name: str) -> str:
    return TERMS.get(name, f"'{name}'")


def _notes(path: Path, kind: str) -> list[Statement]:
    """Comments by Mimica, and what is known of other programs; other comments say nothing about how a picture came to be."""
    texts = _video_texts(path) if kind.startswith("video/") else _image_texts(path)
    found = []
    for name, text in texts.items():
        if OURS.search(text):
            found.append(Statement("comment", "ours", True, f"Its comment, which is not signed, says: '{text.strip()}'."))
        elif name.lower() == "digital_source_type":
            found.append(_xmp_statement(Said(None, text.rsplit("/", 1)[-1])))
        elif name in _NOTES and kind == "image/png":
            found.append(Statement("note", "others", True, f"It carries {_NOTES[name]} notes on how it was generated."))
    return found


def _image_texts(path: Path) -> dict[str, str]:
    """The comment of each format (JPEG, GIF, PNG; TIFF's description) and PNG's texts, by name."""
    try:
        with opened_picture(path) as image:
            comment = image.info.get("comment", b"")
            texts = {"comment": comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)}
            if image.format == "TIFF":
                texts["comment"] = str(image.getexif().get(270, ""))
            if image.format == "PNG":
                texts |= {str(name): text for name, text in image.info.items() if isinstance(text, str)}
            return {name: text for name, text in texts.items() if not name.startswith("XML:")}
    except (ImageError, *DAMAGED):  # what is damaged still may carry marks that were found otherwise
        return {}


def _video_texts(path: Path) -> dict[str, str]:
    from mimica.video.reader import opened_container

    try:
        with opened_container(path) as container:
            return {str(name): str(text) for name, text in container.metadata.items()}
    except VideoError:
        return {}
