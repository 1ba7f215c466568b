"""Asked against seen: an engine that does nothing, one that lacks heads, figures worked out by hand; a sheet."""

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth

from mimica.engines.ganimation.edit import load
from mimica.errors import ValueRangeError
from mimica.evaluate import pose
from mimica.evaluate.pose import evaluate, figures, into_camera, sheet
from mimica.motion.track import GAZE, POSE

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def test_figures() -> None:
    rows = [("yaw", a, a, {"yaw": 0.5 * a}) for a in (-10.0, 10.0, 20.0)] + [("yaw", 20.0, 20.0, None)]
    made = figures(rows)
    assert (made["gain"], made["r"], made["lost"]) == (pytest.approx(0.5), pytest.approx(1), 1)
    assert made["error"] == pytest.approx(40 / 6)


def test_who_looks_into_the_camera_turns_the_eyes_against_the_head() -> None:
    heads = [{"yaw": yaw, "pitch": 2 * yaw, "gaze_x": 3 - 0.7 * yaw, "gaze_y": 1 - 0.5 * yaw} for yaw in (-10.0, 0.0, 1.0, 12.0)]
    odd = {"yaw": 5.0, "pitch": -30.0, "gaze_x": 25.0, "gaze_y": -20.0}
    assert into_camera(heads) == pytest.approx({"gaze_x": 0.7, "gaze_y": 0.25})
    assert into_camera([*heads, odd])["gaze_x"] == pytest.approx(0.7, abs=0.05), "a few who look elsewhere do not count much"
    assert np.isnan(into_camera(heads[1:2])["gaze_x"])


def test_the_engine_turns_the_astronaut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        pose, "ASKED", {"yaw": (-10.0, 10.0), "pitch": (10.0,), "roll": (10.0,), "gaze_x": (15.0,), "gaze_y": (90.0,)}
    )
    ticks: list[int] = []
    report = evaluate([PHOTO], load(), progress=lambda: ticks.append(1))
    assert report.faces == 1 and len(ticks) == pose.renderings(1) == 6
    seen = report.seen["reader"]
    assert all(0.6 < seen[name]["gain"] < 1.4 for name in POSE), seen
    assert seen["gaze_x"]["gain"] > 0.3 and set(seen) == {*POSE, *GAZE}
    assert set(report.camera) == {"reader"}


def test_engines_without_heads_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="neither heads nor eyes"):
        evaluate([PHOTO], BrightMouth())


def test_a_sheet_has_a_row_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pose, "SHOWN", (("", {"yaw": 10.0}), ("surprise", {"gaze_x": 10.0})))
    made = sheet([PHOTO], load(), cell=64)
    assert made.dtype == np.uint8 and made.shape[1] == 3 * 64 + 4 * 6
