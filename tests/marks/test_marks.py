"""Marks in every format: put in, found again after a copy, broken by a changed pixel; what others write; settings; keys."""

import os
import shutil
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from mimica.errors import MissingExtraError, UserError
from mimica.marks import c2pa as manifests
from mimica.marks.c2pa import Credentials, make_key, read_manifest, sign
from mimica.marks.marking import Marks, default_marks, mark_file, wanted_marks
from mimica.marks.settings import MarkSettings, read_settings
from mimica.marks.verify import verify
from mimica.marks.visible import labelled, labelled_alpha
from mimica.marks.xmp import SOURCE_TYPE, Said, packets_in, parse_packet, xmp_packet
from mimica.pictures.images import read_photo, write_image

COMMENT = "edited by Mimica 1.2.3"
PICTURES = ("a.jpg", "a.png", "a.webp", "a.tif")
VIDEOS = ("a.mp4", "a.webm", "a.gif", "a_moving.webp")
SIGNED = (*PICTURES, "a.mp4", "a.gif", "a_moving.webp")


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    pytest.importorskip("c2pa", reason="needs the extra c2pa")
    return make_key(tmp_path_factory.mktemp("keys"), "Ada Lovelace")


def picture(seed: int = 0) -> np.ndarray:
    """Smooth, so that lossy formats keep it well; uint8 (64, 96, 3)."""
    small = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8))
    return np.asarray(small.resize((96, 64), Image.Resampling.BICUBIC))


def written(path: Path, marks: Marks) -> Path:
    """A picture or three frames of a video by `path`'s name, with the marks."""
    if path.name in VIDEOS:
        with marks.video(path, 5, (96, 64)) as write:
            for seed in range(3):
                write(picture(seed))
    else:
        marks.save_image(path, picture())
    return path


@pytest.mark.parametrize("name", PICTURES + VIDEOS)
def test_our_mark_is_found_in_a_plain_copy(tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copyfile(written(tmp_path / name, Marks(COMMENT)), tmp_path / f"copy_of_{name}"))
    report = verify(copy)
    assert report.verdict == "ours"
    assert COMMENT in str(report)
    assert "edited with generative AI" in str(report), "IPTC's term goes into every format"
    assert verify(written(tmp_path / name, Marks())).verdict == "nothing"


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_file_says_who_and_from_what(tmp_path: Path, credentials: Credentials, name: str) -> None:
    photo = tmp_path / "photo.jpg"
    write_image(photo, picture())
    path = written(tmp_path / name, Marks(COMMENT, credentials=credentials, photo=photo))
    report = verify(Path(shutil.copyfile(path, tmp_path / f"copy_of_{name}")))
    assert report.verdict == "ours"
    first = report.statements[0]
    assert first.place == "c2pa" and "Ada Lovelace" in first.sentence and "'photo.jpg'" in first.sentence
    assert "edited with generative AI" in first.sentence
    assert any(COMMENT in one.sentence for one in report.statements[1:]), "the manifest comes after the other marks"
    assert not list(tmp_path.glob(".mimica*"))


def altered(path: Path) -> None:
    """Another pixel, in a file that can still be opened."""
    data = bytearray(path.read_bytes())
    if path.suffix == ".png":
        start = data.index(b"IDAT")
        length = struct.unpack(">I", data[start - 4 : start])[0]
        rows = bytearray(zlib.decompress(bytes(data[start + 4 : start + 4 + length])))
        rows[-1] ^= 0x40
        body = b"IDAT" + zlib.compress(bytes(rows))
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        data[start - 4 : start + 8 + length] = chunk
    else:
        data[_place(data, path.suffix)] ^= 0x15
    path.write_bytes(data)


def _place(data: bytearray, suffix: str) -> int:
    """A byte of the pixels: of the coded stream, or of GIF's palette."""
    if suffix == ".jpg":
        return len(data) - 40
    before = {".webp": (b"VP8 ", 200), ".mp4": (b"mdat", 800), ".gif": (b"GIF8", 13 + 3 * 20 + 1), ".tif": (b"II*", 200)}[suffix]
    return data.index(before[0]) + before[1]


@pytest.mark.parametrize("name", SIGNED)
def test_a_changed_pixel_breaks_the_signature(tmp_path: Path, credentials: Credentials, name: str) -> None:
    path = written(tmp_path / name, Marks(COMMENT, credentials=credentials))
    assert verify(path).verdict == "ours"
    altered(path)
    report = verify(path)
    assert report.verdict == "broken" and "does not fit the file" in str(report)


def test_pixels_really_change_in_that_test(tmp_path: Path, credentials: Credentials) -> None:
    for name in ("a.jpg", "a.png", "a.webp", "a.gif"):
        path = written(tmp_path / name, Marks(COMMENT, credentials=credentials))
        before = read_photo(path).rgb
        altered(path)
        assert not np.array_equal(read_photo(path).rgb, before)


def test_a_photos_own_manifest_is_kept_as_the_parent(tmp_path: Path, credentials: Credentials) -> None:
    photo = written(tmp_path / "a.jpg", Marks(None, credentials=credentials))
    edited = written(tmp_path / "edited.png", Marks(COMMENT, credentials=credentials, photo=photo))
    manifest = read_manifest(edited, "image/png")
    assert manifest is not None and manifest.count == 2 and manifest.parents == ("a.jpg",) and not manifest.problems
    assert "1 earlier manifest in it" in str(verify(edited))


def test_no_picture_of_the_photo_travels_in_the_manifest(tmp_path: Path, credentials: Credentials) -> None:
    photo = tmp_path / "photo.jpg"
    write_image(photo, np.random.default_rng(0).integers(0, 256, (800, 800, 3), np.uint8))
    path = written(tmp_path / "a.png", Marks(COMMENT, credentials=credentials, photo=photo))
    plain = written(tmp_path / "b.png", Marks(COMMENT))
    assert path.stat().st_size < plain.stat().st_size + 12_000


def test_finished_files_are_signed_by_copying(tmp_path: Path, credentials: Credentials) -> None:
    source = written(tmp_path / "a.mp4", Marks(COMMENT))
    before = source.read_bytes()
    mark_file(source, tmp_path / "signed.mp4", credentials)
    assert source.read_bytes() == before and "made from 'a.mp4'" in str(verify(tmp_path / "signed.mp4"))
    with pytest.raises(UserError, match="suffix"):
        mark_file(source, tmp_path / "signed.jpg", credentials)


def test_frames_in_a_folder_are_signed_each(tmp_path: Path, credentials: Credentials) -> None:
    with Marks(COMMENT, credentials=credentials).video(tmp_path / "frames", 5, (96, 64)) as write:
        write(picture())
        write(picture(1))
    frames = sorted((tmp_path / "frames").iterdir())
    assert [frame.name for frame in frames] == ["frame_00001.png", "frame_00002.png"]
    assert all(verify(frame).statements[0].place == "c2pa" for frame in frames)


def test_nothing_is_left_where_signing_fails(tmp_path: Path, credentials: Credentials) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no key")
    with pytest.raises(UserError, match="no private key"):
        written(tmp_path / "a.jpg", Marks(COMMENT, credentials=Credentials(wrong, credentials.chain)))
    with pytest.raises(UserError, match=r"chain.*cannot be read"):
        sign(written(tmp_path / "b.jpg", Marks()), Credentials(credentials.key, tmp_path / "none.pem"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.jpg", "wrong.pem"]


def test_what_cannot_carry_a_manifest_says_so(tmp_path: Path, credentials: Credentials) -> None:
    marks = Marks(COMMENT, credentials=credentials)
    assert "a.webm" in marks.shortcomings(tmp_path / "a.webm")[0] and not marks.shortcomings(tmp_path / "a.mp4")
    assert verify(written(tmp_path / "a.webm", marks)).verdict == "ours"


def test_keys_are_private_and_never_overwritten(tmp_path: Path, credentials: Credentials) -> None:
    assert credentials.key.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    with pytest.raises(UserError, match="already"):
        make_key(credentials.key.parent, "somebody else")


@pytest.mark.parametrize("kind", ["P-384", "RSA", "Ed25519"])
def test_keys_of_other_kinds_are_taken(tmp_path: Path, credentials: Credentials, kind: str) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    made = {
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "RSA": lambda: rsa.generate_private_key(65537, 2048),
        "Ed25519": ed25519.Ed25519PrivateKey.generate,
    }[kind]()
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    expected = {"P-384": b"es384", "RSA": b"ps256", "Ed25519": b"ed25519"}
    assert manifests._algorithm(made.private_bytes(*pem), tmp_path) == expected[kind]


# --- what others write ----------------------------------------------------------------------------------------------


def test_marks_of_others(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    term = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    said = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description Iptc4xmpExt:DigitalSourceType="{term}"/></x:xmpmeta>'
    Image.fromarray(picture()).save(
        path, extra=b"\xff\xe1" + struct.pack(">H", len(said) + 31) + b"http://ns.adobe.com/xap/1.0/\0" + said.encode()
    )
    report = verify(path)
    assert report.verdict == "others" and "made by generative AI" in str(report)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("parameters", "a cat, Steps: 20")
    Image.fromarray(picture()).save(tmp_path / "a.png", pnginfo=notes)
    assert verify(tmp_path / "a.png").verdict == "others"


def test_a_comment_of_anybody_is_no_mark(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.jpg", comment=b"holiday")
    report = verify(tmp_path / "a.jpg")
    assert report.verdict == "nothing" and "genuine" in str(report)


def test_without_the_library_a_manifest_is_noticed_and_not_judged(
    tmp_path: Path, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.jpg", Marks(None, credentials=credentials))
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert "mimica[c2pa]" in str(verify(path)) and verify(path).verdict == "others"
    with pytest.raises(MissingExtraError, match=r"mimica\[c2pa\]"):
        wanted_marks(COMMENT, key=credentials.key, chain=credentials.chain)


def test_verify_refuses_what_it_cannot_ask(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    for name in ("a.txt", "none.jpg"):
        with pytest.raises(UserError, match=name):
            verify(tmp_path / name)


def test_a_damaged_file_is_no_reason_to_fail(tmp_path: Path, credentials: Credentials) -> None:
    for name in SIGNED:
        path = written(tmp_path / name, Marks(COMMENT, credentials=credentials))
        whole = path.read_bytes()
        for share in (0.3, 0.7, 0.95):
            path.write_bytes(whole[: int(share * len(whole))])
            assert verify(path).verdict in ("broken", "ours", "others", "nothing")


def test_packets_escape_and_return_what_was_said(tmp_path: Path) -> None:
    assert parse_packet(xmp_packet('a < b & "c"')) == Said('a < b & "c"', SOURCE_TYPE.rsplit("/", 1)[-1])
    (tmp_path / "two").write_bytes(b"junk" + xmp_packet("one") + b"\0" * 99 + xmp_packet("two") + b"<x:xmpmeta unfinished")
    assert [said.description for said in packets_in(tmp_path / "two")] == ["one", "two"]


# --- the visible mark -----------------------------------------------------------------------------------------------


def test_the_words_are_in_the_corner_and_nowhere_else() -> None:
    rgb = np.full((400, 600, 3), 120, np.uint8)
    changed = np.argwhere((labelled(rgb) != rgb).any(axis=2))
    assert changed.min(axis=0)[0] > 360 and changed.min(axis=0)[1] > 380 and tuple(changed.max(axis=0)) == (399, 599)
    assert labelled(rgb)[370:].max() > 230 and (rgb == 120).all()
    assert labelled_alpha(np.zeros((400, 600), np.uint8))[-1, -1] == 255


@pytest.mark.parametrize("shape", [(16, 16), (9, 300), (300, 12), (1, 1)])
def test_small_pictures_take_what_fits(shape: tuple[int, int]) -> None:
    assert labelled(np.zeros((*shape, 3), np.uint8)).shape == (*shape, 3)


def test_videos_and_transparent_pictures_show_the_words(tmp_path: Path) -> None:
    marks = Marks(None, visible=True)
    marks.save_image(tmp_path / "a.png", picture(), np.zeros((64, 96), np.uint8))
    photo = read_photo(tmp_path / "a.png")
    assert photo.alpha is not None and photo.alpha[-1, -1] == 255 and np.array_equal(photo.rgb[-8:], labelled(picture())[-8:])
    written(tmp_path / "a.gif", marks)
    assert np.abs(read_photo(tmp_path / "a.gif").rgb[-6:].astype(int) - labelled(picture())[-6:]).mean() < 15


# --- what the user said ---------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIMICA_CONFIG", str(tmp_path))
    return tmp_path / "marks.ini"


def test_no_tag_needs_a_word_and_says_why(settings: Path) -> None:
    with pytest.raises(UserError, match=r"--yes-it-is-labelled-elsewhere.*labelled_elsewhere = yes.*Article 50"):
        wanted_marks(COMMENT, tag=False)
    assert wanted_marks(COMMENT, tag=False, labelled_elsewhere=True) == Marks(None)
    settings.write_text("[marks]\nlabelled_elsewhere = yes ; by contract\n")
    assert wanted_marks(COMMENT, tag=False) == Marks(None)


def test_settings_are_read_and_mistakes_named(settings: Path, credentials: Credentials) -> None:
    assert read_settings() == MarkSettings()
    settings.write_text(f"[marks]\nkey={credentials.key}\nchain={credentials.chain}\nvisible=yes\n")
    assert default_marks(COMMENT) == Marks(COMMENT, True, credentials)
    for text, word in (("visble=yes", "visible"), ("visible=perhaps", "yes or no"), ("key=a.pem", "go together")):
        settings.write_text(f"[marks]\n{text}\n")
        with pytest.raises(UserError, match=word):
            read_settings()
    settings.write_text("no section")
    with pytest.raises(UserError, match="cannot be read"):
        read_settings()


def test_a_key_in_the_settings_folder_signs_by_default(settings: Path, credentials: Credentials) -> None:
    shutil.copy(credentials.key, settings.with_name("key.pem"))
    shutil.copy(credentials.chain, settings.with_name("chain.pem"))
    made = default_marks(COMMENT).credentials
    assert made == Credentials(settings.with_name("key.pem"), settings.with_name("chain.pem"))
    with pytest.raises(UserError, match="go together"):
        wanted_marks(COMMENT, key=credentials.key)
    with pytest.raises(UserError, match="exclude each other"):
        wanted_marks(COMMENT, tag=False, labelled_elsewhere=True, key=credentials.key, chain=credentials.chain)


def test_a_generated_face_has_another_term_than_an_edited_one(tmp_path: Path, credentials: Credentials) -> None:
    path = written(tmp_path / "a.png", Marks("generated by Mimica", credentials=credentials))
    assert [said.source_type for said in packets_in(path)] == ["trainedAlgorithmicMedia"]
    manifest = read_manifest(path, "image/png")
    assert manifest is not None and manifest.source_types == ("trainedAlgorithmicMedia",)


def test_what_a_file_says_is_told_in_one_line_of_plain_characters(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", picture(), comment=f"edited by Mimica\x1b[31m\nbad {'x' * 5000}")
    (report,) = [verify(tmp_path / "a.jpg")]
    assert report.verdict == "ours"
    for one in report.statements:
        assert one.sentence.isprintable() and "x" * 81 not in one.sentence and len(one.sentence) < 720


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Unix")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(UserError, match="no regular file"):
        verify(tmp_path / "a.jpg")


def test_a_picture_of_endless_size_still_says_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    Image.fromarray(picture()).save(path, comment=b"edited by Mimica")
    path.write_bytes(path.read_bytes().replace(struct.pack("<HH", 96, 64), b"\xff\xff\xff\xff"))
    assert verify(path).verdict == "ours"
