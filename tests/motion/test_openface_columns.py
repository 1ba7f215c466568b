"""OpenFace's table: its columns, units and signs; a track made from it says what the reading said."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mimica.facs import AU_NAMES, EMOTIONS, SIDED_AU_NAMES
from mimica.motion.openface import read_track
from mimica.motion.openface_columns import columns, empty_row, face_row
from mimica.reader.read import FaceReading

POINTS = np.stack([np.arange(68) + 0.5, 100.0 + np.arange(68)], axis=1).astype(np.float32)
UNITS = dict.fromkeys(SIDED_AU_NAMES, 0.0) | {"AU12L": 0.6, "AU12R": 0.2, "AU45L": 1.0, "AU45R": 1.0, "AU01L": 0.18, "AU01R": 0.2}
EMOTION = dict.fromkeys(EMOTIONS, 1 / 8)
GAZES = ((-8.0, 4.0), (-12.0, 6.0))
READING = FaceReading((0, 0, 9, 9), POINTS, POINTS[:2], 0.876, 20.0, -10.0, 5.0, UNITS, EMOTION, GAZES)


def test_columns_are_openfaces() -> None:
    names = columns(landmarks=True)
    units = [f"AU{number:02d}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45)]
    assert names == [
        *["frame", "face_id", "timestamp", "confidence", "success"],
        *["gaze_0_x", "gaze_0_y", "gaze_0_z", "gaze_1_x", "gaze_1_y", "gaze_1_z", "gaze_angle_x", "gaze_angle_y"],
        *["pose_Rx", "pose_Ry", "pose_Rz"],
        *[f"x_{i}" for i in range(68)],
        *[f"y_{i}" for i in range(68)],
        *[f"{unit}_r" for unit in units],
        *[f"{unit}_c" for unit in units],
    ]
    assert [name for name in names if name[:2] not in ("x_", "y_")] == columns()


def test_units_and_signs() -> None:
    row = dict(zip(columns(True), face_row(READING, 3, 1, 0.08, True), strict=True))
    assert [row[name] for name in ("frame", "face_id", "timestamp", "confidence", "success")] == ["3", "1", "0.080", "0.88", "1"]
    assert [row[name] for name in ("pose_Rx", "pose_Ry", "pose_Rz")] == ["-0.175", "-0.349", "0.087"]
    assert (row["x_0"], row["x_67"], row["y_0"]) == ("0.0", "67.0", "99.5")
    assert (row["AU12_r"], row["AU12_c"]) == ("2.00", "1")
    assert (row["AU45_r"], row["AU45_c"], row["AU04_r"], row["AU04_c"]) == ("5.00", "1", "0.00", "0")
    assert (row["AU01_r"], row["AU01_c"]) == ("0.95", "0")


def test_a_frame_without_a_face() -> None:
    for landmarks in (False, True):
        row = empty_row(7, 1.5, landmarks)
        assert len(row) == len(columns(landmarks))
        assert row[:5] == ["7", "0", "1.500", "0.00", "0"] and set(row[5:]) == {"0"}


def test_the_track_of_a_table_is_the_reading(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns(), face_row(READING, 1, 0, 0.0), empty_row(2, 0.04)])
    sample = read_track(tmp_path / "t.csv").sample(0.0)
    assert [sample[name] for name in ("yaw", "pitch", "roll")] == pytest.approx([20, -10, 5], abs=0.05)
    assert [sample[name] for name in AU_NAMES] == pytest.approx([READING.mean_action_units[name] for name in AU_NAMES], abs=0.002)


def test_gaze_is_in_the_cameras_axes_in_radians() -> None:
    straight = FaceReading((0, 0, 9, 9), POINTS, POINTS[:2], 0.9, 0.0, 0.0, 0.0, UNITS, EMOTION, ((10.0, 5.0), (10.0, 5.0)))
    row = {name: float(cell) for name, cell in zip(columns(), face_row(straight, 1, 0, 0.0), strict=True)}
    assert row["gaze_angle_x"] == pytest.approx(np.deg2rad(10), abs=1e-3) and row["gaze_angle_y"] == pytest.approx(
        np.deg2rad(5), abs=1e-3
    )
    assert row["gaze_0_z"] < 0 < row["gaze_0_x"], "towards the camera, and to the right of the picture"
    assert np.arctan2(row["gaze_1_x"], -row["gaze_1_z"]) == pytest.approx(np.deg2rad(10), abs=1e-3)
    assert sum(row[f"gaze_0_{axis}"] ** 2 for axis in "xyz") == pytest.approx(1, abs=1e-4)


def test_the_gaze_of_a_table_is_the_readings_in_the_head(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns(), face_row(READING, 1, 0, 0.0)])
    sample = read_track(tmp_path / "t.csv").sample(0.0)
    assert (sample["gaze_x"], sample["gaze_y"]) == pytest.approx((READING.gaze_x, READING.gaze_y), abs=0.2)
