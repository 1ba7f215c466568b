"""`mimica edit`, `animate` and `grid` as a user meets them: files, exit codes, sentences. Engine and reader are stand-ins."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import ASTRONAUT, BrightMouth, reading

from mimica import api
from mimica.errors import NoFaceError
from mimica.pictures.images import read_comment, read_photo, write_image
from mimica.reader.read import FaceReading
from mimica.video.reader import open_video


@dataclass
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Done]
NO_TAG = ("--no-tag", "--yes-it-is-labelled-elsewhere")


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch) -> list[FaceReading]:
    """What the stand-in reader finds; an empty list is no face."""
    found = [reading()]

    def find(rgb: np.ndarray, detector: object) -> list[FaceReading]:
        if not found:
            raise NoFaceError("In this photo no face was found.")
        return found

    monkeypatch.setattr("mimica.film.photos.find_faces", find)
    monkeypatch.setattr(api, "load_engine", lambda name, weights: BrightMouth())
    return found


@pytest.fixture
def run(faces: list[FaceReading], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    from mimica.cli import main

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["mimica", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Done(int(left.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def photo(tmp_path: Path, astronaut: np.ndarray) -> Path:
    path = tmp_path / "photo.png"
    write_image(path, astronaut)
    return path


def test_edit_writes_beside_the_photo_and_says_where(run: Run, photo: Path, astronaut: np.ndarray) -> None:
    done = run("edit", photo, "--expression", "happy")
    expected = photo.with_name("photo_happiness.png")
    assert done == Done(0, f"{expected}\n", "")
    assert not np.array_equal(read_photo(expected).rgb, astronaut)
    assert "edited by Mimica" in (read_comment(expected) or "")


def test_edit_by_action_units_masks_and_no_tag(run: Run, photo: Path) -> None:
    output = photo.with_name("out.jpg")
    done = run("edit", photo, "--au", "12=0.8,45L+=0.3", "--au", "12R-=0.1", "-o", output, "--masks", *NO_TAG)
    masks = photo.with_name("out_masks.png")
    assert done.code == 0 and done.out.split() == [str(output), str(masks)]
    assert read_comment(output) is None and read_photo(masks).rgb.shape[1] > 1000


def test_intensity_0_gives_the_photos_own_pixels(run: Run, photo: Path, astronaut: np.ndarray) -> None:
    assert (
        run("edit", photo, "-e", "happy:0.6+sad:0.4", "-e", "angry:0.1", "--intensity", 0, "-o", photo.with_name("o.png")).code
        == 0
    )
    assert np.array_equal(read_photo(photo.with_name("o.png")).rgb, astronaut)


def test_repeated_expressions_are_mixed(run: Run, photo: Path) -> None:
    run("edit", photo, "-e", "happy:0.6", "-e", "surprised:0.4", "-o", photo.with_name("a.png"))
    run("edit", photo, "-e", "happy:0.6+surprised:0.4", "-o", photo.with_name("b.png"))
    assert np.array_equal(read_photo(photo.with_name("a.png")).rgb, read_photo(photo.with_name("b.png")).rgb)


def test_the_masks_never_overwrite_the_photo(run: Run, photo: Path, astronaut: np.ndarray) -> None:
    named = photo.rename(photo.with_name("out_masks.png"))
    assert run("edit", named, "-e", "happy", "--masks", "-o", named.with_name("out.png")).code == 2
    assert np.array_equal(read_photo(named).rgb, astronaut)


def test_several_faces(run: Run, photo: Path, faces: list[FaceReading]) -> None:
    faces.append(reading(ASTRONAUT + np.float32([150, 100])))
    done = run("edit", photo, "-e", "happy")
    assert done.code == 0 and done.err.startswith("Warning: ") and "2 faces" in done.err and done.err.count("\n") == 1
    assert run("edit", photo, "-e", "happy", "--face", "2").err == ""
    assert run("edit", photo, "-e", "happy", "--face", "all").err == ""
    assert run("edit", photo, "-e", "happy", "--face", "3").code == 2


BAD = [
    (["-e", "hapy"], "happy"),
    (["-e", "happy:3"], "0 to 1.5"),
    ([], "--expression"),
    (["--au", "12=1.4"], "--au"),
    (["--au", "99=0.4"], "99"),
    (["-e", "happy", "--intensity", "nan"], "intensity"),
    (["-e", "happy", "--face", "first"], "largest"),
    (["-e", "happy", "-o", "nowhere/out.jpg"], "no folder"),
    (["-e", "happy", "-o", "out.xyz"], ".jpg"),
    (["-e", "happy", "-o", "photo.png"], "photo"),
    (["-e", "happy", "-o", "folder.png"], "is a folder"),
    (["-e", "happy", "--detector", "eyes"], "dlib"),
]


@pytest.mark.parametrize(("arguments", "word"), BAD)
def test_bad_requests_end_in_one_sentence(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], word: str
) -> None:
    monkeypatch.setattr("mimica.film.photos.read_photo", lambda *_: pytest.fail("the photo was opened"))
    monkeypatch.chdir(photo.parent)
    Path("folder.png").mkdir()
    done = run("edit", "photo.png", *arguments)
    assert done.code == 2 and done.out == "" and done.err.startswith("Error: ") and done.err.count("\n") == 1
    assert word in done.err and sorted(p.name for p in photo.parent.iterdir()) == ["folder.png", "photo.png"]


def test_no_photo_and_no_face(run: Run, photo: Path, faces: list[FaceReading]) -> None:
    assert run("edit", photo.with_name("missing.png"), "-e", "happy").code == 2
    faces.clear()
    done = run("edit", photo, "-e", "happy")
    assert done.code == 2 and "no face" in done.err and len(list(photo.parent.iterdir())) == 1


def test_animate_there_and_back(run: Run, photo: Path) -> None:
    done = run("animate", photo, "-e", "surprised", "--seconds", 0.5, "--fps", 8, "--size", 128, "--blinks", "--seed", 1)
    output = photo.with_name("photo_animated.mp4")
    assert done == Done(0, f"{output}\n", "")
    video = open_video(output)
    assert video.size == (128, 128) and sum(1 for _ in video) == 4


@pytest.mark.parametrize("name", ["out.gif", "out.webp", "out.webm", "frames"])
def test_animate_writes_every_format(run: Run, photo: Path, name: str) -> None:
    output = photo.with_name(name)
    done = run(
        "animate", photo, "--expressions", "happy@0, sad@0.3, photo@0.5", "--fps", 10, "--size", 64, "--loop", "-o", output,
        "--seconds", "0.8",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert len(list(output.iterdir())) == 8 if name == "frames" else output.stat().st_size > 500


def test_from_to_goes_straight(run: Run, photo: Path) -> None:
    output = photo.with_name("frames")
    assert run("animate", photo, "--from", "happy", "--to", "sad", "--seconds", 0.5, "--fps", 10, "-o", output).code == 0
    first, last = (read_photo(output / f"frame_0000{i}.png").rgb[139:155, 203:245].mean() for i in (1, 5))
    assert first > last + 30


def test_animate_along_a_table(run: Run, photo: Path) -> None:
    table = photo.with_name("curves.csv")
    table.write_text("timestamp,AU12_r\n0,1.0\n0.5,5.0\n")
    output = photo.with_name("frames")
    assert run("animate", photo, "--track", table, "--fps", 10, "-o", output).code == 0
    levels = [read_photo(path).rgb[139:155, 203:245].mean() for path in sorted(output.iterdir())]
    assert len(levels) == 5 and levels == sorted(levels) and levels[-1] > levels[0] + 30


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "expression"),
        (["-e", "happy", "--fps", "0"], "--fps is 0"),
        (["-e", "happy", "--fps", "nan"], "--fps"),
        (["-e", "happy", "--fps", "90", "-o", "o.gif"], "90 frames"),
        (["-e", "happy", "--seconds", "-3"], "seconds"),
        (["-e", "happy", "--seconds", "1e9"], "seconds"),
        (["-e", "happy", "--size", "10"], "size"),
        (["-e", "happy", "-o", "out.avi"], ".mp4"),
        (["-e", "happy", "-o", "used"], "files in it"),
        (["-e", "happy", "-o", "photo.png"], ".mp4"),
        (["--from", "happy"], "--to"),
        (["--from", "happy", "--to", "sad", "--expressions", "happy, sad"], "combined"),
        (["--from", "happy@0", "--to", "sad@2"], "times"),
        (["--expressions", "happy@1, sad@0"], "rise"),
        (["--expressions", "happy, sad", "-e", "happy"], "one of"),
        (["--track", "missing.csv"], "missing.csv"),
    ],
)
def test_bad_animations_end_in_one_sentence(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], word: str
) -> None:
    monkeypatch.setattr("mimica.film.photos.read_photo", lambda *_: pytest.fail("the photo was opened"))
    monkeypatch.chdir(photo.parent)
    Path("used").mkdir()
    Path("used/frame.png").touch()
    done = run("animate", "photo.png", *arguments)
    assert done.code == 2 and done.out == "" and done.err.count("\n") == 1
    assert word in done.err and sorted(p.name for p in photo.parent.iterdir()) == ["photo.png", "used"]


def test_grid(run: Run, photo: Path) -> None:
    assert run("grid", photo, "--cell", 48).out == f"{photo.with_name('photo_grid.png')}\n"
    samples = [photo.with_name(f"{i}.png") for i in range(3)]
    for path, seed in zip(samples, (1, 1, 2), strict=True):
        assert run("grid", photo, "--sample", 10, "--seed", seed, "--cell", 48, "-o", path).code == 0
    first, same, other = (read_photo(path).rgb for path in samples)
    assert np.array_equal(first, same) and not np.array_equal(first, other)


@pytest.mark.parametrize("arguments", [["--cell", "5"], ["--sample", "0"], ["--face", "all"], ["-o", "x.mp4"]])
def test_bad_grids(run: Run, photo: Path, arguments: list[str]) -> None:
    done = run("grid", photo, *arguments)
    assert done.code == 2 and done.err.startswith("Error: ") and len(list(photo.parent.iterdir())) == 1


def test_pose_gaze_look_and_alive_reach_the_library(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []

    def take(*_: object, **given: object) -> None:
        asked.append(given)
        raise NoFaceError("enough")

    monkeypatch.setattr(api, "edit", take)
    monkeypatch.setattr(api, "animate", take)
    words = ["--pose", "yaw=12,pitch=-5", "--pose", "roll=2", "--gaze", "x=10", "--look", "camera"]
    assert run("edit", photo, *words).code == 2
    assert (asked[0]["pose"], asked[0]["gaze"], asked[0]["look"]) == ("yaw=12,pitch=-5,roll=2", "x=10", "camera")
    run("animate", photo, "--alive", "--pose", "yaw=3")
    assert asked[1]["alive"] is True and asked[1]["pose"] == "yaw=3"
    assert "--pose" in run("edit", photo, "--pose", "jaw=3").err and "--look" in run("edit", photo, "--look", "up").err
