"""Tars and what is in them, whole, cut, linked and swollen."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mimica.errors import DataError, ImageError
from mimica.foreign import archives
from mimica.foreign.archives import members
from mimica.pictures.images import picture_in


def tar_of(path: Path, **contents: bytes) -> bytes:
    with tarfile.open(path, "w") as tar:
        for name, content in contents.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path.read_bytes()


def test_members_are_read_in_order(tmp_path: Path) -> None:
    content = tar_of(tmp_path / "a.tar", b=b"1", a=b"22" * 5000)
    assert list(members(tmp_path / "a.tar")) == [("b", b"1"), ("a", b"22" * 5000)]
    (tmp_path / "a.tgz").write_bytes(gzip.compress(content))
    assert [name for name, _ in members(tmp_path / "a.tgz")] == ["b", "a"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        about = tarfile.TarInfo("link")
        about.type, about.linkname = kind, "/etc/passwd"
        tar.addfile(about)
    with pytest.raises(DataError, match="'link', which is a link or no plain file"):
        list(members(tmp_path / "a.tar"))


def test_cut_swollen_and_foreign_archives_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tar"
    content = tar_of(path, a=b"x" * 3000, b=b"y" * 3000)
    for damaged in (content[:1500], content[:4000], b"", b"no tar at all", os.urandom(3000), gzip.compress(content)[:60]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.tar"):
            list(members(path))
    monkeypatch.setattr(archives, "MAX_EXPANDED", 1_000_000)
    path.write_bytes(gzip.compress(bytes(2_000_000)))
    with pytest.raises(DataError, match="expands to more than"):
        list(members(path))
    about = tarfile.TarInfo("huge")
    about.size = 1 << 40
    path.write_bytes(about.tobuf() + bytes(2048))
    with pytest.raises(DataError, match="cut short"):
        list(members(path))


def test_pictures_are_of_the_known_formats_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostScript would start a foreign program."""
    started = tmp_path / "started"
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {started}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    eps = io.BytesIO()
    Image.new("RGB", (8, 8)).save(eps, "EPS")
    with pytest.raises(ImageError, match=r"face\.png.* is no picture that Mimica can read"):
        picture_in(eps.getvalue(), "face.png")
    assert not started.exists()
    png = io.BytesIO()
    Image.new("L", (8, 6), 7).save(png, "PNG")
    assert np.array_equal(picture_in(png.getvalue(), "x"), np.full((6, 8, 3), 7))
    with pytest.raises(ImageError, match="damaged or cut short"):
        picture_in(png.getvalue()[:50], "x")
