"""Every way by which something of others comes in: small valid inputs, and what opens them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import random
import sys
import tarfile
from itertools import islice
from pathlib import Path

import numpy as np
from door import PHOTO, Door, saved
from model_doors import model_doors, pickle_doors
from more_doors import more
from mutators import command_line
from structured import json_changed

# --- pictures and films -----------------------------------------------------------------------------------------------


def picture_doors(folder: Path) -> dict[str, Door]:
    from PIL import Image

    from mimica.pictures.images import read_comment, read_photo

    small = Image.open(PHOTO).resize((48, 40))
    pictures = {}
    for suffix, options in (
        ("jpg", {}),
        ("png", {}),
        ("webp", {}),
        ("bmp", {}),
        ("tif", {"compression": "tiff_lzw"}),
        ("gif", {}),
    ):
        pictures[f"a.{suffix}"] = saved(lambda path, options=options: small.save(path, **options), f"a.{suffix}", folder)
    frames = [small.rotate(angle) for angle in range(4)]
    pictures["m.gif"] = saved(lambda p: frames[0].save(p, save_all=True, append_images=frames[1:], duration=40), "m.gif", folder)

    def look(path: Path) -> None:
        read_photo(path)
        read_comment(path)

    return {
        "pictures": Door(pictures, look),
        "films": Door(_films(folder, np.stack([np.array(frame) for frame in frames])), _watch),
    }


def _films(folder: Path, frames: np.ndarray) -> dict[str, bytes]:
    import av

    films = {}
    for suffix, codec in (("mp4", "libx264"), ("webm", "libvpx-vp9"), ("avi", "mpeg4"), ("mkv", "libx264")):
        with av.open(str(folder / f"f.{suffix}"), "w") as container:
            stream = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 48, 40, "yuv420p"
            for rgb in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb[..., :3], format="rgb24")))
            container.mux(stream.encode(None))
        films[f"f.{suffix}"] = (folder / f"f.{suffix}").read_bytes()
    return films


def _watch(path: Path) -> None:
    from mimica.video.reader import open_video

    for _ in islice(open_video(path), 50):
        pass


# --- texts ------------------------------------------------------------------------------------------------------------

SCRIPT = "happy over 1s\nhold 0.5s\nsurprised:0.6 over 0.5s ease\nblink\nyaw 10 over 1s\nAU12=0.5 for 2s\nneutral\n"
KEYS = "key 0 linear AU12=0\nkey 1.5 linear AU12=1\n"
SUBTITLES = "1\n00:00:00,000 --> 00:00:01,500\nhappy\n\n2\n00:00:02,000 --> 00:00:03,000\nsad:0.5\n"


def text_doors(folder: Path) -> dict[str, Door]:
    from mimica.config import TrainingOptions, load_options, save_options
    from mimica.motion.expression import parse_attributes, wanted
    from mimica.motion.files import read_motion
    from mimica.motion.openface_columns import columns

    names = columns(False)
    rows = "\n".join(",".join(["1"] * len(names)) for _ in range(3))
    table = (", ".join(names) + "\n" + rows + "\n").encode()

    def words(path: Path) -> None:
        text = path.read_bytes().decode("utf-8", "replace")
        wanted(text, None)
        wanted(None, text)
        parse_attributes(text)

    config = saved(lambda p: save_options(TrainingOptions(), p), "config.json", folder)
    return {
        "scripts": Door({"a.txt": SCRIPT.encode(), "k.txt": KEYS.encode(), "a.srt": SUBTITLES.encode()}, read_motion),
        "tables of OpenFace": Door({"t.csv": table}, read_motion),
        "expressions": Door({"e": b"happy:0.6+surprised:0.4", "u": b"12=0.8,6L=0.5,4+=0.3", "a": b"smile=1.5,age=-1"}, words),
        "options": Door({"config.json": config}, lambda path: load_options(TrainingOptions, path), change=json_changed),
    }


# --- data sets, archives, journals ------------------------------------------------------------------------------------


def _png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


def _tar() -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for name in ("a.png", "b/c.png"):
            about = tarfile.TarInfo(name)
            about.size = 700
            archive.addfile(about, io.BytesIO(bytes(700)))
    return tar.getvalue()


def _all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def data_doors(folder: Path) -> dict[str, Door]:
    from mimica.data.attribute_sets import attribute_list
    from mimica.data.dataset import DatasetWriter, open_datasets
    from mimica.data.pairs import read_rows as read_pairs
    from mimica.data.sources.authors import authors_source
    from mimica.data.sources.emotionet import emotionet_source
    from mimica.foreign.archives import members
    from mimica.foreign.tables import read_array, read_parquet, read_rows
    from mimica.jobs.journal import Journal

    made = folder / "set"
    made.mkdir()
    with DatasetWriter(made, "t", 8, ("AU01", "AU12")) as writer:
        for i in range(3):
            writer.add(np.full((8, 8, 3), i, np.uint8), {"AU01": 0.1, "AU12": 0.5}, f"n{i}", f"s{i}")
    with Journal(folder / "j.part", {"job": 1}) as journal:
        journal.add("a", "1,2\n" * 20)
        journal.add("b", "3\n")

    def replay(path: Path) -> None:
        with Journal(path, {"job": 1}) as opened:
            for key in list(opened._records):
                opened.read(key)
            opened.add("c", "4\n")

    lists = {"urls.txt": b"http://a.b/c/N_1.jpg\nhttps://x.y/z.png\n"}
    authors = {"aus_openface.pkl": pickle.dumps({"a": np.ones(17)}, 2), "train_ids.csv": b"a.jpg\nb\n"}
    picture = {"a.png": _png()}
    doors = {
        "lists of EmotioNet": Door(lists, lambda path: list(emotionet_source(path.parent)), picture),
        "the authors' sets": Door(authors, lambda path: list(authors_source(path.parent)), {**picture, **authors}),
        "data sets": Door(_all(made), lambda path: open_datasets([path.parent]).images([0], 8), _all(made)),
        "archives": Door({"a.tar": _tar()}, lambda path: sum(len(content) for _, content in members(path))),
        "journals": Door({"j.part": (folder / "j.part").read_bytes()}, replay),
        "lists": Door({"list_attr_celeba.txt": b"2\nSmiling Young\n1.jpg -1 1\n2.jpg 1 1\n"}, attribute_list),
        "tables": Door({"attributes.csv": b"file,smile\na.png,0.5\nb.png,\n"}, lambda path: read_rows(path, ("file",))),
        "labels": Door(
            {"labels.jsonl": json.dumps({"file": "a", "source_id": "1", "is_source": True}).encode() + b"\n"},
            lambda p: read_pairs(p.parent),
        ),
        "arrays": Door({"values.npy": saved(lambda p: np.save(p, np.zeros((3, 2))), "values.npy", folder)}, read_array),
    }
    with contextlib.suppress(ModuleNotFoundError):
        import pandas

        content = saved(lambda p: pandas.DataFrame({"file": ["a", "b"], "x": [1.0, 2.0]}).to_parquet(p), "l.parquet", folder)
        doors["parquet"] = Door({"l.parquet": content}, lambda path: read_parquet(path, ["file"]))
    return doors


# --- the command line -------------------------------------------------------------------------------------------------

COMMANDS = (
    ("edit",), ("animate",), ("drive",), ("grid",), ("read",), ("annotate",), ("convert",), ("transition",), ("clean",),
    ("bench", "--help"), ("prepare", "faces"), ("prepare", "celeba"), ("prepare", "authors"), ("train", "ganimation"),
    ("export", "vae"), ("export", "reader"), ("attributes", "list"), ("directions", "list"), ("generate",), ("project",),
    (), ("nonsense",),
)  # fmt: skip
OPTIONS = (
    "-o", "--output", "-e", "--expression", "--au", "--intensity", "--face", "--engine", "--weights", "--size", "--fps",
    "--seconds", "--seed", "--script", "--expressions", "--predict", "--blinks", "--loop", "--set", "--data", "--preset",
    "--dry-run", "--jobs", "-j", "--json", "--detector", "--model", "--sample", "--limit", "--recursive", "--attribute",
    "--masks", "--seeds", "--truncation", "--nonsense", "--help",
)  # fmt: skip


def command_door(folder: Path) -> dict[str, Door]:
    from PIL import Image

    Image.new("RGB", (48, 48), "gray").save(folder / "gray.png")
    files = [str(folder / "gray.png"), str(folder), str(folder / "none.jpg"), "out.png", "out.mp4", "out.csv", "gray.png"]

    def change(rng: random.Random, _: bytes) -> bytes:
        return json.dumps(command_line(rng, COMMANDS, OPTIONS, files)).encode()

    return {"command lines": Door({"line.json": b"[]"}, _call, {"gray.png": (folder / "gray.png").read_bytes()}, change)}


class BadEnd(Exception):
    """A command that ended as none should."""


def _call(path: Path) -> None:
    """`mimica WORDS` in this process."""
    from mimica.cli import main

    words = json.loads(path.read_text())
    if isinstance(words, list) and words[:1] == ["bench"] and "--help" not in words:
        return
    before, here = sys.argv, Path.cwd()
    said = io.StringIO()
    sys.argv = ["mimica", *map(str, words)]
    os.chdir(path.parent)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            main()
    except SystemExit as end:
        if end.code not in (0, 2, None):
            raise BadEnd(f"exit code {end.code}: {said.getvalue()[:300]}") from end
    finally:
        sys.argv = before
        os.chdir(here)
    text = said.getvalue()
    if end_is_bad(text):
        raise BadEnd(f"it says: {text[:300]!r}")


def end_is_bad(text: str) -> bool:
    """Whether what a command says repeats too much, or has control characters in it."""
    lines = [line for line in text.split("\n") if line.startswith("Error:")]
    return any("x" * 100 in line or "9" * 100 in line or not line.isprintable() for line in lines)


def doors(folder: Path) -> dict[str, Door]:
    """All of them; small files are made in `folder`."""
    found: dict[str, Door] = {}
    for make in (picture_doors, text_doors, pickle_doors, model_doors, data_doors, command_door):
        inner = folder / make.__name__
        inner.mkdir()
        found |= make(inner)
    (folder / "more").mkdir()
    return found | {name: Door(seeds, look, change=change) for name, (seeds, look, change) in more(folder / "more").items()}
