"""`mimica annotate` as a user meets it: options passed on, what is said where, exit codes. The finder is a stand-in."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from annotate_driver import BrightnessFinder

from mimica import annotate as module
from mimica.images import write_image

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
    assert run("annotate", album, "-o", output, "--jobs", 1) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{output}\n"
    assert captured.err.splitlines() == [
        f"Not read: '{album / 'bad.png'}' is no picture that Mimica can read: give a JPEG, PNG, WebP, BMP, TIFF or GIF file.",
        "2 files annotated, 1 could not be read.",
    ]
    assert len(output.read_text().splitlines()) == 3


def test_options_arrive(run: Run, album: Path, tmp_path: Path) -> None:
    output = tmp_path / "aus.csv"
    assert run("annotate", album, "-o", output, "-j", 1, "--recursive", "--landmarks") == 0
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
