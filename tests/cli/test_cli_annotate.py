"""`mimica annotate` as a user meets it: options passed on, what is said where, exit codes. The finder is a stand-in."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from annotate_driver import BrightnessFinder

from mimica import annotate as module
from mimica.pictures.images import write_image
from mimica.reader.read import FaceReading
from mimica.video.writer import VideoWriter

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    from mimica.cli import main

    monkeypatch.setattr(module, "Finder", lambda detector, model, threads: BrightnessFinder())

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["mimica", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    return call


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    (folder / "deep").mkdir(parents=True)
    for name in ("1.png", "2.png", "deep/3.png"):
        write_image(folder / name, np.full((32, 64, 3), 100, np.uint8))
    (folder / "bad.png").write_bytes(b"no photo")
    return folder


def test_table_on_disk_and_words_on_stderr(run: Run, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "aus.csv"
    assert run("annotate", album, "-o", output, "--jobs", 1) == 1
    captured = capsys.readouterr()
    assert captured.out == f"{output}\n"
    why, closing = captured.err.splitlines()
    assert why.endswith("bad.png' is no picture that Mimica can read: give a JPEG, PNG, WebP, BMP, TIFF or GIF file.")
    assert why.startswith("Not read: '") and closing == "2 files annotated, 1 could not be read."
    assert len(output.read_text().splitlines()) == 3


def test_options_arrive(run: Run, album: Path, tmp_path: Path) -> None:
    output = tmp_path / "aus.csv"
    assert run("annotate", album, "-o", output, "-j", 1, "--recursive", "--landmarks") == 1
    lines = output.read_text().splitlines()
    assert len(lines) == 4 and "x_67" in lines[0] and lines[3].endswith("3.png")


def test_raw_arrives(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, album: Path) -> None:
    told: dict[str, object] = {}

    def note(*_: object, **options: object) -> module.Summary:
        told.update(options)
        return module.Summary(1, 1, ())

    monkeypatch.setattr(module, "annotate", note)
    assert run("annotate", album, "-o", tmp_path / "a.csv", "--raw", "--detector", "mediapipe", "--model", "m.task") == 0
    assert (told["raw"], told["detector"], told["model"]) == (True, "mediapipe", Path("m.task"))
    assert isinstance(told["jobs"], int) and told["jobs"] >= 1


def test_nothing_readable(run: Run, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("annotate", album / "bad.png", "-o", tmp_path / "a.csv") == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "Not read" in captured.err and "of 1 file none could be read" in captured.err
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["album", "-o", "a.txt"], ".csv"), (["none", "-o", "a.csv"], "'none'"), (["album", "-o", "no/a.csv"], "no folder")],
)
def test_bad_arguments(
    run: Run,
    album: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    word: str,
) -> None:
    monkeypatch.chdir(album.parent)
    assert run("annotate", *arguments) == 2
    err = capsys.readouterr().err
    assert word in err and err.count("\n") == 1


def mixed(folder: Path) -> Path:
    """Everything that lies in people's folders, with faces the stand-in sees."""
    from PIL import Image

    gray = np.full((32, 64, 3), 100, np.uint8)
    folder.mkdir()
    picture = Image.fromarray(gray)
    for name in ("a.jfif", "b.jpe"):
        picture.save(folder / name, "JPEG")
    picture.save(folder / "c.avif")
    picture.save(folder / "d.jp2")
    picture.save(folder / "e.webp", save_all=True, append_images=[Image.fromarray(gray + 9 * i) for i in (1, 2, 3)], duration=100)
    for name in ("f.3gp", "g.mp4"):
        with VideoWriter(folder / "film.mp4", 25, (64, 32)) as video:
            for frame in np.random.default_rng(0).integers(90, 110, (20, 32, 64, 3), np.uint8):
                video.write(frame)
        (folder / "film.mp4").rename(folder / name)
    data = (folder / "g.mp4").read_bytes()
    (folder / "g.mp4").write_bytes(data[:-40])
    (folder / "h.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    (folder / "i.dng").write_bytes(b"II*\0" + bytes(100))
    (folder / "j.jpg").write_bytes(b"no photo")
    (folder / "k.txt").write_text("notes")
    (folder / ".hidden").write_text("nothing")
    return folder


def test_a_mixed_folder_names_all_that_is_not_read(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, output = mixed(tmp_path / "mixed"), tmp_path / "aus.csv"
    assert run("annotate", folder, "-o", output, "-j", 1, "--json") == 1
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    table = output.read_text()
    for path in folder.iterdir():
        read = f"{path}\n" in table
        named = f"{path.name}'" in captured.err
        assert read or named or path.name.startswith("."), path.name
    counted = {line.rsplit("/", 1)[1]: table.count(line + "\n") for line in {row.rsplit(",", 1)[1] for row in table.split()[1:]}}
    assert counted == {"a.jfif": 1, "b.jpe": 1, "c.avif": 1, "d.jp2": 1, "e.webp": 4, "f.3gp": 20, "g.mp4": 19}
    assert told["annotated"] == 7 and not told["complete"]
    assert {Path(one["file"]).name for one in told["not_read"]} == {"h.heic", "j.jpg"}
    assert {Path(one["file"]).name: one["why"][:5] for one in told["passed_over"]} == {"i.dng": "of a ", "k.txt": "no pi"}
    assert [sum(one["lost"].values()) for one in told["read_in_part"]] == [1]
    closing = captured.err.splitlines()[-1]
    assert closing == (
        "7 files annotated, 2 could not be read; 1 passed over, no pictures; 1 passed over, of a kind that is not read; "
        "1 file read in part (1 frames missing at the end of a file that is cut short)."
    )


def test_exit_code_0_only_if_all_was_read(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(tmp_path / "a.png", np.full((32, 64, 3), 100, np.uint8))
    (tmp_path / "labels.csv").write_text("a\n")
    assert run("annotate", tmp_path, "-o", tmp_path / "t.csv", "-j", 1) == 0
    assert "'" + str(tmp_path / "labels.csv") in capsys.readouterr().err, "what is no picture is named, but no loss"
    (tmp_path / "a.nef").write_bytes(b"raw")
    assert run("annotate", tmp_path, "-o", tmp_path / "t.csv", "-j", 1) == 1


def test_table_to_standard_output(run: Run, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_image(tmp_path / "a.png", np.full((32, 64, 3), 100, np.uint8))
    assert run("annotate", tmp_path / "a.png", "-o", "-", "-j", 1) == 0
    assert capfdbinary.readouterr().out.startswith(b"frame,face_id,timestamp")
    assert run("annotate", tmp_path / "a.png", "-o", "-", "--json") == 2


def test_losses_survive_a_run_that_is_stopped(tmp_path: Path) -> None:
    """What an earlier run found out is in the closing line of the one that ends."""
    from mimica.annotate import annotate

    folder = mixed(tmp_path / "mixed")

    class Stops(BrightnessFinder):
        def find(self, rgb: np.ndarray) -> list[FaceReading]:
            if rgb.shape[1] == 65:
                raise KeyboardInterrupt
            return super().find(rgb)

    write_image(folder / "z.png", np.full((32, 65, 3), 100, np.uint8))
    with pytest.raises(KeyboardInterrupt):
        annotate([folder], tmp_path / "t.csv", make_finder=Stops)
    summary = annotate([folder], tmp_path / "t.csv", make_finder=BrightnessFinder)
    assert summary.kept == 7 and sum(summary.lost.values()) == 1
