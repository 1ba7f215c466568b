"""`mimica verify`, `mimica mark` and the marking options of `edit` as a user meets them."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mimica.cli import app
from mimica.errors import UserError
from mimica.marks.marking import Marks
from mimica.pictures.images import read_comment, write_image


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    Marks("edited by Mimica 0").save_image(tmp_path / "a.jpg", np.zeros((32, 32, 3), np.uint8))
    return tmp_path / "a.jpg"


def test_verify_tells_in_words_and_by_exit_code(tmp_path: Path, marked: Path) -> None:
    code, out = run("verify", marked)
    assert code == 0 and "Marked by Mimica" in out
    assert json.loads(run("verify", marked, "--json")[1])["verdict"] == "ours"
    write_image(tmp_path / "b.png", np.zeros((8, 8, 3), np.uint8))
    code, out = run("verify", tmp_path / "b.png")
    assert code == 1 and "Says nothing" in out


def test_a_key_is_made_a_file_signed_and_a_change_noticed(tmp_path: Path, marked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("c2pa", reason="needs the extra c2pa")
    monkeypatch.setenv("MIMICA_CONFIG", str(tmp_path / "settings"))
    signed = tmp_path / "signed.jpg"
    with pytest.raises(UserError, match="--make-key"):
        run("mark", marked, "-o", signed)
    assert run("mark", "--make-key", "--owner", "Ada")[0] == 0
    assert run("mark", marked, "-o", signed)[0] == 0
    code, out = run("verify", signed)
    assert code == 0 and "signed by 'Ada'" in out and "made from 'a.jpg'" in out
    data = bytearray(signed.read_bytes())
    data[-20] ^= 1
    signed.write_bytes(data)
    assert run("verify", signed)[0] == 3


def test_mark_needs_to_know_what_to_do(marked: Path) -> None:
    with pytest.raises(UserError, match="--make-key"):
        run("mark", marked)


def test_the_options_reach_the_file(tmp_path: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    from bright_mouth import BrightMouth, reading

    from mimica import api
    from mimica.marks.visible import labelled
    from mimica.pictures.images import read_photo

    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: [reading()])
    monkeypatch.setattr(api, "load_engine", lambda name, weights: BrightMouth())
    photo, out = tmp_path / "photo.png", tmp_path / "out.png"
    write_image(photo, astronaut)
    edit = ("edit", photo, "--au", "12=0", "--intensity", 0, "-o", out)
    with pytest.raises(UserError, match="Article 50"):
        run(*edit, "--no-tag")
    assert not out.exists()
    run(*edit, "--no-tag", "--yes-it-is-labelled-elsewhere", "--visible-mark")
    assert read_comment(out) is None and np.array_equal(read_photo(out).rgb, labelled(astronaut))
    with pytest.raises(UserError, match="go together"):
        run(*edit, "--sign-key", tmp_path / "key.pem")
