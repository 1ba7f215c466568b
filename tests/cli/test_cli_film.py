"""`mimica edit` on films, stills as drivers, parts, presets: from the words to the files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth
from typer.testing import CliRunner

from mimica.cli import app
from mimica.engines import base
from mimica.errors import UserError
from mimica.film.files import is_film, result_suffix
from mimica.motion import expression_file
from mimica.pictures.images import read_photo, write_image
from mimica.reader.read import largest_face
from mimica.video.reader import open_video
from mimica.video.writer import VideoWriter

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def film(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with VideoWriter(path, 25, (192, 240)) as video:
        for i in range(6):
            video.write(np.ascontiguousarray(astronaut[20:260, 120 - i : 312 - i]))
    return path


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> BrightMouth:
    made = BrightMouth()
    monkeypatch.setattr("mimica.film.edit.load_engine", lambda *_: made)
    monkeypatch.setattr("mimica.drive.load_engine", lambda *_: made)
    monkeypatch.setattr("mimica.api.load_engine", lambda *_: made)
    return made


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    refused = isinstance(done.exception, UserError)
    return (2, str(done.exception)) if refused else (done.exit_code, done.output)


def changed(film: Path, made: Path) -> float:
    pairs = zip(open_video(film), open_video(made), strict=True)
    return float(np.mean([np.abs(a.astype(int) - b)[100:140].max() for (_, _, a), (_, _, b) in pairs]))


def test_a_film_is_edited(film: Path, tmp_path: Path, engine: BrightMouth) -> None:
    code, said = run("edit", film, "-e", "happy:0.6", "-o", tmp_path / "a.mp4")
    assert code == 0 and "all 6 frames edited" in said and changed(film, tmp_path / "a.mp4") > 15
    (tmp_path / "s.txt").write_text("AU12 0.8 over 0.1s")
    engine.rendered.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mimica.film.compose.Composer._prepared", lambda *_: pytest.fail("nothing of its parts is asked for"))
        assert run("edit", film, "--script", tmp_path / "s.txt", "--parts", "eyes", "-o", tmp_path / "b.mp4")[0] == 0
    (tmp_path / "s.txt").write_text("AU12 0.1 over 0.04s\nhold 1s")
    code, said = run("edit", film, "--script", tmp_path / "s.txt", "--absolute", "-o", tmp_path / "c.mp4")
    assert code == 0 and changed(film, tmp_path / "c.mp4") > 15


def test_flags_are_for_films_or_for_photos(film: Path, tmp_path: Path) -> None:
    for words, complaint in (
        (("edit", PHOTO, "-e", "happy", "--absolute"), "are for films"),
        (("edit", PHOTO, "-e", "happy", "--no-audio"), "are for films"),
        (("edit", film, "-e", "happy", "--masks"), "are for photos"),
        (("edit", film, "-e", "happy", "--enhance"), "are for photos"),
        (("edit", film, "-e", "happy", "-o", tmp_path / "a.jpg"), "must end in"),
        (("edit", PHOTO, "-e", "happy", "--ratio", "0.5"), "go with --like"),
        (("edit", PHOTO, "--like", PHOTO, "-e", "happy"), "exclude each other"),
        (("edit", PHOTO, "--like", PHOTO, "--driver-face", "7"), "no face 7"),
        (("edit", PHOTO, "-e", "happy", "--parts", "mouht"), "no part"),
        (("drive", film, film, "--fps", "10"), "are for photos"),
        (("drive", PHOTO, PHOTO, "--curves", "a.csv"), "one expression only"),
    ):
        code, said = run(*words, *([] if "-o" in words else ["-o", tmp_path / ("a.mp4" if film in words else "a.jpg")]))
        assert code == 2 and complaint in " ".join(said.split()), said
    assert list(tmp_path.iterdir()) == []


def test_a_photo_takes_the_expression_of_another(astronaut: np.ndarray, tmp_path: Path) -> None:
    calm = tmp_path / "calm.png"
    write_image(calm, astronaut)
    assert run("edit", calm, "--like", PHOTO, "--parts", "eyes", "-o", tmp_path / "a.png")[0] == 0
    assert np.abs(read_photo(tmp_path / "a.png").rgb.astype(int) - astronaut)[135:157, 200:246].max() == 0
    assert run("drive", calm, PHOTO, "--gain", "0.3", "-o", tmp_path / "b.png")[0] == 0
    assert np.abs(read_photo(tmp_path / "b.png").rgb.astype(int) - astronaut)[135:157, 200:246].max() > 20
    assert run("drive", calm, PHOTO, "--gain", "0.3", "--size", "128", "-o", tmp_path / "c.gif")[0] == 0
    assert open_video(tmp_path / "c.gif").frame_count == 62


def test_the_person_of_a_film_is_driven(film: Path, tmp_path: Path, engine: BrightMouth) -> None:
    assert run("drive", film, PHOTO, "--gain", "0.2", "-o", tmp_path / "a.mp4")[0] == 0
    assert changed(film, tmp_path / "a.mp4") > 10
    engine.rendered.clear()
    code, said = run("drive", film, film, "--gain", "3", "-o", tmp_path / "b.mp4")
    assert code == 0 and "6 frames" in said and open_video(tmp_path / "b.mp4").frame_count == 6
    assert run("drive", film, film, "--driver-face", "2", "-o", tmp_path / "c.mp4")[0] == 2
    assert run("drive", film, film, "--face", "all", "-o", tmp_path / "c.mp4")[0] == 2


def test_what_is_drawn_is_put_on_the_person_of_a_film(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = run("edit", film, "--attribute", "sunglasses=1:aviator", "-o", tmp_path / "a.mp4")
    assert code == 0 and changed(film, tmp_path / "a.mp4") > 40, said
    assert run("drive", film, PHOTO, "--attribute", "sunglasses=1", "--parts", "mouth", "-o", tmp_path / "b.mp4")[0] == 0
    assert changed(film, tmp_path / "b.mp4") > 40
    assert run("drive", film, film, "--attribute", "wings=1", "-o", tmp_path / "c.mp4")[0] == 2
    monkeypatch.setattr("mimica.engines.layers.masks.CHILD", 200.0)
    code, said = run("edit", film, "--attribute", "beard=1", "--attribute", "glasses=1", "-o", tmp_path / "d.mp4")
    assert code == 0 and "gets no beard" in " ".join(said.split())


def test_expressions_are_kept_and_listed(tmp_path: Path) -> None:
    face = tmp_path / "faces" / "grin.json"
    face.parent.mkdir()
    assert run("read", PHOTO, "--save", face)[0] == 0
    kept = expression_file.load(face)
    assert kept.seen["yaw"] == pytest.approx(largest_face(read_photo(PHOTO).rgb).yaw, abs=1e-3) and len(kept.controls) == 34
    code, said = run("expressions", face.parent)
    assert code == 0 and "grin" in said and "AU12L" in said
    assert json.loads(run("expressions", face.parent, "--json")[1])["grin"]["file"] == str(face)
    assert run("edit", PHOTO, "-e", f"@{face}:0.5", "-o", tmp_path / "a.png")[0] == 0
    assert run("edit", PHOTO, "-e", "@nothing", "-o", tmp_path / "b.png")[0] == 2
    assert run("expressions", tmp_path / "none")[0] == 2


def test_what_is_a_film(film: Path, tmp_path: Path) -> None:
    gif = tmp_path / "a.gif"
    gif.write_bytes(b"GIF89a")
    assert is_film(film) and is_film(Path("none.MOV")) and not is_film(PHOTO) and not is_film(Path("none.jpg"))
    assert is_film(gif) and is_film(gif, Path("b.mp4")) and not is_film(gif, Path("b.png"))
    assert is_film(Path("-"), Path("a.webm")) and not is_film(Path("-"), Path("a.png")) and not is_film(Path("-"))
    assert result_suffix(film) == ".mp4" and result_suffix(gif) == ".gif" and result_suffix(Path("a.mkv")) == ".mp4"
    assert "ganimation" in base.REGISTRY
