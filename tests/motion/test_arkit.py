"""ARKit's blendshapes: names, both directions, tables of phones and of MediaPipe, what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import DataError
from mimica.facs import ACTION_UNITS, SIDED_AU_NAMES
from mimica.motion.arkit import NAMES, SHAPES_OF, action_units, blendshapes, is_table, read_track
from mimica.motion.files import read_motion

LIVE_LINK = ["Timecode", "BlendshapeCount", *(name[0].upper() + name[1:] for name in NAMES), "HeadYaw", "HeadPitch", "HeadRoll"]


def table(path: Path, header: list[str], rows: list[dict[str, object]]) -> Path:
    lines = [",".join(header)] + [",".join(str(row.get(name, 0)) for name in header) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_all_52_names_once_and_every_action_unit_has_some() -> None:
    assert len(NAMES) == len(set(NAMES)) == 52
    assert set(SHAPES_OF) == set(SIDED_AU_NAMES)
    assert {shape for shapes in SHAPES_OF.values() for shape in shapes} <= set(NAMES)
    assert all(unit.blendshapes for unit in ACTION_UNITS)


def test_sides_are_the_subjects() -> None:
    units = action_units({"mouthSmileLeft": 0.8, "mouthSmileRight": 0.1, "jawOpen": 0.5})
    assert units["AU12L"] == 0.8 and units["AU12R"] == 0.1 and units["AU26L"] == units["AU26R"] == 0.5
    assert "AU01L" not in units, "what the table does not tell stays the photo's"
    assert action_units({"mouthRollLower": 0.4, "mouthPressLeft": 0.2, "mouthPressRight": 0.9})["AU23R"] == 0.9


@given(st.fixed_dictionaries({name: st.floats(0, 1) for name in SIDED_AU_NAMES}))
def test_there_and_back(units: dict[str, float]) -> None:
    for shape in ("AU01", "AU17", "AU26"):  # ARKit has one blendshape for both sides of these
        units[shape + "R"] = units[shape + "L"]
    weights = blendshapes(units)
    assert tuple(weights) == NAMES
    assert action_units(weights) == pytest.approx(units)


def test_a_recording_of_live_link_face(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"Timecode": "23:59:59:58.500", "JawOpen": 0.0, "EyeBlinkLeft": 1.0},
        {"Timecode": "00:00:00:28.500", "JawOpen": 1.0},
    ]
    track = read_track(table(tmp_path / "take.csv", LIVE_LINK, rows))
    assert track.times == pytest.approx([0.0, 0.5]) and not track.relative
    middle = track.sample(0.25)
    assert middle["AU26L"] == pytest.approx(0.5) and middle["AU45L"] == pytest.approx(0.5) and middle["AU45R"] == 0
    assert "yaw" not in track.names


def test_a_table_of_mediapipe(tmp_path: Path) -> None:
    header = ["timestamp_ms", "_neutral", "browInnerUp", "mouthSmileLeft", "mouthSmileRight", "jawOpen", "eyeBlinkLeft"]
    rows: list[dict[str, object]] = [{"timestamp_ms": 40 * i, "mouthSmileLeft": i / 4, "browInnerUp": -0.01} for i in range(5)]
    track = read_motion(table(tmp_path / "mp.csv", header, rows))({})
    assert track.seconds == pytest.approx(0.16) and track.sample(0.08)["AU12L"] == pytest.approx(0.5)
    assert track.sample(0.0)["AU01L"] == 0.0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time,jawOpen\n0,0\n", "no blendshapes"),
        ("jawOpen,mouthSmileLeft,mouthSmileRight,eyeBlinkLeft,eyeBlinkRight\n0,0,0,0,0\n", "no column for the time"),
        ("time,jawOpen,mouthSmileLeft,mouthSmileRight,eyeBlinkLeft,eyeBlinkRight\n0,x,0,0,0,0\n", "'x' in the column 'jawOpen'"),
        ("time,jawOpen,mouthSmileLeft,mouthSmileRight,eyeBlinkLeft,eyeBlinkRight\n1,0,0,0,0,0\n0,0,0,0,0,0\n", "fall"),
        ("time,jawOpen,mouthSmileLeft,mouthSmileRight,eyeBlinkLeft,eyeBlinkRight\n1,0,0\n", "cells"),
        ("Timecode,jawOpen,mouthSmileLeft,mouthSmileRight,eyeBlinkLeft,eyeBlinkRight\n1:2,0,0,0,0,0\n", "HH:MM:SS:FF"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=sentence):
        read_track(tmp_path / "a.csv")


def test_openfaces_tables_are_not_taken_for_blendshapes(tmp_path: Path) -> None:
    assert not is_table(["frame", "timestamp", "AU12_r", "jawOpen"])
    (tmp_path / "a.csv").write_text("timestamp,AU12_r\n0,0\n1,5\n")
    assert np.isclose(read_motion(tmp_path / "a.csv")({}).sample(1.0)["AU12"], 1.0)
