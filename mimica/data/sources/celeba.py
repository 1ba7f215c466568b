"""CelebA (Z. Liu et al. 2015): img_celeba/ or img_align_celeba/, identity_CelebA.txt for the people."""

from __future__ import annotations

from pathlib import Path

from mimica.data.sources.base import Found, RawFace, pictures_of
from mimica.foreign.tables import read_text


def celeba_source(folder: Path) -> Found:
    """CelebA; Z. Liu et al. 2015."""
    table = next(iter(sorted(folder.rglob("identity_CelebA.txt"))), None)
    lines = read_text(table).splitlines() if table else []
    people = {Path(line.split()[0]).stem: line.split()[1] for line in lines if len(line.split()) == 2}
    for path in pictures_of(folder):
        subject = f"celeba-{people[path.stem]}" if path.stem in people else path.stem
        yield RawFace(path.stem, subject, path)
