"""Colour profiles, and the formats that people have."""

from __future__ import annotations

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms
from small_pictures import saved

from mimica.errors import ImageError
from mimica.pictures.images import list_images, read_photo, write_image

# --- colour profiles ------------------------------------------------------------------------------------------------


def matrix_profile(description: str, gamma: float, columns: dict[bytes, tuple[float, float, float]] | None = None) -> bytes:
    """A display profile of a pure power, sRGB's primaries unless told otherwise; it may call itself what it likes."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    primaries = columns or {
        b"rXYZ": (0.4361, 0.2225, 0.0139),
        b"gXYZ": (0.3851, 0.7169, 0.0971),
        b"bXYZ": (0.1431, 0.0606, 0.7141),
    }
    name = description.encode() + b"\0"
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + b"\0" * 78, b"wtpt": b"XYZ \0\0\0\0"}
    tags[b"wtpt"] += b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    tags |= {key: b"XYZ \0\0\0\0" + b"".join(map(fixed, xyz)) for key, xyz in primaries.items()}
    tags |= {key: b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0" for key in (b"rTRC", b"gTRC", b"bTRC")}
    table, body, place = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for key, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table, body = table + key + struct.pack(">II", place + len(body), len(data)), body + data
    head = struct.pack(">I4sI4s4s4s", place + len(body), b"\0" * 4, 0x02100000, b"mntr", b"RGB ", b"XYZ ") + b"\0" * 12 + b"acsp"
    head += b"\0" * 28 + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + table + body


@pytest.mark.parametrize("description", ["sRGB linear", "sRGB IEC61966-2.1", "linear"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_profiles_count_by_what_they_mean(tmp_path, description, suffix):
    """Linear light of 0.2140 is sRGB's 127.5, whatever the profile calls itself."""
    options = {"icc_profile": matrix_profile(description, 1.0)} | ({"quality": 100} if suffix == ".jpg" else {})
    options |= {"lossless": True} if suffix == ".webp" else {}
    path = saved(tmp_path / f"a{suffix}", Image.new("RGB", (16, 16), (55, 55, 55)), **options)
    assert abs(read_photo(path).rgb.astype(int) - 128).max() <= 2


def test_a_profile_that_is_srgb_changes_nothing(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    for profile in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),):
        path = saved(tmp_path / "a.png", Image.fromarray(rgb), icc_profile=profile)
        assert np.array_equal(read_photo(path).rgb, rgb)


def test_gray_with_a_profile(tmp_path):
    space = matrix_profile("gray", 1.0)
    gray = space.replace(b"RGB XYZ ", b"GRAYXYZ ", 1).replace(b"rTRC", b"kTRC", 1)
    path = saved(tmp_path / "a.png", Image.new("L", (16, 16), 55), icc_profile=gray)
    shown = read_photo(path).rgb
    assert abs(shown.astype(int) - 128).max() <= 2 and np.ptp(shown, axis=2).max() == 0


def test_png_that_says_its_gamma(tmp_path):
    saved(tmp_path / "a.png", Image.new("RGB", (16, 16), (55, 55, 55)))
    data = (tmp_path / "a.png").read_bytes()
    chunk = b"gAMA" + struct.pack(">I", 100_000)
    (tmp_path / "a.png").write_bytes(data[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:])
    assert abs(read_photo(tmp_path / "a.png").rgb.astype(int) - 128).max() <= 2


def test_adobe_rgb_without_a_profile(tmp_path):
    """Cameras: EXIF says uncalibrated and R03. Adobe RGB's (0, 255, 0) lies outside sRGB; (100, 200, 100) is more vivid there."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 65535
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    image = Image.new("RGB", (16, 16), (100, 200, 100))
    plain = read_photo(saved(tmp_path / "b.jpg", image, quality=100)).rgb[0, 0].astype(int)
    path = saved(tmp_path / "a.jpg", image, quality=100, exif=exif)
    with Image.open(path) as back:
        if back.getexif().get_ifd(0xA005).get(1) is None:
            pytest.skip("this Pillow does not write the interoperability tags")
    assert read_photo(path).rgb[0, 0, 0] < plain[0] - 15


# --- formats --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jfif", "JPEG"), ("a.jpe", "JPEG"), ("a.avif", "AVIF"), ("a.jp2", "JPEG2000"), ("a.ppm", "PPM")]
)
def test_formats_that_people_have(tmp_path, name, kind):
    rgb = np.full((24, 32, 3), (200, 120, 60), np.uint8)
    Image.fromarray(rgb).save(tmp_path / name, kind)
    photo = read_photo(tmp_path / name)
    assert photo.format == kind and abs(photo.rgb.astype(int) - rgb).max() <= 6
    assert list_images(tmp_path) == [tmp_path / name]


def test_heic_by_its_package(tmp_path, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra heic")
    rgb = np.full((64, 64, 3), (200, 120, 60), np.uint8)
    pillow_heif.from_pillow(Image.fromarray(rgb)).save(tmp_path / "a.heic")
    assert abs(read_photo(tmp_path / "a.heic").rgb.astype(int) - rgb).max() <= 8
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"pip install 'mimica\[heic\]'"):
        read_photo(tmp_path / "a.heic")


def test_strips_are_the_whole(tmp_path, monkeypatch):
    from mimica.pictures import decode

    rgba = np.random.default_rng(0).integers(0, 256, (37, 23, 4), np.uint8)
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        path = saved(tmp_path / "a.png", Image.fromarray(rgba), exif=exif)
        whole = read_photo(path)
        monkeypatch.setattr(decode, "_STRIP", 60)
        strips = read_photo(path)
        monkeypatch.undo()
        assert np.array_equal(whole.rgb, strips.rgb) and np.array_equal(whole.alpha, strips.alpha)


def test_buffering_decoders_have_their_own_limit(tmp_path, monkeypatch):
    from mimica.pictures import images

    monkeypatch.setattr(images, "MAX_BUFFERED_PIXELS", 100)
    path = saved(tmp_path / "a.jp2", Image.new("RGB", (16, 16)))
    with pytest.raises(ImageError, match=r"0\.0001 million are allowed"):
        read_photo(path)


def test_a_patch_lies_over_what_is_written(tmp_path):
    rgb = np.full((20, 30, 3), 100, np.uint8)
    write_image(tmp_path / "a.png", rgb, over=(5, 10, np.full((4, 6, 3), 200, np.uint8)))
    back = read_photo(tmp_path / "a.png").rgb
    assert (back[10:14, 5:11] == 200).all() and back.sum() == rgb.sum() + 4 * 6 * 3 * 100 and (rgb == 100).all()
