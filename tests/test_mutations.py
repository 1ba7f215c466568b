"""200 photos, 100 films and 500 tables, each spoiled in a way that its number decides: results, or one sentence."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mimica.data.sources.registry import SOURCES
from mimica.errors import UserError
from mimica.facs import AU_NAMES
from mimica.motion.openface import read_table
from mimica.motion.script.subtitles import read_subtitles
from mimica.pictures.images import read_photo
from mimica.video.reader import open_video
from mimica.video.writer import VideoWriter

PICTURES, FILMS, TABLES = 200, 100, 500
MOST = 4_000_000
"""Pixels: a spoiled header may ask for more than a test should decode."""


def spoiled(data: bytes, seed: int) -> bytes:
    """Bits turned, bytes set, pieces cut out, doubled, filled with 0, swapped, or the end lost."""
    rng, changed = np.random.default_rng(seed), bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(0, max(1, len(changed))))
        end = min(len(changed), place + int(rng.integers(1, 1 + max(1, len(changed) // 4))))
        kind = int(rng.integers(0, 7))
        if kind == 0:
            for at in rng.integers(0, max(1, len(changed)), 8):
                changed[at : at + 1] = bytes([changed[at] ^ (1 << int(rng.integers(0, 8)))]) if changed else b""
        elif kind == 1:
            changed[place:end] = rng.integers(0, 256, end - place, np.uint8).tobytes()
        elif kind == 2:
            del changed[place:end]
        elif kind == 3:
            changed[place:place] = changed[place:end]
        elif kind == 4:
            changed[place:end] = bytes(end - place)
        elif kind == 5:
            changed[place:end] = b"\xff" * (end - place)
        else:
            del changed[place:]
    return bytes(changed)


def ends_well(work: Callable[[], object], what: str) -> bool:
    """True for a result, False for one sentence; anything else fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            work()
        except UserError as error:
            assert str(error) and "\n" not in str(error).strip(), (what, str(error))
            return False
    return True


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 56, 3), np.uint8)


def pictures() -> list[bytes]:
    files = []
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = (("JPEG", {"exif": exif}), ("PNG", {}), ("WEBP", {}), ("BMP", {}), ("TIFF", {"compression": "tiff_lzw"}), ("GIF", {}))
    for kind, options in (*kinds, ("AVIF", {}), ("JPEG2000", {}), ("PPM", {})):
        file = io.BytesIO()
        Image.fromarray(noise()).save(file, kind, **options)
        files.append(file.getvalue())
    return files


def test_photos() -> None:
    files = pictures()
    good = sum(
        ends_well(lambda data=spoiled(files[i % len(files)], i): read_photo(data, max_pixels=MOST), f"photo {i}")
        for i in range(PICTURES)
    )
    assert 10 < good < PICTURES - 10, "some still open, some do not"


def films(folder: Path) -> list[tuple[str, bytes]]:
    made = []
    for name in ("a.mp4", "a.webm", "a.gif", "a.webp"):
        with VideoWriter(folder / name, 25, (56, 40)) as video:
            for index in range(8):
                video.write(noise(index))
        made.append((name, (folder / name).read_bytes()))
    for name in ("a.png", "a.avif"):
        first, *rest = (Image.fromarray(noise(index)) for index in range(4))
        first.save(folder / name, save_all=True, append_images=rest, duration=40)
        made.append((name, (folder / name).read_bytes()))
    return made


def seen(path: Path) -> None:
    times = [time for _, time, _ in open_video(path)]
    assert all(before < after for before, after in pairwise(times))


def test_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mimica.video import reader

    made = films(tmp_path)
    monkeypatch.setattr(reader, "MAX_FRAME_PIXELS", MOST)
    good = 0
    for i in range(FILMS):
        name, data = made[i % len(made)]
        path = tmp_path / f"{i}{Path(name).suffix}"
        path.write_bytes(spoiled(data, i))
        good += ends_well(lambda path=path: seen(path), f"film {i}")
        path.unlink()
    assert 10 < good < FILMS - 10


def tables() -> dict[str, bytes]:
    columns = ["frame", "face_id", "timestamp", "confidence", "success", *(f"{name}_r" for name in AU_NAMES), "pose_Rx"]
    rows = [[str(i), "0", f"{i / 25:.3f}", "0.98", str(int(i % 5 > 0)), *["1.5"] * 17, "0.1"] for i in range(1, 13)]
    table = "\n".join(", ".join(line) for line in [columns, *rows]).encode()
    named = b"name, " + table.replace(b"\n", b"\na.png, ")
    subtitles = b"1\n00:00:00,000 --> 00:00:01,000\nhappy\n\n2\n00:00:01,500 --> 00:00:02,000\nsad:0.5\n"
    arrays = pickle.dumps({"a": np.linspace(0, 5, 17), "b": np.zeros(17)}, 2)
    return {"track.csv": table, "subtitles.srt": subtitles, "openface/all.csv": named, "authors/aus_openface.pkl": arrays}


def used(path: Path, kind: str) -> None:
    if kind in ("openface", "authors"):
        list(SOURCES[kind](path.parent))
    else:
        (read_table if path.suffix == ".csv" else read_subtitles)(path)


def test_tables(tmp_path: Path) -> None:
    files = tables()
    for folder in ("openface", "authors"):
        (tmp_path / folder).mkdir()
        Image.fromarray(noise()).save(tmp_path / folder / "a.png")
    good = 0
    for i in range(TABLES):
        name, data = list(files.items())[i % len(files)]
        path = tmp_path / name
        path.write_bytes(spoiled(data, i))
        good += ends_well(lambda path=path, name=name: used(path, name.split("/")[0]), f"table {i}, {name}")
    assert 10 < good < TABLES - 10
