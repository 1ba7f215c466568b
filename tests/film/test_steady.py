"""Readings steadied from both sides: noise goes, motion stays where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bright_mouth import ASTRONAUT, reading

from mimica.film.steady import REACH, steadied
from mimica.reader.read import FaceReading

FPS = 25.0


def around(readings: list[FaceReading], now: int) -> FaceReading:
    reach = round(REACH * FPS)
    window = [(i / FPS, readings[i]) for i in range(max(0, now - reach), min(len(readings), now + reach + 1))]
    return steadied(window, now / FPS)


def moved(landmarks: np.ndarray, **changes: object) -> FaceReading:
    points = landmarks.astype(np.float32)
    return replace(reading(points), irises_photo=points[[36, 42]], **changes)  # type: ignore[arg-type]


def test_a_trembling_face_is_calmed() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.15, (30, *ASTRONAUT.shape))
    calm = np.stack([around([moved(ASTRONAUT + n) for n in noise], i).landmarks_photo for i in range(8, 22)])
    assert calm.std(axis=0).mean() < 0.55 * 0.15
    assert np.abs(calm.mean(axis=0) - ASTRONAUT).max() < 0.12


def test_a_face_that_moves_does_not_lag() -> None:
    path = [ASTRONAUT + [40 * (i / FPS) ** 2 + 30 * i / FPS, -25 * i / FPS] for i in range(20)]
    made = around([moved(points) for points in path], 10)
    assert np.abs(made.landmarks_photo - path[10]).max() < 0.05
    assert made.box_photo[0] == pytest.approx(float(path[10][:, 0].min()), abs=0.05)


def test_a_blink_and_a_word_stay() -> None:
    lids = [0.1] * 8 + [0.7, 1.0, 0.6] + [0.1] * 8
    units = reading().action_units
    readings = [moved(ASTRONAUT, action_units={**units, "AU45L": lid, "AU26L": lid / 2}) for lid in lids]
    shown = around(readings, 9).action_units
    assert shown["AU45L"] > 0.9 and shown["AU26L"] == pytest.approx(0.5, abs=0.02)
    opened = ASTRONAUT.copy()
    opened[55:60, 1] += 9
    shapes = [moved(opened if 8 <= i <= 10 else ASTRONAUT) for i in range(19)]
    assert np.abs(around(shapes, 9).landmarks_photo[55:60] - opened[55:60]).max() < 0.6


def test_trembling_values_are_calmed() -> None:
    rng = np.random.default_rng(1)
    readings = [moved(ASTRONAUT, yaw=5 + n, gazes=((3 + n, 0.0), (3 + n, 1.0))) for n in rng.normal(0, 0.4, 30)]
    yaws = [around(readings, i).yaw for i in range(8, 22)]
    assert np.std(yaws) < 0.22 and np.std([around(readings, i).gaze_x for i in range(8, 22)]) < 0.22
    assert around(readings, 10).gazes[0][1] == 0.0 and around(readings, 10).gazes[1][1] == pytest.approx(1.0)


def test_two_frames_are_left_as_they_are() -> None:
    one = moved(ASTRONAUT)
    assert steadied([(0.0, one)], 0.0) is one
