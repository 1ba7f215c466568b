"""`-` for standard input and output, and photos that are not there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mimica.cli import pipes
from mimica.errors import ImageError, UserError
from mimica.pictures.images import FORMAT_BY_SUFFIX, read_photo

ROOT = Path(__file__).parents[2]
PHOTO = ROOT / "examples" / "astronaut.jpg"


class Stream:
    def __init__(self, data: bytes = b"", terminal: bool = False) -> None:
        self.buffer, self.terminal = io.BytesIO(data), terminal

    def isatty(self) -> bool:
        return self.terminal

    def flush(self) -> None:
        pass


def test_the_whole_command_in_a_pipe() -> None:
    command = [sys.executable, "-m", "mimica", "edit", "-", "--expression", "happy", "-o", "-"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=PHOTO.read_bytes(), capture_output=True, env=environment, check=True)
    made = read_photo(done.stdout)
    assert made.format == "JPEG" and made.rgb.shape == (512, 512, 3)
    assert not np.array_equal(made.rgb, read_photo(PHOTO).rgb)


@pytest.mark.parametrize("command", ["edit", "animate", "drive"])
def test_a_typo_in_the_folder_is_the_photos_fault(command: str, monkeypatch: pytest.MonkeyPatch, capsys, tmp_path: Path) -> None:
    from mimica.cli import main

    rest = ["clip.mp4"] if command == "drive" else ["-e", "happy"]
    monkeypatch.setattr(sys, "argv", ["mimica", command, str(tmp_path / "photso" / "me.jpg"), *rest])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr().err
    assert left.value.code == 2 and "There is no file" in said and "--output" not in said


def test_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pipes.given(PHOTO) == PHOTO
    monkeypatch.setattr(sys, "stdin", Stream(b"abc"))
    assert pipes.given(pipes.PIPE) == b"abc"
    with pytest.raises(ImageError, match="Standard input is empty"):
        pipes.given(pipes.PIPE)


@pytest.mark.parametrize(
    ("kind", "suffix"), [("JPEG", ".jpg"), ("WEBP", ".webp"), ("BMP", ".bmp"), ("TIFF", ".tif"), ("GIF", ".png")]
)
def test_the_format_of_standard_output_is_the_photos(kind: str, suffix: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind)
    assert pipes.suffix_of(file.getvalue(), FORMAT_BY_SUFFIX) == suffix


def test_delivered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out = Stream()
    monkeypatch.setattr(sys, "stdout", out)
    with pipes.delivered(pipes.PIPE, ".png") as file:
        assert file.suffix == ".png"
        file.write_bytes(b"picture")
    assert out.buffer.getvalue() == b"picture" and not file.exists()
    monkeypatch.setattr(sys, "stdout", Stream(terminal=True))
    with pytest.raises(UserError, match="terminal"), pipes.delivered(pipes.PIPE, ".png"):
        pass


def test_spooled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stream(b"film"))
    with pipes.spooled(pipes.PIPE) as file:
        assert file.read_bytes() == b"film"
    assert not file.exists()


def test_what_has_no_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "MOST_OF_A_PHOTO", 5)
    monkeypatch.setattr(pipes, "MOST_OF_A_FILM", 5)
    endless = Stream(b"123456789")
    monkeypatch.setattr(sys, "stdin", endless)
    with pytest.raises(ImageError, match="no photo"):
        pipes.given(pipes.PIPE)
    assert endless.buffer.tell() == 6, "no more is read"
    monkeypatch.setattr(sys, "stdin", Stream(b"123456"))
    with pytest.raises(UserError, match="name the file"), pipes.spooled(pipes.PIPE):
        pass


def test_what_a_killed_run_left_of_its_scratch_files_is_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import os, mimica.files as f\nwith f.scratch_folder() as s: (s / 'x').write_text('x'); print(s, flush=True); os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    left = Path(killed.stdout.strip())
    assert (left / "x").exists() and left.parent == tmp_path and left.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(sys, "stdin", Stream(b"film"))
    with pipes.spooled(pipes.PIPE):
        assert not left.exists()
    assert os.listdir(tmp_path) == []
