"""Sequences from videos: cuts are found, a face in a shot is a clip, and the table trains the predictor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import reading

from mimica.errors import DataError
from mimica.facs import SIDED_AU_NAMES
from mimica.motion.predictor.clips import load_clips
from mimica.motion.predictor.predict import UNITS
from mimica.prepare.sequences import CutFinder, prepare_sequences
from mimica.reader.follow import Finder
from mimica.reader.read import FaceReading
from mimica.video.writer import VideoWriter

pytest.importorskip("pandas")


class _Redness(Finder):
    """A face where the picture is not dark; AU12 is the redness."""

    def __init__(self) -> None:
        pass

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        if rgb.mean() < 20:
            return []
        smile = float(rgb[:, :, 0].mean()) / 255
        return [reading(action_units={**dict.fromkeys(SIDED_AU_NAMES, 0.0), "AU12L": smile, "AU12R": smile})]

    def follow(self, rgb: np.ndarray, readings: list[FaceReading]) -> list[FaceReading]:  # type: ignore[override]
        return self.find(rgb) or readings


def _frame(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((48, 64, 3), (red, green, blue), np.uint8)


def test_cuts_but_not_movement(astronaut: np.ndarray) -> None:
    finder = CutFinder()
    moving = [np.roll(astronaut, 6 * i, axis=1) for i in range(12)]
    other = [255 - frame for frame in moving]
    assert [finder.is_cut(frame) for frame in moving + other] == [False] * 12 + [True] + [False] * 11


def test_videos_to_clips(tmp_path: Path) -> None:
    shots = [(200, 60, 60)] * 30 + [(60, 60, 200)] * 40 + [(60, 200, 60)] * 10
    with VideoWriter(tmp_path / "film.mp4", 25, (64, 48)) as video:
        for colour in shots:
            video.write(_frame(*colour))
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    counted: list[int] = []
    report = prepare_sequences(
        [tmp_path], tmp_path / "out", make_finder=_Redness, progress=lambda name, frames: counted.append(frames)
    )
    assert (report.clips, report.shots) == (2, 3), "the last shot is too short"
    assert report.seconds == pytest.approx(29 / 25 + 39 / 25) and len(report.failures) == 1 and counted[-1] == 80
    clips = load_clips([tmp_path / "out"])
    assert [clip.name for clip in clips] == ["film-000-0", "film-001-0"]
    assert [len(clip.states) for clip in clips] == [15, 20]
    smile = UNITS.index("AU12")
    assert clips[0].states[:, smile].mean() == pytest.approx(200 / 255, abs=0.03)
    assert clips[1].states[:, smile].mean() == pytest.approx(60 / 255, abs=0.03)


def test_nothing_is_written_where_there_is_nothing(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "dark.mp4", 25, (64, 48)) as video:
        for _ in range(30):
            video.write(_frame(0, 0, 0))
    with pytest.raises(DataError, match="No face is seen"):
        prepare_sequences([tmp_path / "dark.mp4"], tmp_path / "out", make_finder=_Redness)
    assert not (tmp_path / "out").exists()
