"""Doors of what people carry: directions of others, tables of Excel, blendshapes, expressions, half a search, marks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mutators import mutated
from structured import checkpoint_changed, json_changed

SMALL_XLS = Path(__file__).parents[1] / "foreign" / "small.xls"
_Doors = dict[str, tuple[dict[str, bytes], Callable[[Path], Any], Callable[..., bytes]]]
"""Name -> seeds, what opens them, what changes them."""


def _saved(write: Callable[[Path], Any], path: Path) -> bytes:
    write(path)
    return path.read_bytes()


def more(folder: Path) -> _Doors:
    from mimica.foreign.excel import read_xls
    from mimica.motion import expression_file
    from mimica.motion.arkit import NAMES
    from mimica.motion.files import read_motion

    rows = "\n".join(",".join([f"00:00:{i:02d}:00.000", "3", *["0.5"] * len(NAMES)]) for i in range(3))
    shapes = ("Timecode,BlendshapeCount," + ",".join(name[0].upper() + name[1:] for name in NAMES) + "\n" + rows + "\n").encode()
    expression = expression_file.dumps({"AU12": 0.5, "AU06L": 0.2}).encode()
    doors: _Doors = {
        "blendshapes": ({"b.csv": shapes}, read_motion, mutated),
        "expression files": ({"e.json": expression}, lambda p: expression_file.loads(p.read_bytes()), json_changed),
        "marks": (_marked(folder), _verified, mutated),
    }
    with contextlib.suppress(ModuleNotFoundError):
        import xlrd  # noqa: F401

        doors["tables of Excel"] = ({"t.xls": SMALL_XLS.read_bytes()}, read_xls, mutated)
    with contextlib.suppress(ModuleNotFoundError):
        doors |= _of_torch(folder)
    return doors


def _verified(path: Path) -> None:
    from mimica.marks.verify import verify

    str(verify(path))


def _marked(folder: Path) -> dict[str, bytes]:
    from mimica.pictures.images import write_image
    from mimica.video.writer import VideoWriter

    picture, files = np.full((16, 16, 3), 90, np.uint8), {}
    for suffix in ("jpg", "png", "webp", "tif"):
        files[f"m.{suffix}"] = _saved(lambda path: write_image(path, picture, comment="edited by Mimica"), folder / f"m.{suffix}")
    for suffix in ("mp4", "webm", "gif"):
        with VideoWriter(folder / f"m.{suffix}", 10, (16, 16), comment="edited by Mimica") as video:
            video.write(picture)
        files[f"m.{suffix}"] = (folder / f"m.{suffix}").read_bytes()
    with contextlib.suppress(ModuleNotFoundError):
        files |= _signed(folder, files)
    return files


def _signed(folder: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    import c2pa  # noqa: F401

    from mimica.marks.c2pa import make_key
    from mimica.marks.marking import mark_file

    (folder / "key").mkdir()
    key, signed = make_key(folder / "key", "A"), {}
    for name in ("m.jpg", "m.png", "m.mp4"):
        signed[f"s{name[1:]}"] = _saved(lambda path, name=name: mark_file(folder / name, path, key), folder / f"s{name[1:]}")
    return signed


def _of_torch(folder: Path) -> _Doors:
    import torch

    from mimica.engines.stylegan.published import read_published

    pca = {"comp": torch.ones(60, 1, 512), "mean": torch.zeros(1, 512), "std": torch.ones(60)}
    files = {
        "d.npy": _saved(lambda p: np.save(p, np.ones((1, 512), np.float32)), folder / "d.npy"),
        "w.npy": _saved(lambda p: np.save(p, np.eye(18, 512, dtype=np.float32)), folder / "w.npy"),
    }
    tensors = {
        "d.pt": _saved(lambda p: torch.save(torch.ones(18, 512), p), folder / "d.pt"),
        "g.pt": _saved(lambda p: torch.save(pca, p), folder / "g.pt"),
    }
    layers = tuple(range(8))
    return {
        "directions": (files, lambda path: read_published(path, 18, layers), mutated),
        "directions of torch": (tensors, lambda path: read_published(path, 18, layers), checkpoint_changed),
    }
