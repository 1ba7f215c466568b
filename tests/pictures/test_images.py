"""Reading whatever people bring, writing without leaving halves, and the range conversions."""

from __future__ import annotations

import errno
import os
import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from mimica.errors import ImageError, UserError
from mimica.files import atomic_path
from mimica.marks.xmp import SOURCE_TYPE
from mimica.pictures.images import list_images, read_comment, read_photo, write_image

RAMP = np.dstack([*np.meshgrid(np.arange(0, 240, 6), np.arange(0, 240, 8)), np.full((30, 40), 77)]).astype(np.uint8)
"""uint8 (30, 40, 3): every corner has its own colour."""


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


# --- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".TIFF"])
def test_what_is_written_is_read(tmp_path, suffix):
    write_image(tmp_path / f"a{suffix}", RAMP)
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.alpha is None and photo.path == tmp_path / f"a{suffix}"
    assert photo.rgb.dtype == np.uint8 and photo.rgb.flags.writeable
    lossy = suffix in (".jpg", ".jpeg", ".webp")
    assert np.abs(photo.rgb.astype(int) - RAMP).mean() <= (2 if lossy else 0)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparency_comes_back(tmp_path, suffix):
    alpha = np.tile(np.arange(0, 240, 6, dtype=np.uint8) + 5, (30, 1))
    write_image(tmp_path / f"a{suffix}", RAMP, alpha)
    assert np.array_equal(read_photo(tmp_path / f"a{suffix}").alpha, alpha)


def test_jpeg_and_bmp_drop_transparency(tmp_path):
    for name in ("a.jpg", "a.bmp"):
        write_image(tmp_path / name, RAMP, np.zeros((30, 40), np.uint8))
        assert read_photo(tmp_path / name).alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_exif_orientation(tmp_path, orientation, suffix):
    """Pictures that say they are turned are stored as the inverse turn of RAMP, so that all read as RAMP."""
    inverse = {2: (0,), 3: (3,), 4: (1,), 5: (5,), 6: (2,), 7: (6,), 8: (4,)}  # numbers of PIL.Image.Transpose
    stored = Image.fromarray(RAMP)
    for method in inverse.get(orientation, ()):
        stored = stored.transpose(Image.Transpose(method))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / f"a{suffix}", stored, exif=exif.tobytes(), quality=95)
    rgb = read_photo(path).rgb
    assert rgb.shape == RAMP.shape and np.abs(rgb.astype(int) - RAMP).mean() < 4


def test_transparency_turns_with_the_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    alpha = np.zeros((30, 40), np.uint8)
    alpha[0, 0] = 255
    path = saved(tmp_path / "a.png", Image.fromarray(np.dstack([RAMP, alpha])), exif=exif.tobytes())
    turned = read_photo(path).alpha
    assert turned is not None and turned.shape == (40, 30) and turned[0, 29] == 255


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "YCbCr", "LAB"])
def test_modes(tmp_path, mode):
    """A flat gray of 200 or so (white for 1 bit) in every mode is that gray."""
    value = {"1": 255, "P": 204}.get(mode, 200)  # the web palette has 204
    if mode in ("I;16", "I"):
        dtype = np.uint16 if mode == "I;16" else np.int32
        image = Image.fromarray(np.full((8, 9), 200 * 257, dtype))
    elif mode == "LAB":
        lab = ImageCms.profileToProfile(
            Image.new("RGB", (9, 8), (200,) * 3), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        assert lab is not None
        image = lab
    else:
        image = Image.new("RGB", (9, 8), (value,) * 3).convert(mode)
    suffix = ".tif" if mode in ("CMYK", "LAB", "YCbCr", "I;16", "I") else ".png"
    photo = read_photo(saved(tmp_path / f"a{suffix}", image))
    assert photo.rgb.shape == (8, 9, 3) and np.abs(photo.rgb.astype(int) - value).max() <= 1
    assert (photo.alpha is not None) == (mode in ("LA", "RGBA"))


def png_of_16_bits(pixels: np.ndarray, colour_type: int) -> bytes:
    """A PNG by hand, (H, W, C) uint16: Pillow writes none with colours."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_png_of_16_bits_is_scaled(tmp_path, colour_type, channels):
    levels = np.array([0, 128, 200, 255])
    pixels = np.tile((levels * 257).astype(np.uint16)[None, :, None], (3, 1, channels))
    (tmp_path / "a.png").write_bytes(png_of_16_bits(pixels, colour_type))
    photo = read_photo(tmp_path / "a.png")
    assert np.abs(photo.rgb[0, :, 0].astype(int) - levels).max() <= 1
    assert (photo.alpha is not None) == (channels in (2, 4))
    if photo.alpha is not None:
        assert np.abs(photo.alpha[0].astype(int) - levels).max() <= 1


def test_palette_with_a_transparent_colour(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((2, 1), 0)
    photo = read_photo(saved(tmp_path / "a.gif", image, transparency=0))
    assert photo.alpha is not None and photo.alpha[1, 2] == 0 and photo.alpha[0, 0] == 255
    assert photo.rgb[0, 0].tolist() == [0, 0, 255]


def test_the_first_frame_of_many(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("a.gif", "a.webp", "a.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert read_photo(tmp_path / name).rgb[4, 4, 0] > 250


def test_another_colour_space_becomes_srgb(tmp_path):
    """XYZ's own profile, read as RGB, would keep 200; through the profile gray of another white and gamma moves."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = saved(tmp_path / "same.png", Image.fromarray(RAMP), icc_profile=profile)
    assert np.array_equal(read_photo(same).rgb, RAMP)
    broken = saved(tmp_path / "broken.png", Image.fromarray(RAMP), icc_profile=b"nonsense")
    assert np.array_equal(read_photo(broken).rgb, RAMP)
    # "sRGB" with red and blue primaries swapped: red reads as blue
    renamed = profile.replace(b"sRGB", b"xRGB").replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be"))
    swapped = renamed.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"????", b"bXYZ", 1)
    red = saved(tmp_path / "swapped.png", Image.new("RGB", (4, 4), (255, 0, 0)), icc_profile=swapped)
    assert np.abs(read_photo(red).rgb.astype(int) - (0, 0, 255)).max() <= 3


def test_a_wrong_suffix_does_not_matter(tmp_path):
    saved(tmp_path / "a.png", Image.fromarray(RAMP)).rename(tmp_path / "a.jpg")
    assert np.array_equal(read_photo(tmp_path / "a.jpg").rgb, RAMP)


# --- what cannot be read --------------------------------------------------------------------------------------------


def test_the_limit_on_pixels(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(RAMP))
    assert read_photo(path, max_pixels=1200).rgb.shape == (30, 40, 3)
    with pytest.raises(ImageError, match=r"40 x 30 pixels.*make it smaller"):
        read_photo(path, max_pixels=1199)


def test_the_limit_is_checked_before_decoding(tmp_path):
    header = png_of_16_bits(np.zeros((1, 1, 3), np.uint16), 2)
    huge = header[:16] + struct.pack(">II", 60000, 60000) + header[24:29]
    (tmp_path / "bomb.png").write_bytes(huge + struct.pack(">I", zlib.crc32(huge[12:29])) + header[33:])
    with pytest.raises(ImageError, match=r"3600\.0 million, and at most 300 million"):
        read_photo(tmp_path / "bomb.png")


def test_our_limit_rules_over_pillows(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(RAMP))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_photo(path).rgb.shape == (30, 40, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_no_such_file(tmp_path):
    with pytest.raises(ImageError, match=r"There is no file '.*none\.jpg'"):
        read_photo(tmp_path / "none.jpg")


def test_a_folder(tmp_path):
    with pytest.raises(ImageError, match="is a folder"):
        read_photo(tmp_path)


def test_a_device():
    with pytest.raises(ImageError, match="no regular file"):
        read_photo("/dev/zero")


def test_empty_and_no_picture(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match="is empty"):
        read_photo(tmp_path / "a.jpg")
    for content in (b"x", b"hello, not a picture" * 100, b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a"):
        (tmp_path / "a.jpg").write_bytes(content)
        with pytest.raises(ImageError, match="no picture that Mimica can read"):
            read_photo(tmp_path / "a.jpg")


def test_not_allowed(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(RAMP))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageError, match="may not be read"):
        read_photo(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".tif", ".bmp"])
def test_cut_short(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = saved(tmp_path / f"a{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match=r"damaged or cut short|no picture"):
        read_photo(path)


def test_floating_point_pixels(tmp_path):
    with pytest.raises(ImageError, match="floating-point"):
        read_photo(saved(tmp_path / "a.tif", Image.new("F", (4, 4), 0.5)))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"]),
    where=st.lists(st.integers(0, 10_000), max_size=4),
    value=st.integers(0, 255),
    keep=st.floats(0.3, 1),
)
def test_damage_is_an_image_error_or_a_picture(tmp_path, kind, where, value, keep):
    buffer = BytesIO()
    Image.fromarray(RAMP).save(buffer, kind)
    data = bytearray(buffer.getvalue())
    for position in where:
        data[position % len(data)] = value
    (tmp_path / "a").write_bytes(data[: int(len(data) * keep)])
    try:
        assert read_photo(tmp_path / "a", max_pixels=1_000_000).rgb.shape[2] == 3
    except ImageError as error:
        assert str(tmp_path) in str(error)


def test_list_images(tmp_path):
    for name in ("a10.png", "a2.JPG", "b.txt", ".hidden.png", "sub/c.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == ["a2.JPG", "a10.png"]
    assert [path.name for path in list_images(tmp_path, recursive=True)] == ["a2.JPG", "a10.png", "c.webp"]
    with pytest.raises(ImageError, match="no folder"):
        list_images(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no pictures"):
        list_images(tmp_path / "empty")


# --- writing --------------------------------------------------------------------------------------------------------


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
