"""Driving videos: what a known driver does arrives at the photo; gaps are held and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import reading

from mimica.errors import NoFaceError, ValueRangeError
from mimica.facs import SIDED_AU_NAMES
from mimica.motion.driving import NAMES, Driver, assemble, calmest, describe_gaps, read_driver
from mimica.reader.follow import Finder
from mimica.reader.read import FaceReading
from mimica.video.writer import VideoWriter

FPS = 25.0
OWN = dict.fromkeys(NAMES, 0.0) | {"AU12L": 0.25, "AU45L": 0.2, "AU45R": 0.2, "yaw": -3.0}


def driver(curves: dict[str, np.ndarray], rest: dict[str, float] | None = None) -> Driver:
    """A driver who shows `rest` but for the curves."""
    count = len(next(iter(curves.values())))
    values = np.tile([(rest or {}).get(name, 0.0) for name in NAMES], (count, 1))
    for name, curve in curves.items():
        values[:, NAMES.index(name)] = curve
    return assemble(np.arange(count) / FPS, dict(enumerate(values)), FPS)


def test_changes_go_over_to_what_the_photo_shows() -> None:
    curve = np.array([0.4] * 20 + [0.9] * 20)
    track = driver({"AU12L": curve}, {"AU04L": 0.3, "yaw": 10.0}).track(OWN)
    assert track.sample(0.0)["AU12L"] == pytest.approx(0.25), "at rest the photo stays as it is"
    assert track.sample(1.2)["AU12L"] == pytest.approx(0.75)
    assert track.sample(1.2)["AU04L"] == 0 and track.sample(1.2)["yaw"] == -3, "how the driver looks at rest does not show"


def test_gain_and_absolute() -> None:
    made = driver({"AU12L": np.array([0.4] * 20 + [0.6] * 20)})
    assert made.track(OWN, gain=2.0).sample(1.2)["AU12L"] == pytest.approx(0.65)
    assert made.track(OWN, transfer="absolute").sample(1.2)["AU12L"] == pytest.approx(0.6)
    with pytest.raises(ValueRangeError, match="gain"):
        made.track(OWN, gain=0)


def test_a_blink_closes_the_photos_eyes() -> None:
    lids = np.array([0.35] * 40 + [0.7, 1.0, 1.0, 0.6] + [0.35] * 40)
    track = driver({"AU45L": lids, "AU45R": lids}).track(OWN)
    assert track.sample(41 / FPS)["AU45L"] == pytest.approx(1.0)
    assert track.sample(0)["AU45L"] == pytest.approx(0.2)


def test_values_stay_legal() -> None:
    track = driver({"AU12L": np.linspace(0, 1, 60), "yaw": np.linspace(-170, 170, 60)}).track(OWN | {"yaw": 90.0}, gain=3.0)
    assert track.values.max() <= 180 and track.values[:, :34].min() >= 0 and track.values[:, :34].max() <= 1


def test_every_frame_has_its_time() -> None:
    assert driver({"AU12L": np.zeros(40)}).track(OWN).frame_count(FPS) == 40


def test_the_calmest_frames_are_the_driver_at_rest() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(0.2, 0.9, (100, len(NAMES)))
    values[60:75] = 0.15
    assert np.allclose(calmest(values, np.arange(100) / FPS), 0.15)
    mean = values[:, : len(SIDED_AU_NAMES)].mean()
    assert mean > 0.4


def test_gaps_are_held_and_told() -> None:
    frames = {i: np.full(len(NAMES), i / 100) for i in range(50) if not 10 <= i < 20 and i not in (0, 1)}
    made = assemble(np.arange(50) / FPS, frames, FPS)
    assert (made.values[10:20] == 0.09).all() and (made.values[:2] == 0.02).all()
    assert made.gaps == [(0.0, pytest.approx(0.08)), (pytest.approx(0.4), pytest.approx(0.8))]
    (sentence,) = describe_gaps(made)
    assert "12 of 50 frames" in sentence and "0.4 to 0.8 s" in sentence
    assert describe_gaps(driver({"AU12L": np.zeros(5)})) == []


def test_a_neutral_moment_named() -> None:
    values = {i: np.full(len(NAMES), 0.5 if i == 30 else 0.1) for i in range(50)}
    assert assemble(np.arange(50) / FPS, {30: values[30]}, FPS, neutral=1.2).neutral[0] == 0.5
    with pytest.raises(ValueRangeError, match="outside"):
        assemble(np.arange(50) / FPS, values, FPS, neutral=9)
    with pytest.raises(NoFaceError, match=r"at 0.4 s"):
        assemble(np.arange(50) / FPS, {30: values[30]}, FPS, neutral=0.4)


class _Brightness(Finder):
    """Sees a face in what is not black; AU12 of the left side is the brightness. A second, small face is always there."""

    def __init__(self, second: bool = False) -> None:
        self.second = second

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        bright = float(rgb.mean()) / 255
        one = reading(action_units={**dict.fromkeys(SIDED_AU_NAMES, 0.0), "AU12L": bright})
        points = one.landmarks_photo * 0.3
        box = (float(points[:, 0].min()), float(points[:, 1].min()), float(points[:, 0].max()), float(points[:, 1].max()))
        small = replace(reading(), landmarks_photo=points, box_photo=box)
        return [small] * self.second + [one] * (bright > 0.05)

    def follow(self, rgb: np.ndarray, readings: Sequence[FaceReading]) -> list[FaceReading]:
        found = self.find(rgb)
        return found if len(found) == len(readings) else [replace(reading, confidence=0.0) for reading in readings]


def _video(path: Path, levels: Sequence[int]) -> Path:
    with VideoWriter(path, FPS, (64, 48)) as writer:
        for level in levels:
            writer.write(np.full((48, 64, 3), level, np.uint8))
    return path


@pytest.mark.parametrize("second", [False, True])
def test_a_video_is_read(tmp_path: Path, second: bool) -> None:
    levels = [60] * 15 + [200] * 15 + [0] * 5 + [60] * 15
    counted: list[int] = []
    made = read_driver(
        _video(tmp_path / "d.mp4", levels), _Brightness(second), raw=True, progress=lambda done, total: counted.append(done)
    )
    smile = made.values[:, NAMES.index("AU12L")]
    assert np.allclose(smile[made.seen], np.array(levels)[made.seen] / 255, atol=0.03)
    assert (~made.seen).sum() == 5 and np.allclose(smile[30:35], 200 / 255, atol=0.03), "the largest face, held where it is gone"
    assert made.neutral[NAMES.index("AU12L")] == pytest.approx(60 / 255, abs=0.03)
    assert counted == list(range(1, 51)) and made.fps == FPS


def test_a_video_without_faces(tmp_path: Path) -> None:
    with pytest.raises(NoFaceError, match="no frame shows a face"):
        read_driver(_video(tmp_path / "d.mp4", [0] * 5), _Brightness())


def test_head_and_eyes_go_over_as_changes_by_their_own_gain() -> None:
    turned = driver({"yaw": np.array([4.0] * 20 + [12.0] * 20), "gaze_x": np.array([2.0] * 20 + [8.0] * 20)}, {})
    track = turned.track(OWN)
    assert track.sample(0.0)["yaw"] == pytest.approx(-3) and track.sample(1.2)["yaw"] == pytest.approx(5)
    assert track.sample(1.2)["gaze_x"] == pytest.approx(6)
    assert turned.track(OWN, pose_gain=0.5).sample(1.2)["yaw"] == pytest.approx(1)
    assert turned.track(OWN, pose_gain=0.0).sample(1.2)["yaw"] == pytest.approx(-3)
    with pytest.raises(ValueRangeError, match="head"):
        turned.track(OWN, pose_gain=4)


def test_limits_are_met_softly() -> None:
    track = driver({"yaw": np.concatenate([np.zeros(100), np.linspace(0, 60, 60)])}).track(OWN)
    yaw = track.values[:, track.names.index("yaw")]
    assert yaw.max() < 17.01 and (np.diff(yaw[100:-1]) > -1e-9).all() and yaw[110] == pytest.approx(-3 + 60 * 10 / 59)


def test_gaze_is_held_while_the_lids_are_closed() -> None:
    gaze, lids = np.zeros(40), np.zeros(40)
    gaze[20:], gaze[25:30], lids[25:30] = 6, 20, 1
    track = driver({"gaze_x": gaze, "AU45L": lids, "AU45R": lids}).track(OWN)
    assert track.sample(27 / FPS)["gaze_x"] == pytest.approx(6) and track.sample(22 / FPS)["gaze_x"] == pytest.approx(6)


def test_shift_and_zoom_follow_the_head_but_not_its_turn() -> None:
    from mimica.face.head import rotation
    from mimica.motion.driving import EYES

    size = np.log(60.0)  # pixels between the eyes: the crop's side is 200
    zoomed = driver({"shift_x": np.array([100.0] * 20 + [106.0] * 20), "zoom": np.array([size] * 20 + [size + 0.04] * 20)})
    sample = zoomed.track(OWN).sample(1.2)
    assert sample["shift_x"] == pytest.approx(0.03) and sample["zoom"] == pytest.approx(np.expm1(0.04))
    there = (rotation(10, 0, 0) @ EYES)[0] * 200
    turned = driver(
        {"yaw": np.array([0.0] * 20 + [10.0] * 20), "shift_x": np.array([0.0] * 20 + [there] * 20), "zoom": np.full(40, size)}
    )
    assert turned.track(OWN).sample(1.2)["shift_x"] == pytest.approx(0, abs=1e-6)


def test_a_head_that_is_turned_for_a_while_is_not_at_rest() -> None:
    gaze = np.full(60, 2.0)
    gaze[40:55] = 15.0
    smile = np.full(60, 0.05)
    smile[40:55] = 0.0  # the calmest face, but it looks aside
    turned = driver({"gaze_x": gaze, "AU12L": smile})
    assert turned.neutral[NAMES.index("gaze_x")] == 2
