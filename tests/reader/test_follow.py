"""Following faces over frames: who is who, how often the detector runs, what is steadied and what must survive it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from mimica.facs import EMOTIONS, SIDED_AU_NAMES
from mimica.reader.follow import DETECT_EVERY, FORGET_SECONDS, Finder, Follower
from mimica.reader.read import FaceReading

FRAME = np.zeros((8, 8, 3), np.uint8)
FPS = 25
Scene = Callable[[int], list[FaceReading]]


def face(x: float = 100.0, y: float = 100.0, confidence: float = 0.9, **units: float) -> FaceReading:
    """A face 80 pixels wide with its middle at (x, y)."""
    angles = np.arange(68) / 68 * 2 * np.pi
    points = (np.stack([np.cos(angles), np.sin(angles)], axis=1) * 40 + (x, y)).astype(np.float32)
    points[[36, 39, 42, 45]] = np.add([[-25, -10], [-15, -10], [15, -10], [25, -10]], (x, y))
    values = dict.fromkeys(SIDED_AU_NAMES, 0.0) | {name + side: v for name, v in units.items() for side in "LR"}
    return FaceReading(
        (x - 40, y - 40, x + 40, y + 40),
        points,
        points[[37, 43]],
        confidence,
        0.0,
        0.0,
        0.0,
        values,
        dict.fromkeys(EMOTIONS, 1 / 8),
    )


class Stage(Finder):
    """A finder for frames that do not matter: what is there is what `scene(frame number)` says."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.frame, self.searched = scene, 0, []

    def find(self, rgb: np.ndarray) -> list[FaceReading]:
        self.searched.append(self.frame)
        return [reading for reading in self.scene(self.frame) if reading.confidence >= 0.5]

    def follow(self, rgb: np.ndarray, readings: Sequence[FaceReading]) -> list[FaceReading]:
        there = self.scene(self.frame)
        return [
            min(there, key=lambda r: abs(r.box_photo[0] - old.box_photo[0])) if there else replace(old, confidence=0.1)
            for old in readings
        ]


def watch(scene: Scene, frames: int, raw: bool = False) -> tuple[list[list[tuple[int, FaceReading]]], list[int]]:
    stage = Stage(scene)
    follower = Follower(stage, raw)
    seen = []
    for stage.frame in range(frames):
        seen.append(follower.read(FRAME, stage.frame / FPS))
    return seen, stage.searched


def test_detector_runs_seldom_where_a_face_stays() -> None:
    seen, searched = watch(lambda i: [face(100 + i)], 3 * DETECT_EVERY)
    assert all(len(faces) == 1 and faces[0][0] == 0 for faces in seen)
    assert searched == [0, DETECT_EVERY, 2 * DETECT_EVERY]


def test_ids_stay_with_moving_faces() -> None:
    """The right one comes into the picture later; the left one leaves the reading order by moving down."""
    seen, _ = watch(lambda i: ([face(600, 100)] if i >= 15 else []) + [face(100, 100 + 5 * i)], 40)
    for i, faces in enumerate(seen):
        assert [(face_id, reading.box_photo[0] < 300) for face_id, reading in faces] == [(0, True)] + [(1, False)] * (i >= 20)


def test_lost_face_is_searched_at_once_and_keeps_its_id_for_a_while() -> None:
    away = int(FORGET_SECONDS * FPS) - 3
    seen, searched = watch(lambda i: [] if 12 <= i < 12 + away else [face()], 60)
    assert [bool(faces) for faces in seen] == [not 12 <= i < 12 + away for i in range(60)]
    assert {face_id for faces in seen for face_id, _ in faces} == {0}
    assert set(range(12, 12 + away)) <= set(searched)


def test_face_gone_for_long_is_a_new_one_and_empty_frames_are_searched_seldom() -> None:
    seen, searched = watch(lambda i: [face()] if not 5 <= i < 105 else [], 130)
    ids = [[face_id for face_id, _ in faces] for faces in seen]
    assert ids[4] == [0] and ids[-1] == [1]
    assert ids.index([1]) < 105 + DETECT_EVERY
    assert len([i for i in searched if 40 <= i < 100]) == 60 / DETECT_EVERY


def test_two_tracks_on_one_face_are_sorted_out() -> None:
    seen, _ = watch(lambda i: [face(100)] + ([face(300)] if i < 3 else []), 8)
    assert [len(faces) for faces in seen] == [2, 2, 2, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("phase", np.linspace(0, 1, 9))
def test_blinks_survive_steadying(phase: float) -> None:
    """A blink of 120 ms at 25 frames a second keeps 80% of the height that was read."""

    def blink(i: int) -> float:
        return float(max(0.0, np.cos(np.pi * np.clip((i - 20 - phase) / (0.120 * FPS), -0.5, 0.5))))

    seen, _ = watch(lambda i: [face(AU45=0.05 + 0.9 * blink(i))], 40)
    steadied = [faces[0][1].mean_action_units["AU45"] for faces in seen]
    read = max(0.05 + 0.9 * blink(i) for i in range(40))
    assert max(steadied) >= 0.8 * read
    assert abs(steadied[30] - 0.05) < 0.03


def test_noise_is_steadied_unless_raw_and_gaps_start_anew() -> None:
    noise = np.random.default_rng(0).normal(0.5, 0.03, 200)

    def scene(i: int) -> list[FaceReading]:
        return [] if 100 <= i < 110 else [face(100 + 10 * noise[i], AU12=noise[i] + 0.4 * (i >= 110))]

    values = {}
    for raw in (False, True):
        seen, _ = watch(scene, 200, raw)
        values[raw] = {i: faces[0][1] for i, faces in enumerate(seen) if faces}
    steady, read = ([values[raw][i].mean_action_units["AU12"] for i in range(20, 100)] for raw in (False, True))
    assert np.std(steady) < 0.7 * np.std(read)
    steady_x, read_x = ([values[raw][i].landmarks_photo[0, 0] for i in range(20, 100)] for raw in (False, True))
    assert np.std(steady_x) < 0.7 * np.std(read_x)
    assert values[True][50].action_units == scene(50)[0].action_units
    assert values[False][110].mean_action_units["AU12"] == pytest.approx(values[True][110].mean_action_units["AU12"])


@pytest.mark.parametrize("step", [0.5, 2.0, 60.0])
def test_slow_clips_are_searched_in_every_frame(step: float) -> None:
    """A face that is gone and back, and one that moves little: one frame every `step` seconds."""
    stage = Stage(lambda frame: [face(100.0 + 3 * frame)] if frame % 3 else [])
    follower, seen = Follower(stage, raw=True), []
    for stage.frame in range(12):
        seen.append(follower.read(FRAME, stage.frame * step))
    assert [len(found) for found in seen] == [int(frame % 3 > 0) for frame in range(12)]
    steady = Follower(Stage(lambda frame: [face()]), raw=True)
    assert {steady.read(FRAME, frame * step)[0][0] for frame in range(6)} == {0}, "it stays the same face"
