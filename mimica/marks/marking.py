"""How results are marked: the one place that knows all the marks, and writes pictures and videos with those that are wanted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimica.errors import UserError
from mimica.files import atomic_path
from mimica.marks.c2pa import Credentials, can_carry, sign, signer_of
from mimica.marks.settings import FILE, read_settings, settings_folder
from mimica.marks.visible import labelled, labelled_alpha
from mimica.marks.xmp import source_type_of
from mimica.pictures.images import write_image

WriteFrame = Callable[..., None]
"""`mimica.video.writer.VideoWriter.write`: a frame, uint8 (H, W, 3), and perhaps its time."""
Over = tuple[int, int, np.ndarray]
WHY_MARKED = (
    "whoever publishes an edited face in the European Union must say that it is one (Regulation 2024/1689, Article 50), and "
    "whoever finds the file later can only tell by its mark"
)
ELSEWHERE = "--yes-it-is-labelled-elsewhere"


@dataclass(frozen=True)
class Marks:
    """What a result says about itself.

    comment      for XMP with IPTC's term, and for the comment field of the format; None leaves both out
    visible      the words "AI MODIFIED" in the picture
    credentials  for a C2PA manifest; None leaves it out
    photo        the file that was edited, named in the manifest
    """

    comment: str | None = None
    visible: bool = False
    credentials: Credentials | None = None
    photo: Path | None = None

    def save_image(self, path: str | Path, rgb: np.ndarray, alpha: np.ndarray | None = None, *, over: Over | None = None) -> None:
        """Writes uint8 (H, W, 3), with `alpha` uint8 (H, W) where there is one, `over` as `write_image` has it, and the marks;
        nothing is at `path` before all are in. Raises `ImageError`, `UserError`."""
        path = Path(path)
        if self.visible:
            rgb, over = labelled(_composed(rgb, over)), None
            alpha = None if alpha is None else labelled_alpha(alpha)
        if self.credentials is None or not can_carry(path):
            write_image(path, rgb, alpha, comment=self.comment, over=over)
            return
        with atomic_path(path) as temporary:
            write_image(temporary, rgb, alpha, comment=self.comment, over=over)
            sign(temporary, self.credentials, self.photo, path.name, source_type_of(self.comment or ""))

    @contextmanager
    def video(self, path: str | Path, fps: float, size: tuple[int, int], **options: Any) -> Iterator[WriteFrame]:
        """Gives what writes a frame; the file is at `path` when the block ends well, with its marks. `options` are those of
        `mimica.video.writer.VideoWriter`. Raises `VideoError`, `UserError`."""
        from mimica.video.writer import VideoWriter

        path = Path(path)
        if self.visible and options.get("alpha") is not None:
            options["alpha"] = labelled_alpha(options["alpha"])
        VideoWriter(path, fps, size, **options)  # what it refuses, it refuses by the name that the user knows
        if self.credentials is None or (path.suffix and not can_carry(path)):
            with VideoWriter(path, fps, size, comment=self.comment, **options) as writer:
                yield self._labelling(writer.write)
            return
        with atomic_path(path, folder=not path.suffix) as temporary:
            with VideoWriter(temporary, fps, size, comment=self.comment, **options) as writer:
                yield self._labelling(writer.write)
            for file in [temporary] if path.suffix else sorted(temporary.glob("*.png")):
                title = path.name if path.suffix else file.name
                sign(file, self.credentials, self.photo, title, source_type_of(self.comment or ""))

    def _labelling(self, write: WriteFrame) -> WriteFrame:
        return (lambda frame, *time: write(labelled(frame), *time)) if self.visible else write

    def shortcomings(self, path: Path) -> list[str]:
        """Sentences about marks that a file of this name cannot carry."""
        if self.credentials is not None and path.suffix and not can_carry(path):
            return [f"'{path}' is of a kind that C2PA manifests cannot go into; it has only the simpler marks."]
        return []


def _composed(rgb: np.ndarray, over: Over | None) -> np.ndarray:
    """The picture with the patch on it; a new array where there is one."""
    if over is None:
        return rgb
    x, y, patch = over
    whole = rgb.copy()
    whole[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    return whole


def file_of(photo: object) -> Path | None:
    """The photo's file, if it came as one."""
    return Path(photo) if isinstance(photo, str | Path) else None


def default_marks(comment: str, photo: Path | None = None, tag: bool = True) -> Marks:
    """The comment, and what the settings say; none without `tag`. Raises `UserError` for settings with mistakes in them, or a key
    of no use."""
    if not tag:
        return Marks()
    settings = read_settings()
    return Marks(comment, settings.visible, _credentials(settings.key, settings.chain), photo)


def wanted_marks(
    comment: str,
    photo: Path | None = None,
    *,
    tag: bool = True,
    labelled_elsewhere: bool = False,
    visible: bool = False,
    key: Path | None = None,
    chain: Path | None = None,
) -> Marks:
    """The marks by options and, where those say nothing, by the settings. Without `tag` there are none but the visible one, and
    only if the result is labelled elsewhere by word of the user. Raises `UserError`."""
    if (key is None) != (chain is None):
        raise UserError("--sign-key and --sign-chain go together: the private key, and the certificates that belong to it.")
    settings = read_settings()
    visible = visible or settings.visible
    if not tag:
        if key is not None:
            raise UserError("--no-tag and --sign-key exclude each other; leave one out.")
        if not (labelled_elsewhere or settings.labelled_elsewhere):
            entry = f"'labelled_elsewhere = yes' in {settings_folder() / FILE}"
            raise UserError(f"--no-tag needs {ELSEWHERE} beside it, or {entry}: {WHY_MARKED}.")
        return Marks(None, visible)
    if key is None or chain is None:
        key, chain = settings.key, settings.chain
    return Marks(comment, visible, _credentials(key, chain), photo)


def _credentials(key: Path | None, chain: Path | None) -> Credentials | None:
    """Key and chain, tried out before any work."""
    if key is None or chain is None:
        return None
    credentials = Credentials(key, chain)
    signer_of(credentials)
    return credentials


def mark_file(source: Path, target: Path, credentials: Credentials) -> None:
    """A copy of a finished file with a manifest in it; what the file says of itself already is kept, an earlier manifest as the
    parent. Raises `UserError`."""
    if not can_carry(source) or source.suffix.lower() != target.suffix.lower():
        raise UserError(f"'{target}' cannot be signed: it needs the suffix of '{source}', of a kind that C2PA knows.")
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
        sign(temporary, credentials, source, target.name)
