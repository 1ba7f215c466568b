"""OpenFace tables: units, round trip, and bad tables."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import DataError
from mimica.motion.files import left_out
from mimica.motion.openface import NO_SUCCESS, OTHER_FACE, read_table, read_track, write_track
from mimica.motion.track import Track


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(-60, 60)), min_size=1, max_size=5))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float, float]]) -> None:
    path = tmp_path_factory.mktemp("openface") / "track.csv"
    track = Track.dense(np.arange(len(rows)) / 25, ("AU12L", "AU12R", "yaw"), np.array(rows))
    write_track(track, path)
    back = read_track(path)
    assert np.allclose(back.times, track.times, atol=1e-6)
    for time in track.times:
        expected = track.sample(time)
        assert back.sample(time) == pytest.approx(expected, abs=1e-4)


def test_real_table(tmp_path: Path) -> None:
    path = tmp_path / "openface.csv"
    path.write_text(
        "frame, face_id, timestamp, confidence, success, pose_Tx, pose_Rx, pose_Ry, pose_Rz, AU12_r, AU45_r, AU28_c\n"
        "1, 0, 0.00, 0.98, 1, 10.0, 0.1, 0.5, -0.2, 2.5, 5.00, 0\n"
        "1, 1, 0.00, 0.98, 1, 90.0, 0.0, 0.0, 0.0, 5.0, 0.00, 0\n"
        "2, 0, 0.04, 0.01, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.00, 0\n"
        "3, 0, 0.08, 0.98, 1, 10.0, 0.1, 0.5, -0.2, 1.0, 0.00, 1\n"
    )
    track = read_track(path)
    assert track.times.tolist() == [0.0, 0.08]
    assert track.sample(0) == pytest.approx(
        {"AU12": 0.5, "AU45": 1.0, "yaw": -28.6479, "pitch": 5.72958, "roll": -11.4592}, abs=1e-3
    )
    assert track.sample(0.04)["AU12"] == pytest.approx(0.35)


def test_writes_openface_units_and_means_at_fps(tmp_path: Path) -> None:
    track = Track.from_keyframes([(0, {"AU12L": 0.0, "AU12R": 0.4}, "linear"), (1, {"AU12L": 1.0, "AU12R": 0.4}, "ease")])
    write_track(track, tmp_path / "t.csv", fps=2)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "frame,face_id,timestamp,confidence,success,AU12_r,AU12L_r,AU12R_r"
    assert lines[2] == "2,0,0.500000,1.00,1,2.250000,2.500000,2.000000" and len(lines) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "timestamp"),
        ("timestamp\n0\n", "AU12_r"),
        ("timestamp,AU12_r\n0,x\n", "Line 2"),
        ("timestamp,AU12_r\n0\n", "Line 2"),
        ("timestamp,AU12_r\n0,nan\n", "Line 2"),
        ("timestamp,AU12_r\n1,0\n0,0\n", "falls"),
        ("timestamp,success,AU12_r\n1,0,0\n", "no row"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_track(tmp_path / "bad.csv")


def test_missing_file_and_relative_track(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_track(tmp_path / "none.csv")
    with pytest.raises(DataError, match="relative"):
        write_track(Track.from_keyframes([(0, {"AU12": -0.5}, "linear")], relative=True), tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []


HOLES = ("nan", "-nan(ind)", "-1.#IND", "", "inf", "n/a")


@pytest.mark.parametrize("hole", HOLES)
def test_rows_that_are_not_used_may_have_holes(tmp_path: Path, hole: str) -> None:
    """OpenFace writes them where it lost the face; so do others, in any column, and for faces that are not followed."""
    path = tmp_path / "holes.csv"
    path.write_text(
        "frame, face_id, timestamp, confidence, success, pose_Rx, AU12_r\n"
        f"1, 0, 0.00, {hole}, 0, {hole}, {hole}\n"
        f"1, 0, 0.00, {hole}, {hole}, {hole}, {hole}\n"
        "2, 3, 0.04, 0.98, 1, 0.1, 2.5\n"
        f"2, 4, 0.04, 0.98, 1, {hole}, {hole}\n"
        f"3, {hole}, {hole}, 0.98, 1, {hole}, {hole}\n"
        "4, 3, 0.12, 0.98, 1, 0.1, 5.0\n"
    )
    table = read_table(path)
    assert table.track.times.tolist() == [0.04, 0.12] and table.track.sample(0.12)["AU12"] == 1
    assert (table.rows, dict(table.left_out)) == (6, {NO_SUCCESS: 2, OTHER_FACE: 2})
    assert str(table) == f"of 6 rows 4 were left out: 2 {NO_SUCCESS}, 2 {OTHER_FACE}."
    assert left_out(path) == [f"'{path}': {table}"]


def test_a_hole_in_a_row_that_is_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("timestamp, success, AU12_r\n0, 0, nan\n1, 1, -nan(ind)\n")
    with pytest.raises(DataError, match=r"Line 3 of .* has ' ?-nan\(ind\)' in the column 'AU12_r'"):
        read_track(tmp_path / "a.csv")


@pytest.mark.parametrize("text", ['timestamp,AU12_r\n0,"open\n' + "x" * 140_000, "a\0b\n0,1\n"])
def test_cells_without_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=r"cannot be read|no OpenFace table|cells"):
        read_track(tmp_path / "a.csv")


@given(st.floats(-25, 25), st.floats(-20, 20), st.floats(-20, 20), st.floats(-15, 15))
def test_gaze_goes_there_and_back(tmp_path_factory: pytest.TempPathFactory, yaw: float, pitch: float, x: float, y: float) -> None:
    path = tmp_path_factory.mktemp("openface") / "track.csv"
    row = {"yaw": yaw, "pitch": pitch, "roll": 3.0, "gaze_x": x, "gaze_y": y, "zoom": 0.01}
    write_track(Track.from_keyframes([(0.0, row, "linear")]), path)
    assert "zoom" not in path.read_text() and "gaze_angle_x" in path.read_text()
    del row["zoom"]
    assert read_track(path).sample(0.0) == pytest.approx(row, abs=1e-3)
