"""ACD and flicker against figures by hand; the whole protocol with a stand-in descriptor network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading

from mimica.animation import own_controls
from mimica.errors import NoFaceError
from mimica.evaluate import acd as evaluate_acd
from mimica.evaluate.acd import expression_track, static_region, tracking
from mimica.facs import SIDED_AU_NAMES, emotion_controls
from mimica.metrics import average_content_distance, flicker

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def test_acd_is_the_mean_over_pairs() -> None:
    frames = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 8.0]])
    assert average_content_distance(frames) == pytest.approx((5 + 8 + 5) / 3)
    assert average_content_distance(np.ones((16, 128))) == 0


def test_flicker_is_the_second_difference_where_nothing_should_move() -> None:
    static = np.zeros((2, 2), bool)
    static[0] = True
    steady = [np.full((2, 2, 3), 10 * i, np.uint8) for i in range(5)]
    assert flicker(steady, static) == 0, "an even change does not flicker"
    flicking = [np.array([[[i % 2 * 6] * 3] * 2, [[i * i] * 3] * 2], np.uint8) for i in range(5)]
    assert flicker(flicking, static) == 12
    assert np.isnan(flicker(steady[:2], static))


def test_the_static_region_is_outside_the_face(astronaut: np.ndarray) -> None:
    region = static_region(reading(), astronaut.shape)
    assert not region[100:150, 195:255].any() and region[300:].all() and region[:, :120].all()


def test_the_track_rises_to_the_emotion() -> None:
    own = own_controls(reading())
    track = expression_track("surprise", own, 16)
    assert track.sample(0.0) == pytest.approx(own)
    half = expression_track("surprise", own, 16, 0.5).sample(15.0)
    assert half["AU12L"] == pytest.approx(0.125), "0.25 in the photo, 0 in the recipe"
    last = track.sample(15.0)
    assert {name: last[name] for name in SIDED_AU_NAMES} == pytest.approx(emotion_controls("surprise")) and last["yaw"] == 2.0


def test_idle_motion_is_one_video_a_face(monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluate_acd.video_count(5, 4, 100, alive=True) == 4 and evaluate_acd.video_count(5, 4, 100) == 24
    subjects = [evaluate_acd.Subject(PHOTO, np.zeros((300, 300, 3), np.uint8), reading())] * 2
    (_, _, name, first), (_, _, _, second) = evaluate_acd._alive(subjects, BrightMouth(), 16)
    assert name == "alive" and len(first) == 16 and first[0] == pytest.approx(own_controls(reading()))
    assert first[8]["yaw"] != second[8]["yaw"] != 2.0, "each face moves in its own way"


def test_tracking_pools_both_sides() -> None:
    asked = np.zeros((50, 34))
    asked[:, SIDED_AU_NAMES.index("AU12L")] = np.linspace(0, 1, 50)
    asked[:, SIDED_AU_NAMES.index("AU12R")] = np.linspace(0, 0.5, 50)
    figures = tracking(asked, 0.8 * asked + 0.1)
    assert list(figures) == ["AU12"] and figures["AU12"]["r"] == pytest.approx(1)
    both = np.concatenate([np.linspace(0, 1, 50), np.linspace(0, 0.5, 50)])
    assert figures["AU12"]["mae"] == pytest.approx(np.abs(0.1 - 0.2 * both).mean())


class _Thumbnail:
    """A face as 27 numbers: the box of its landmarks, averaged to 3 x 3."""

    def check(self) -> None: ...

    def descriptor(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        (x0, y0), (x1, y1) = landmarks.min(0).astype(int), landmarks.max(0).astype(int)
        part = frame[y0:y1, x0:x1].astype(float)
        thirds = [np.array_split(row, 3, axis=1) for row in np.array_split(part, 3)]
        return np.array([cell.mean(axis=(0, 1)) for row in thirds for cell in row]).ravel() / 255


class _Reader:
    def read_aligned(self, photo: np.ndarray, landmarks: list[np.ndarray]) -> list[object]:
        return [reading()]


def test_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_acd, "Identity", _Thumbnail)
    monkeypatch.setattr(evaluate_acd, "Reader", _Reader)
    monkeypatch.setattr(evaluate_acd, "largest_face", lambda photo, reader: reading())
    done: list[int] = []
    engine = BrightMouth()
    report = evaluate_acd.evaluate([PHOTO, PHOTO], engine, faces=2, videos=8, frames=4, progress=lambda: done.append(1))
    assert (report.faces, report.videos, len(done)) == (2, 8, 8) and engine.encoded == 2
    assert report.acd > 5 * report.frozen > 0 and report.people == 0 and report.flicker == 0
    assert report.reach > report.acd
    assert report.by_emotion["happiness"] > report.by_emotion["anger"], "this engine knows AU12 and AU45 alone"


def test_without_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(photo: np.ndarray, reader: object) -> object:
        raise NoFaceError("no face.")

    monkeypatch.setattr(evaluate_acd, "Identity", _Thumbnail)
    monkeypatch.setattr(evaluate_acd, "Reader", _Reader)
    monkeypatch.setattr(evaluate_acd, "largest_face", none)
    with pytest.raises(NoFaceError, match="None of the photos"):
        evaluate_acd.evaluate([PHOTO], BrightMouth())
