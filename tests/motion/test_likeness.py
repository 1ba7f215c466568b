"""The expression of another face, and expressions in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimica.errors import DataError, ValueRangeError
from mimica.facs import SIDED_AU_NAMES
from mimica.motion import expression_file
from mimica.motion.expression import Expression, wanted
from mimica.motion.likeness import REST, Likeness, rest_of, shown_by
from mimica.motion.track import HEAD

NEUTRAL = {name: REST[name[:-1]] / 2 for name in SIDED_AU_NAMES} | dict.fromkeys(HEAD, 0.0)
SMILING = {**NEUTRAL, "AU12L": 0.8, "AU12R": 0.7, "yaw": 10.0, "gaze_x": 4.0}


def test_what_neutral_faces_are_read_with_is_no_expression() -> None:
    assert not any(shown_by(NEUTRAL).values()) and rest_of(NEUTRAL) == {name: NEUTRAL[name] for name in SIDED_AU_NAMES}
    assert shown_by(SMILING)["AU12L"] == pytest.approx((0.8 - REST["AU12"]) / (1 - REST["AU12"]))


def test_a_smile_goes_over_and_a_calm_face_calms() -> None:
    smile = Likeness(other=SMILING).target(NEUTRAL)
    assert smile["AU12L"] == pytest.approx(0.8, abs=0.02) and smile["AU04L"] == NEUTRAL["AU04L"]
    assert Likeness(other=NEUTRAL).target(SMILING)["AU12L"] == pytest.approx(REST["AU12"])
    assert Likeness(other=SMILING, ratio=0.5).target(NEUTRAL)["AU12L"] == pytest.approx(0.4, abs=0.02)


def test_parts_limit_it_and_bring_pose_and_gaze() -> None:
    assert Likeness(other=SMILING).head_changes(NEUTRAL) == {}
    only = frozenset(("AU12L", "yaw"))
    shown = Likeness(other=SMILING, only=only, ratio=0.5).target(NEUTRAL)
    assert shown["AU12R"] == NEUTRAL["AU12R"] and shown["AU12L"] > 0.3 and shown["yaw"] == 5.0 and shown["gaze_x"] == 0.0


def test_only_limits_other_expressions_too() -> None:
    shown = Expression((("happiness", 1.0),), only=frozenset(("AU06L",))).target(NEUTRAL)
    assert shown["AU06L"] == 0.8 and shown["AU12L"] == NEUTRAL["AU12L"]


def test_an_expression_in_a_file_is_mixed_with_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIMICA_CONFIG", str(tmp_path / "settings"))
    expression_file.save({"AU14L": 0.6, "gaze_x": 5.0}, tmp_path / "smirk.json", {"yaw": 12.0})
    assert wanted("@smirk").target(NEUTRAL)["AU14L"] == pytest.approx(0.6)
    mixed = wanted("happy:0.5+@smirk.json:0.5").target(NEUTRAL)
    assert mixed["AU14L"] == pytest.approx(0.3) and mixed["AU12L"] == pytest.approx(0.5) and mixed["gaze_x"] == 2.5
    assert wanted("@smirk").label == "smirk" and mixed["yaw"] == 0, "pose that was seen counts where it is asked for"
    assert wanted("@smirk", only=frozenset(("yaw",))).target(NEUTRAL)["yaw"] == 12.0
    expression_file.library_folder().mkdir(parents=True)
    (tmp_path / "smirk.json").rename(expression_file.library_folder() / "wry.json")
    assert wanted("@wry").target(NEUTRAL)["AU14L"] == pytest.approx(0.6)
    with pytest.raises(DataError, match="no expression '@smirk'"):
        wanted("@smirk")
    with pytest.raises(ValueRangeError, match="weight"):
        wanted("@wry:9")


def test_a_folder_is_a_library(tmp_path: Path) -> None:
    for name in ("b10", "b2"):
        expression_file.save({"AU12": 0.4}, tmp_path / f"{name}.json")
    (tmp_path / "other.json").write_text("{}")
    found, others = expression_file.presets(tmp_path)
    assert [preset.name for _, preset in found] == ["b2", "b10"] and len(others) == 1 and "other.json" in others[0]
    with pytest.raises(DataError, match="no folder"):
        expression_file.presets(tmp_path / "none")
