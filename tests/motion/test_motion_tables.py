"""The tables that `annotate` writes: py-feat's and ARKit's columns, and the way back from the latter."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mimica.errors import ValueRangeError
from mimica.facs import EMOTIONS, SIDED_AU_NAMES
from mimica.motion.files import read_motion
from mimica.motion.tables import LAYOUTS, layout
from mimica.reader.read import FaceReading

POINTS = np.stack([np.arange(68) + 0.5, 100.0 + np.arange(68)], axis=1).astype(np.float32)
UNITS = dict.fromkeys(SIDED_AU_NAMES, 0.0) | {"AU12L": 0.6, "AU12R": 0.2, "AU45L": 1.0, "AU45R": 0.5}
EMOTION = dict.fromkeys(EMOTIONS, 0.0) | {"happiness": 0.6, "contempt": 0.2, "neutral": 0.2}
READING = FaceReading((10.0, 20.0, 110.0, 170.0), POINTS, POINTS[:2], 0.876, 20.0, -10.0, 5.0, UNITS, EMOTION)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("landmarks", [False, True])
def test_rows_have_a_cell_for_each_column(name: str, landmarks: bool) -> None:
    one = layout(name)
    width = len(one.columns(landmarks))
    assert len(set(one.columns(landmarks))) == width
    assert len(one.face_row(READING, 3, 1, 0.08, landmarks)) == len(one.empty_row(3, 0.08, landmarks)) == width
    assert ("x_0" in one.columns(landmarks)) == landmarks


def test_pyfeat() -> None:
    one = layout("pyfeat")
    row = dict(zip(one.columns(True), one.face_row(READING, 1526, 0, 61.0, True), strict=True))
    assert (row["FaceRectX"], row["FaceRectY"], row["FaceRectWidth"], row["FaceRectHeight"]) == ("10.0", "20.0", "100.0", "150.0")
    assert (row["Pitch"], row["Yaw"], row["AU12"], row["AU43"], row["AU11"]) == ("-10.00", "20.00", "0.400", "0.750", "")
    assert (row["happiness"], row["neutral"]) == ("0.750", "0.250"), "contempt is shared out"
    assert (row["frame"], row["approx_time"], row["timestamp"], row["x_0"]) == ("1525", "01:01", "61.000", "0.0")
    assert one.empty_row(1, 0.0, False)[0] == ""


def test_arkits_table_moves_a_face_again(tmp_path: Path) -> None:
    one = layout("arkit")
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([one.columns(False), one.empty_row(1, 0.0, False), one.face_row(READING, 2, 0, 0.04, False)])
    track = read_motion(tmp_path / "a.csv")({})
    assert track.frame_count(25) == 1 and track.sample(0.0)["AU12L"] == pytest.approx(0.6)


def test_an_unknown_layout_is_named() -> None:
    with pytest.raises(ValueRangeError, match="pyfeat"):
        layout("py-feat")
