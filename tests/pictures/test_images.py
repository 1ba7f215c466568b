"""Reading whatever people bring."""

from __future__ import annotations

import errno
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from small_pictures import RAMP, saved

from mimica.errors import ImageError
from mimica.pictures.images import list_images, read_photo, write_image

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


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".mkv", ".mpg", ".flv"])
def test_a_film_by_another_name_is_told(tmp_path, suffix):
    import av

    path = tmp_path / f"film{suffix}"
    with av.open(str(path), "w") as film:
        stream = film.add_stream({".mpg": "mpeg1video", ".flv": "flv"}.get(suffix, "mpeg4"), rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        film.mux(stream.encode())
    named = path.rename(tmp_path / "face.jpg")
    expected = {".mkv": ".webm"}.get(suffix, suffix)
    with pytest.raises(ImageError, match=rf"is a film, not a picture.*rename it to 'face\{expected}'"):
        read_photo(named)
    with pytest.raises(ImageError, match=r"^The photo given is a film, not a picture\.$"):
        read_photo(named.read_bytes())


def test_a_torn_avif_is_no_film(tmp_path):
    path = tmp_path / "face.avif"
    path.write_bytes(b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1" + bytes(8))
    with pytest.raises(ImageError) as caught:
        read_photo(path)
    assert "is a film" not in str(caught.value)


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
