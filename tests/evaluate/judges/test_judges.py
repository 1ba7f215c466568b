"""The judges: how they are named, what they make of what their instruments give."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bright_mouth import ASTRONAUT

from mimica.errors import DataError, MissingExtraError, ValueRangeError, WeightsError
from mimica.evaluate.judges.base import judges_at_work, open_judges
from mimica.evaluate.judges.mediapipe import lips_apart, pose_of, units_of
from mimica.evaluate.judges.packages import PyFaceAuJudge, PyFeatJudge
from mimica.evaluate.judges.tables import OpenFaceJudge


def test_names_and_files() -> None:
    for word, sentence in (
        ("mediapip=x", "mean|judges are"),
        ("mediapipe", "mediapipe=FILE"),
        ("reader=x.onnx", "written reader"),
    ):
        with pytest.raises(ValueRangeError, match=sentence):
            open_judges([word])
    (judge,) = open_judges(["reader", "reader"])
    assert judge.ours and len(judge.counted) == 17


def test_missing_packages_and_files_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, module in (("mediapipe=x", "mediapipe"), ("pyfeat", "feat"), ("pyfaceau", "pyfaceau")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError, match="pip install"):
            open_judges([name])
    monkeypatch.setitem(sys.modules, "mediapipe", SimpleNamespace())
    with pytest.raises(WeightsError, match="no file"):
        open_judges([f"mediapipe={tmp_path / 'x.task'}"])


def test_the_independent_judge_comes_first(tmp_path: Path) -> None:
    judges = open_judges(["reader", f"openface={tmp_path}"])
    assert [judge.name for judge in judges] == ["openface", "reader"] and [judge.ours for judge in judges] == [False, True]


def test_the_reader_reads(astronaut: np.ndarray) -> None:
    (judge,) = open_judges(["reader"])
    seen = judge.read(astronaut, ASTRONAUT, "astronaut")
    assert seen is not None and seen.units["AU12"] > 0.2 and max(seen.emotions, key=lambda e: seen.emotions[e]) == "happiness"
    assert seen.pose is not None and all(abs(angle) < 30 for angle in seen.pose)


def test_blendshapes_are_averaged_over_the_sides() -> None:
    units = units_of({"mouthSmileLeft": 0.8, "mouthSmileRight": 0.4, "jawOpen": 0.3, "tongueOut": 1.0})
    assert units == {"AU12": pytest.approx(0.6), "AU26": pytest.approx(0.3)}


def test_lips_apart_over_the_eyes() -> None:
    face = [SimpleNamespace(x=0.0, y=0.0) for _ in range(478)]
    face[13], face[14] = SimpleNamespace(x=0.5, y=0.60), SimpleNamespace(x=0.5, y=0.63)
    face[33], face[263] = SimpleNamespace(x=0.25, y=0.4), SimpleNamespace(x=0.75, y=0.4)
    assert lips_apart(face, np.array([200, 200])) == pytest.approx(0.06 / 0.12)


def test_pose_of_a_turn() -> None:
    angle = np.radians(20)
    turn = np.eye(4)
    turn[:3, :3] = 2 * np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    assert pose_of(turn) == pytest.approx((20, 0, 0), abs=1e-6)


def test_openfaces_tables(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "face, confidence, AU12_r, AU45_r, pose_Rx, pose_Ry, pose_Rz\n0, 0.98, 2.5, 5.0, 0.1, -0.2, 0\n"
    )
    (tmp_path / "none.csv").write_text("face, confidence, AU12_r\n")
    judge = OpenFaceJudge(tmp_path)
    seen = judge.read(np.zeros((4, 4, 3), np.uint8), ASTRONAUT, "a")
    assert seen is not None and seen.units == {"AU12": 0.5, "AU45": 1.0}
    assert seen.pose == pytest.approx((np.degrees(0.2), np.degrees(0.1), 0))
    assert judge.read(np.zeros((4, 4, 3), np.uint8), ASTRONAUT, "b") is None
    with pytest.raises(DataError, match="no row with a face"):
        judge.read(np.zeros((4, 4, 3), np.uint8), ASTRONAUT, "none")
    with pytest.raises(DataError, match="no folder"):
        OpenFaceJudge(tmp_path / "absent")


def test_py_feat_through_its_documented_interface(monkeypatch: pytest.MonkeyPatch, astronaut: np.ndarray) -> None:
    pandas = pytest.importorskip("pandas")
    asked: list[str] = []

    class Detector:
        def detect(self, path: str, data_type: str) -> object:
            asked.append(data_type)
            assert Path(path).is_file()
            return pandas.DataFrame(
                [{"AU01": 0.25, "AU43": 0.75, "AU12": float("nan"), "happiness": 0.9, "angry": 0.1, "x": "y"}]
            )

    monkeypatch.setitem(sys.modules, "feat", SimpleNamespace(Detector=Detector))
    seen = PyFeatJudge().read(astronaut, ASTRONAUT, "")
    assert asked == ["image"] and seen is not None
    assert seen.units == {"AU01": 0.25, "AU45": 0.75} and seen.emotions == {"happiness": 0.9, "anger": 0.1}


def test_pyfaceau_takes_bgr_and_gives_0_to_5(monkeypatch: pytest.MonkeyPatch, astronaut: np.ndarray) -> None:
    class FaceAnalyzer:
        def analyze(self, picture: np.ndarray) -> object:
            assert np.array_equal(picture[..., ::-1], astronaut)
            return SimpleNamespace(au_intensities={"AU12_r": 2.5, "AU99": 1.0})

    monkeypatch.setitem(sys.modules, "pyfaceau", SimpleNamespace(FaceAnalyzer=FaceAnalyzer))
    seen = PyFaceAuJudge().read(astronaut, ASTRONAUT, "")
    assert seen is not None and seen.units == {"AU12": 0.5}


def test_what_an_instrument_holds_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    holds, plain = SimpleNamespace(close=lambda: closed.append("closed")), SimpleNamespace()
    monkeypatch.setattr("mimica.evaluate.judges.base.open_judges", lambda words: [plain, holds])
    with pytest.raises(DataError), judges_at_work(["x"]) as judges:
        assert len(judges) == 2 and not closed
        raise DataError("in the block")
    assert closed == ["closed"]
