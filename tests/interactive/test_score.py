"""Keyframes, scripts and recordings as animations; expression files; what is said of a script while it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mimica.animation import Prepared, own_controls, prepare
from mimica.cli import app
from mimica.engines.controls import GROUPS, describe, group_of, in_parts, parse_parts
from mimica.errors import DataError, ValueRangeError
from mimica.facs import SIDED_AU_NAMES
from mimica.interactive.score import Keyframe, Score, checked_script, curves, frame_at, performance, seconds_of
from mimica.interactive.uploads import camera_frame, on_paper
from mimica.motion import expression_file
from mimica.motion.track import Track

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture
def prepared(astronaut: np.ndarray) -> Prepared:
    return prepare(astronaut, [reading()], BrightMouth())


def test_keyframes_are_changes_from_the_photo(prepared: Prepared) -> None:
    score = Score(
        (Keyframe(0.0, {}), Keyframe(1.0, {"AU12L": 0.5}, "linear"), Keyframe(2.0, {"AU12L": 0.5, "AU45L": 1.0}, "hold"))
    )
    made = performance(prepared, score, fps=10)
    (track,) = made.tracks
    assert len(made) == 20 and seconds_of(made) == 2.0
    assert track.sample(0.5)["AU12L"] == pytest.approx(0.5) and track.sample(1.5)["AU45L"] == pytest.approx(0.1)
    assert (frame_at(made, 0.0) == prepared.photo).all()
    assert frame_at(made, 1.0)[141:152, 224:240].mean() > prepared.photo[141:152, 224:240].mean() + 20


def test_loops_blinks_and_stillness(prepared: Prepared) -> None:
    looped = performance(prepared, Score((Keyframe(0.0, {}), Keyframe(1.0, {"AU12L": 0.5})), loop=True), fps=10)
    assert looped.tracks[0].sample(2.0)["AU12L"] == pytest.approx(0.25) and len(looped) == 20 and looped.loop
    still = performance(prepared, Score(seconds=3.0), fps=10)
    assert len(still) == 30 and curves(still.tracks[0])["curves"] == {}
    blinking = performance(prepared, Score(seconds=6.0, blinks=True, seed=3), fps=25)
    assert max(curves(blinking.tracks[0])["curves"]["AU45L"]) > 0.8
    again = performance(prepared, Score(seconds=6.0, blinks=True, seed=3), fps=25)
    assert (again.tracks[0].values == blinking.tracks[0].values).all()


def test_scripts_and_recordings(prepared: Prepared) -> None:
    scripted = performance(prepared, Score(script="AU12L 0.9 over 1s"), fps=10)
    assert scripted.tracks[0].sample(1.0)["AU12L"] == pytest.approx(0.9)
    own = own_controls(reading())
    kept = Track.dense(np.array([0.0, 1.0]), ("AU12L",), np.array([[0.1], [0.7]]))
    recorded = performance(prepared, Score(recording=kept), fps=10)
    assert recorded.tracks[0].sample(1.0)["AU12L"] == 0.7 and recorded.tracks[0].sample(1.0)["AU01L"] == own["AU01L"]
    with pytest.raises(ValueRangeError, match="at most"):
        Score(tuple(Keyframe(i / 100, {}) for i in range(20_001))).motion()
    with pytest.raises(ValueRangeError, match="600"):
        Score((Keyframe(700.0, {}),)).motion()


@given(st.text(max_size=60))
def test_any_text_is_understood_or_answered(text: str) -> None:
    found = checked_script(text)
    assert found["ok"] or (found["message"] and found["line"] >= 1 and found["column"] >= 1)


def test_expression_files_are_read_back(tmp_path: Path) -> None:
    values = {**dict.fromkeys(SIDED_AU_NAMES, 0.25), "AU12L": 0.75}
    expression_file.save(values, tmp_path / "face.json")
    assert expression_file.loads((tmp_path / "face.json").read_bytes()) == values
    text = json.dumps({"mimica": "expression", "controls": {"AU12": 0.5, "yaw": -12, "ear_wiggle": 1}})
    assert expression_file.loads(text) == {"AU12": 0.5, "yaw": -12.0}, "what this version does not know is left out"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"yaw": 1}',
        '{"mimica": "expression"}',
        '{"mimica": "expression", "controls": {"AU12L": 1.5}}',
        '{"mimica": "expression", "controls": {"AU12L": "1"}}',
        '{"mimica": "expression", "controls": {"AU12L": NaN}}',
        "[" * 90_000,
        "x" * 200_000,
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(DataError):
        expression_file.loads(text)


def test_read_saves_the_expression(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["read", str(PHOTO), "--save", str(tmp_path / "face.json")])
    assert done.exit_code == 0 and expression_file.loads((tmp_path / "face.json").read_text())["AU12L"] > 0.5
    assert CliRunner().invoke(app, ["read", str(PHOTO), "--save", str(tmp_path / "face.txt")]).exit_code != 0


def test_controls_are_described_in_groups() -> None:
    described = {control.name: control for control in describe(BrightMouth())}
    assert (
        described["AU12L"].label == "Lip Corner Puller" and described["AU12L"].group == "mouth" and described["AU12L"].side == "L"
    )
    assert (described["AU45R"].low, described["AU45R"].high) == (0.0, 1.0)

    class Turner(BrightMouth):
        attributes = ("smile",)
        limits = MappingProxyType({"yaw": (-12.0, 12.0)})

    turning = {control.name: control for control in describe(Turner(controls=("AU12", "yaw", "gaze_x", "smile")))}
    assert (turning["yaw"].group, turning["yaw"].unit, turning["yaw"].high) == ("head", "°", 12.0) and turning["yaw"].relative
    assert turning["gaze_x"].group == "gaze" and turning["smile"].group == "attributes" and turning["AU12"].side == ""


def test_every_control_belongs_to_a_part() -> None:
    assert {group_of(name) for name in SIDED_AU_NAMES} == set(GROUPS) - {"head", "gaze"}
    assert in_parts(["mouth", "head"]) >= {"AU12L", "AU25R", "yaw"} and "AU01L" not in in_parts(["mouth"])
    assert in_parts(GROUPS) >= set(SIDED_AU_NAMES)
    assert parse_parts("Brows, mouth") == {"brows", "mouth"} and parse_parts(None) == set(GROUPS)
    with pytest.raises(ValueRangeError, match="did you mean 'mouth'"):
        parse_parts("mouht")


def test_camera_frames_are_jpeg_or_webp_and_not_too_large() -> None:
    import io

    from PIL import Image

    from mimica.errors import ImageError

    assert camera_frame(PHOTO.read_bytes()).shape == (512, 512, 3)
    for data in (b"", b"GIF89a", PHOTO.read_bytes()[:400]):
        with pytest.raises(ImageError, match="no JPEG"):
            camera_frame(data)
    large = io.BytesIO()
    Image.new("RGB", (4000, 2000)).save(large, "JPEG")
    with pytest.raises(ImageError, match="1920 x 1080"):
        camera_frame(large.getvalue())


def test_transparent_previews_are_on_white() -> None:
    rgb, alpha = np.zeros((2, 2, 3), np.uint8), np.array([[0, 255], [128, 255]], np.uint8)
    assert on_paper(rgb, alpha)[..., 0].tolist() == [[255, 0], [127, 0]] and on_paper(rgb, None) is rgb
