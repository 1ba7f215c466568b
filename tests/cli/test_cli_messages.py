"""Whatever is given on the command line: exit code 2 and one line that repeats no more than 80 characters of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mimica.cli import main
from mimica.errors import MOST, UserError

PHOTO = str(Path(__file__).parents[2] / "examples" / "astronaut.jpg")
LONG = "x" * 3000

WRONG = {
    "no such command": [LONG],
    "no such option": ["edit", PHOTO, f"--{LONG}"],
    "no number": ["edit", PHOTO, "-e", "happy", "--intensity", LONG],
    "an expression over several lines": ["edit", PHOTO, "-e", "a\nb\x1b[31m" * 300],
    "a photo with an impossible name": ["edit", f"{LONG}\n.jpg", "-e", "happy"],
    "a photo in no folder": ["edit", "photso/me.jpg", "-e", "happy"],
    "an output with an impossible name": ["edit", PHOTO, "-e", "happy", "-o", f"{LONG}.png"],
    "a seed below 0": ["animate", PHOTO, "--predict", "--seed", "-1"],
    "an extra word": ["grid", PHOTO, LONG],
    "a face beyond counting": ["edit", PHOTO, "-e", "happy", "--face", "9" * 4000],
    "an intensity of nan": ["edit", PHOTO, "-e", "happy", "--intensity", "nan"],
    "a value of 1e999": ["edit", PHOTO, "--au", "12=1e999"],
}


def ended(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["mimica", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0), capsys.readouterr().err


SAYS = [
    (
        ["drive", PHOTO, "curves.csv"],
        "The driver 'curves.csv' is no video and no photo; tables and scripts are for `mimica animate",
    ),
    (["edit", "", "-e", "happy"], "'.' stands for many photos: name a folder for them by --output, without a suffix."),
    (["edit", ".", "-e", "happy", "-o", "a.jpg"], "name a folder for them by --output, without a suffix, not 'a.jpg'."),
    (["edit", PHOTO, "-e", "happy", "-o", ""], "Error: --output is empty: name a file or a folder."),
    (["annotate", PHOTO, "--output="], "Error: --output is empty: name a file or a folder."),
]


@pytest.mark.parametrize("words, says", SAYS)
def test_what_is_said_leads_on(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "curves.csv").touch()
    code, said = ended(words, monkeypatch, capsys)
    assert code == 2 and says in said and said.count("\n") == 1


@pytest.mark.parametrize("name", WRONG)
def test_one_short_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = ended(WRONG[name], monkeypatch, capsys)
    assert code == 2 and said.startswith("Error: ") and said.count("\n") == 1 and said[:-1].isprintable()
    assert "x" * (MOST + 1) not in said and "9" * (MOST + 1) not in said and len(said) < 800
    assert os.listdir(tmp_path) == []


def test_a_photo_that_is_not_there_comes_before_its_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        ended(WRONG["a photo in no folder"], monkeypatch, capsys)[1]
        == "Error: There is no file 'photso/me.jpg': check the path.\n"
    )


@pytest.mark.parametrize(
    "error, words",
    [(MemoryError(), "not enough memory"), (OSError(28, "No space left", "/x/y"), "'/x/y' cannot be written, the disk is full")],
)
def test_what_no_one_else_has_told(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("mimica.cli.command_line", lambda _words: fail)
    code, said = ended([], monkeypatch, capsys)
    assert code == 2 and words in said


def test_faults_of_our_own_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OSError(2, "no such file")

    monkeypatch.setattr("mimica.cli.command_line", lambda _words: fail)
    with pytest.raises(OSError, match="no such file"):
        main()
    assert str(UserError("a")) == "a"


_NOISY = (
    "import os, sys; from mimica.cli import main; sys.argv[1:] = ['--version']\n"
    "try: main()\nexcept SystemExit: pass\nos.write(2, b'a library'); print('ours', file=sys.stderr); 1 / 0"
)


@pytest.mark.parametrize("mode", ["", "1"])
def test_libraries_are_silent_and_python_is_not(mode: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDEVMODE": mode}
    said = subprocess.run([sys.executable, "-c", _NOISY], capture_output=True, text=True, env=environment, check=False).stderr
    assert ("a library" in said) == bool(mode) and "ours" in said and "ZeroDivisionError" in said


def test_a_damaged_picture_is_one_line(tmp_path: Path) -> None:
    """libtiff complains by itself."""
    with Image.open(PHOTO) as photo:
        photo.resize((48, 40)).save(tmp_path / "a.tif", compression="tiff_lzw")
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:100] + bytes(1000) + content[1100:])
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "mimica", "edit", str(tmp_path / "a.tif"), "-e", "happy"]
    said = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert said.returncode == 2 and said.stderr.startswith("Error: ") and said.stderr.count("\n") == 1
