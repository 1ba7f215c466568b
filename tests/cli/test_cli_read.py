"""`mimica read` as a user meets it: table, JSON, picture, sentences. The reader is a stand-in."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import ASTRONAUT, reading

from mimica.errors import NoFaceError
from mimica.facs import AU_NAMES, EMOTIONS, SIDED_AU_NAMES
from mimica.pictures.images import read_photo, write_image
from mimica.reader import read as reader
from mimica.reader.plot import reading_picture
from mimica.reader.read import FaceReading

Run = Callable[..., int]


@pytest.fixture
def faces(monkeypatch: pytest.MonkeyPatch) -> list[FaceReading]:
    """What the stand-in finds."""
    found = [reading(), reading(ASTRONAUT + 150)]

    def find(rgb: np.ndarray, detector: object) -> list[FaceReading]:
        if not found:
            raise NoFaceError("In this photo no face was found.")
        return found

    monkeypatch.setattr(reader, "find_faces", find)
    return found


@pytest.fixture
def run(faces: list[FaceReading], monkeypatch: pytest.MonkeyPatch) -> Run:
    from mimica.cli import main

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["mimica", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "100")
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    return call


@pytest.fixture
def photo(tmp_path: Path, astronaut: np.ndarray) -> Path:
    write_image(tmp_path / "photo.png", astronaut)
    return tmp_path / "photo.png"


def test_json_is_one_object_a_face(run: Run, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("read", photo, "--json") == 0
    objects = json.loads(capsys.readouterr().out)
    assert [each["face"] for each in objects] == [1, 2]
    first = objects[0]
    assert set(first) == {
        *(
            "face",
            "confidence",
            "box",
            "pose",
            "gaze",
            "gaze_from_camera",
            "action_units",
            "action_units_by_side",
            "emotions",
            "landmarks",
            "irises",
        )
    }
    assert first["pose"] == {"yaw": 2.0, "pitch": 1.0, "roll": 0.0}
    assert first["gaze"] == {"x": 0.0, "y": 0.0} and first["gaze_from_camera"] == {"x": 2.0, "y": 1.0}
    assert tuple(first["action_units"]) == AU_NAMES and first["action_units"]["AU12"] == 0.225
    assert tuple(first["action_units_by_side"]) == SIDED_AU_NAMES and first["action_units_by_side"]["AU12L"] == 0.25
    assert tuple(first["emotions"]) == EMOTIONS
    assert first["landmarks"] == ASTRONAUT.tolist() and len(first["irises"]) == 2
    assert first["box"] == [181.0, 87.0, 270.0, 178.0]


def test_table_shows_units_and_sides_that_differ(
    run: Run, faces: list[FaceReading], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces[1] = reading(action_units=faces[0].action_units | {"AU02L": 0.9, "AU02R": 0.1})
    assert run("read", photo) == 0
    out = capsys.readouterr().out
    assert "Face 1" in out and "Face 2" in out and "yaw +2°" in out
    assert out.count("Lip Corner Puller") == 2 and "zygomaticus major" in out and "happiness" in out
    lines = [line for line in out.splitlines() if "AU02" in line]
    assert "0.10" in lines[0] and "L" not in lines[0].replace("Outer Brow Raiser", "").replace("pars lateralis", "")
    assert "0.50  L 0.90 R 0.10" in lines[1] and "████████" in lines[1]


@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_without_a_face(
    run: Run, faces: list[FaceReading], photo: Path, capsys: pytest.CaptureFixture[str], extra: list[str]
) -> None:
    faces.clear()
    assert run("read", photo, *extra) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == "Error: In this photo no face was found.\n"


def test_plot_is_written_beside_json(run: Run, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = photo.with_name("plot.png")
    assert run("read", photo, "--json", "--plot", plot) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert read_photo(plot).rgb.shape[1] > 1000


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--plot", "plot.pdf"], "must end in"),
        (["--plot", "none/plot.png"], "no folder"),
        (["--detector", "hawk"], "no detector 'hawk'"),
        (["--detector", "mediapipe"], "--model"),
    ],
)
def test_bad_options(run: Run, photo: Path, capsys: pytest.CaptureFixture[str], options: list[str], word: str) -> None:
    assert run("read", photo, *options) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and word in captured.err and captured.err.count("\n") == 1


@pytest.mark.parametrize(("count", "rows", "columns"), [(0, 1, 0), (1, 1, 1), (3, 1, 3), (4, 2, 0), (9, 4, 0)])
def test_picture_has_a_panel_for_each_face(astronaut: np.ndarray, count: int, rows: int, columns: int) -> None:
    picture = reading_picture(astronaut, [reading() for _ in range(count)])
    assert picture.dtype == np.uint8
    assert picture.shape[0] // 840 == rows and picture.shape[1] >= 840 + 400 * columns


def test_picture_marks_the_face_and_its_values(astronaut: np.ndarray) -> None:
    """Where nothing was read the photo is as it was; a longer bar has more of the face's colour."""
    scale = 840 / 512
    empty, marked = reading_picture(astronaut, []), reading_picture(astronaut, [reading()])
    offset = (empty.shape[1] - 840) // 2
    differs = (marked[24:864, 24:864] != empty[24:864, offset : offset + 840]).any(axis=2)
    low, high = (ASTRONAUT.min(axis=0) - 3) * scale, (ASTRONAUT.max(axis=0) + 3) * scale
    rows, columns = np.nonzero(differs)
    assert differs.sum() > 500
    assert low[1] <= rows.min() and rows.max() <= high[1] and low[0] <= columns.min() and columns.max() <= high[0]
    strong = reading(action_units=dict.fromkeys(SIDED_AU_NAMES, 1.0))
    bars = [(panel[200:, 864:] == (0, 158, 168)).all(axis=2).sum() for panel in (marked, reading_picture(astronaut, [strong]))]
    assert bars[1] > 4 * bars[0]


def test_faces_at_the_border_and_outside(astronaut: np.ndarray) -> None:
    picture = reading_picture(astronaut[:120, :200], [reading(), reading(ASTRONAUT - 400), reading(ASTRONAUT * 0 + 5)])
    assert picture.dtype == np.uint8 and picture.std() > 0


def test_a_photo_from_standard_input(
    run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(photo.read_bytes())))
    assert run("read", "-", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert run("read", "-") == 2 and "Standard input is empty" in capsys.readouterr().err
