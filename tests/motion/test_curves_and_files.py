"""The picture of a track's curves; motion by a file's suffix; the warning for engines that cannot turn the head."""

from pathlib import Path

import numpy as np
import pytest

from mimica.errors import DataError
from mimica.motion.curves import STRIP, draw_curves
from mimica.motion.files import pose_warning, read_motion
from mimica.motion.openface import write_track
from mimica.motion.script.script import NEUTRAL, parse
from mimica.motion.track import Track


def test_one_strip_for_each_control_that_moves() -> None:
    two = draw_curves(parse("AU12L 0.5; AU04 1; hold 1s").track())
    three = draw_curves(parse("AU12L 0.5; AU04 1; yaw 20").track())
    assert two.shape[1] == three.shape[1] == 1000 and two.dtype == np.uint8
    assert three.shape[0] - two.shape[0] == STRIP


def test_a_higher_curve_is_drawn_higher() -> None:
    def heights(text: str) -> float:
        picture = draw_curves(parse(f"AU12L {text} jump over 0.01s for 2s").track()).astype(int)
        orange = (picture[:, :, 0] - picture[:, :, 2] > 80) & (np.arange(picture.shape[1]) > 400)
        return float(np.nonzero(orange)[0].mean())

    assert heights("1") < heights("0.5") < heights("0.1")


def test_odd_tracks_are_drawn_too() -> None:
    for text in ("hold 2s", "blink", "key 3 linear AU12=0.5", "curves relative\nkey 0 linear AU12=-0.5\nkey 1 linear AU12=0.5"):
        assert draw_curves(parse(text).track()).std() > 0


def test_files_by_their_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("AU12 0.5 over 1s")
    (tmp_path / "b.srt").write_text("00:00:00,0 --> 00:00:01,000\nAU12 0.5 over 1s\n")
    write_track(Track.from_keyframes([(0, {"AU12": 0.0}, "linear"), (1, {"AU12": 0.5}, "linear")]), tmp_path / "c.csv")
    for name in ("a.txt", "b.srt", "c.csv"):
        values = read_motion(tmp_path / name)(NEUTRAL).resolve(NEUTRAL).sample(1.0)
        assert values["AU12L"] == pytest.approx(0.5, abs=1e-5)
    with pytest.raises(DataError):
        read_motion(tmp_path / "none.txt")


def test_the_head_turns_only_where_the_engine_can() -> None:
    track = parse("yaw 20; AU12 1").track(NEUTRAL).resolve(NEUTRAL)
    assert "yaw" in (pose_warning(track, "fast", ["AU12L"]) or "")
    assert pose_warning(track, "other", ["AU12L", "yaw"]) is None
    assert pose_warning(parse("AU12 1").track().resolve(NEUTRAL), "fast", ["AU12L"]) is None
