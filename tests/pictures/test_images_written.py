"""Writing without leaving halves, and the tag on what is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_pictures import RAMP

from mimica.errors import ImageError, UserError
from mimica.files import atomic_path
from mimica.marks.xmp import SOURCE_TYPE
from mimica.pictures.images import read_comment, read_photo, write_image


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_the_tag_is_found_again(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, RAMP, comment="edited by Mimica <&> ü" if suffix != ".tif" else "edited by Mimica")
    assert read_comment(path) == ("edited by Mimica <&> ü" if suffix != ".tif" else "edited by Mimica")
    assert SOURCE_TYPE.encode() in path.read_bytes()
    assert read_photo(path).rgb.shape == RAMP.shape


def test_the_packet_is_what_other_readers_understand(tmp_path):
    ElementTree = pytest.importorskip("xml.etree.ElementTree")
    write_image(tmp_path / "a.webp", RAMP, comment="edited by Mimica")
    with Image.open(tmp_path / "a.webp") as image:
        root = ElementTree.fromstring(image.info["xmp"].decode())
    (source,) = root.iter("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert source.text == SOURCE_TYPE
    assert "edited by Mimica" in "".join(next(root.iter("{http://purl.org/dc/elements/1.1/}description")).itertext())


def test_no_tag_unless_asked_for(tmp_path):
    for name in ("a.jpg", "a.png", "a.webp", "a.tif", "a.bmp"):
        write_image(tmp_path / name, RAMP)
        assert read_comment(tmp_path / name) is None


def test_quality_is_used(tmp_path, astronaut):
    for suffix in (".jpg", ".webp"):
        write_image(tmp_path / f"high{suffix}", astronaut)
        write_image(tmp_path / f"low{suffix}", astronaut, quality=30)
        assert (tmp_path / f"low{suffix}").stat().st_size < 0.5 * (tmp_path / f"high{suffix}").stat().st_size


def test_unknown_suffix(tmp_path):
    for name in ("a.xyz", "a", "a.gif"):
        with pytest.raises(ImageError, match=r"must end in one of \.jpg, \.jpeg, .*\.png"):
            write_image(tmp_path / name, RAMP)
    assert not list(tmp_path.iterdir())


def test_a_picture_too_large_for_its_format(tmp_path):
    with pytest.raises(ImageError, match="choose another format"):
        write_image(tmp_path / "a.webp", np.zeros((1, 16384, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_the_old_file_stays_when_writing_fails(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_atomic_path_renames(tmp_path):
    with atomic_path(tmp_path / "a.txt") as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".txt" and temporary.name.startswith(".")
        temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_atomic_folder(tmp_path):
    (tmp_path / "frames").mkdir()
    with atomic_path(tmp_path / "frames", folder=True) as temporary:
        temporary.mkdir()
        (temporary / "1").touch()
    assert [path.name for path in (tmp_path / "frames").iterdir()] == ["1"]
    with pytest.raises(UserError, match="already has files"), atomic_path(tmp_path / "frames", folder=True):
        pass
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "other", folder=True) as temporary:
        temporary.mkdir()
        (temporary / "1").touch()
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_targets_that_cannot_be(tmp_path):
    with pytest.raises(UserError, match="no folder"), atomic_path(tmp_path / "none" / "a.png"):
        pass
    with pytest.raises(UserError, match="is a folder"), atomic_path(tmp_path):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file of that name"), atomic_path(tmp_path / "file", folder=True):
        pass
    with pytest.raises(UserError, match="too long"), atomic_path(tmp_path / ("a" * 300)) as temporary:
        temporary.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="may not be written"), atomic_path(tmp_path / "a.png"):
        pass


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EACCES, "may not be"), (errno.EROFS, "read-only")],
)
def test_a_disk_that_does_not_take_it(tmp_path, monkeypatch, number, words):
    def fail(self: Path, data: bytes) -> None:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(UserError, match=words):
        write_image(tmp_path / "a.png", RAMP)
    assert not list(tmp_path.iterdir())


def test_errors_about_other_files_are_not_claimed(tmp_path):
    with pytest.raises(PermissionError), atomic_path(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "no", "/another/file")
