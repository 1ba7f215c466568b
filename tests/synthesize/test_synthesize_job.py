"""`mimica synthesize` from photos to shards: what is in them, the same bytes again, errors as rows, the engine, the card."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rig_face import RigFinder, rig_face

from mimica.errors import UserError, ValueRangeError
from mimica.facs import SIDED_AU_NAMES
from mimica.jobs.merge import merge
from mimica.jobs.part_tables import read_table
from mimica.pictures.images import write_image
from mimica.synthesize.job import synthesize
from mimica.synthesize.sample import COLUMNS
from mimica.synthesize.settings import Settings

SMALL = Settings(frames=3, size=64, masks=True, mesh=True, flow=True)


def photo(path: Path, seed: int) -> Path:
    rgb = rig_face(seed=min(seed, 9)).rgb
    rgb[:4, :4] = seed
    write_image(path, rgb)
    return path


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photos, one of nobody, a file that is none, a video's name, and a tar of two photos, one damaged."""
    folder = tmp_path_factory.mktemp("album")
    photo(folder / "1.png", 1), photo(folder / "2.png", 2), photo(folder / "3.png", 255)
    (folder / "4.png").write_bytes(b"no photo")
    with tarfile.open(folder / "5.tar", "w") as tar:
        for name, content in (("a.png", (folder / "1.png").read_bytes()), ("a.txt", b"words"), ("b.png", b"no photo")):
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return folder


def files(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


def test_photos_become_shards_and_errors_rows(album: Path, tmp_path: Path) -> None:
    totals = synthesize([album], tmp_path / "data", SMALL, format="csv", make_finder=RigFinder)
    assert (totals.rows, totals.errors, totals.parts) == (12, 3, 2)
    merge(tmp_path / "data", tmp_path / "all.csv")
    names, *rows = read_table(tmp_path / "all.csv")
    assert names == [column.name for column in COLUMNS]
    assert [row[0] for row in rows] == [f"{p}_{i:03d}" for p in ("00000000", "00000001", "00000004-00000") for i in range(4)]
    why = {Path(row[0]).name: row[1] for row in list(read_table(tmp_path / "all.errors.csv"))[1:]}
    assert set(why) == {"3.png", "4.png", "b.png"} and "no face" in why["3.png"]
    members = files(tmp_path / "data" / "part-00000.tar")
    assert [n.split(".", 1)[1] for n in members if n.startswith("00000001_002")] == [
        "jpg", "json", "classes.png", "mesh.npy", "flow.npy"
    ]  # fmt: skip
    label = json.loads(members["00000001_002.json"])
    row = dict(zip(names, rows[6], strict=True))
    assert label["labels"] == row["labels"] == "exact" and label["renderer"] == "rig" and label["source"].endswith("2.png")
    assert [label["units"][n] for n in SIDED_AU_NAMES] == pytest.approx([float(row[n]) for n in SIDED_AU_NAMES], abs=1e-4)
    assert label["landmarks"][8][1] == pytest.approx(float(row["y_8"]), abs=0.01) and label["yaw"] == float(row["yaw"])
    image = Image.open(io.BytesIO(members["00000001_002.jpg"]))
    assert image.size == (64, 64) and "synthesized by Mimica" in str(image.info)
    assert np.load(io.BytesIO(members["00000001_002.mesh.npy"])).dtype == np.float16
    card = (tmp_path / "data" / "README.md").read_text()
    assert "labels = exact" in card and "mesh.npy" in card and "5 photos" in card


def test_the_same_command_gives_the_same_bytes_and_another_seed_others(album: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        synthesize(
            [album / "1.png"], tmp_path / name, Settings(frames=3, size=64, seed=seed), make_finder=RigFinder, format="csv"
        )
    a, b, c = ((tmp_path / name / "part-00000.tar").read_bytes() for name in "abc")
    assert a == b != c


def test_a_photo_s_frames_do_not_depend_on_the_others(album: Path, tmp_path: Path) -> None:
    """What is random is the photo's own; only its place in the list says which kinds come first."""
    for name, given in (("a", ["1.png", "2.png"]), ("b", ["1.png", "4.png"])):
        synthesize(
            [album / one for one in given], tmp_path / name, Settings(frames=2, size=64), make_finder=RigFinder, format="csv"
        )
    a, b = (files(tmp_path / name / "part-00000.tar") for name in "ab")
    assert a["00000000_001.jpg"] == b["00000000_001.jpg"]


def test_the_engine_turns_heads_and_is_asked(album: Path, tmp_path: Path) -> None:
    settings = Settings(frames=4, size=96, renderer="both")
    synthesize([album / "1.png"], tmp_path / "data", settings, make_finder=RigFinder, format="csv")
    names, *rows = read_table(tmp_path / "data" / "part-00000.csv")
    told = [(row[names.index("renderer")], row[names.index("labels")]) for row in rows]
    assert told == [("rig", "read")] + [("rig", "exact")] * 2 + [("engine", "asked")] * 2
    yaw = [float(row[names.index("yaw")]) for row in rows]
    assert len(set(yaw[:3])) == 1 and any(abs(value - yaw[0]) > 1 for value in yaw[3:])


def test_generated_people_are_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def generator() -> object:
        return lambda seed: made.append(seed) or rig_face(seed=seed).rgb * np.uint8(1)

    class Finder(RigFinder):
        def find(self, rgb: np.ndarray) -> list:
            return [rig_face(seed=made[-1]).reading]

    monkeypatch.setattr("mimica.synthesize.job._generator", generator)
    settings = Settings(frames=1, size=64, seed=5)
    totals = synthesize([], tmp_path / "data", settings, identities="generated", people=2, make_finder=Finder, format="csv")
    assert made == [5, 6] and totals.rows == 4 and "seeds 5 on" in (tmp_path / "data" / "README.md").read_text()


def test_bad_wishes_are_refused_before_anything_is_made(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    for settings, words in (
        (Settings(frames=0), "--frames"),
        (Settings(size=10), "--size"),
        (Settings(quality=101), "--quality"),
        (Settings(renderer="rigs"), "renderer"),
        (Settings(renderer="engine", mesh=True), "--mesh"),
    ):
        with pytest.raises(ValueRangeError, match=words):
            synthesize([album], out, settings, format="csv")
    with pytest.raises(UserError, match="--people"):
        synthesize([album], out, SMALL, identities="generated", format="csv")
    with pytest.raises(UserError, match="Name photos"):
        synthesize([], out, SMALL, format="csv")
    with pytest.raises(ValueRangeError, match="generated"):
        synthesize([album], out, SMALL, identities="other", format="csv")
    assert not out.exists()
