"""The benchmark's figures against numbers worked out by hand."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from bright_mouth import ASTRONAUT
from hypothesis import given
from hypothesis import strategies as st

from mimica.evaluate.editing import measures

BEFORE = {"AU01": 0.1, "AU12": 0.0, "AU26": 0.2}
AFTER = {"AU01": 0.2, "AU12": 0.5, "AU26": 0.2}
UNITS = ("AU01", "AU12", "AU26")


def test_error_and_leak() -> None:
    assert measures.au_error(BEFORE, AFTER, {"AU12": 0.8}, UNITS) == pytest.approx(0.3)
    assert measures.leak(BEFORE, AFTER, {"AU12": 0.8}, UNITS) == pytest.approx((0.1 + 0.0) / 2)
    assert isnan(measures.au_error(BEFORE, AFTER, {"AU45": 1.0}, UNITS)), "a unit that the judge cannot see"
    assert isnan(measures.leak(BEFORE, AFTER, dict.fromkeys(UNITS, 1.0), UNITS)), "all were asked for"


def test_the_gain_of_a_lazy_edit_is_nothing() -> None:
    wanted = {"AU12": 1.0, "AU01": 0.1}
    assert measures.emotion_gain(BEFORE, BEFORE, wanted, UNITS) == pytest.approx(0)
    assert measures.emotion_gain(BEFORE, {**BEFORE, **wanted}, wanted, UNITS) == pytest.approx(1)
    assert measures.emotion_gain(BEFORE, AFTER, wanted, UNITS) == pytest.approx(0.5)
    assert isnan(measures.emotion_gain(BEFORE, AFTER, {"AU12": 0.1}, UNITS)), "no way to go"


def test_a_dose_curve() -> None:
    doses = [0.0, 0.25, 0.5, 0.75, 1.0]
    half = [0.1 + 0.5 * dose for dose in doses]
    assert measures.slope(doses, half) == pytest.approx(0.5) and measures.linearity(doses, half) == pytest.approx(1)
    assert measures.monotony(doses, half) == 1 and measures.monotony(doses, half[::-1]) == 0
    assert measures.monotony(doses, [0.3] * 5) == 0.5 and measures.linearity(doses, [0.3] * 5) == 0
    assert measures.monotony([0, 0.5, 1], [0.0, 0.5, 0.3]) == pytest.approx(2 / 3)


def test_outside_lies_what_no_expression_reaches() -> None:
    outside = measures.outside_face(ASTRONAUT, (512, 512))
    assert not outside[ASTRONAUT[:, 1].astype(int), ASTRONAUT[:, 0].astype(int)].any()
    assert not outside[60, 223] and outside[10, 223] and outside[400, 400] and outside[126, 120]
    photo = np.zeros((512, 512, 3), np.uint8)
    result = photo.copy()
    result[120, 223] = 200
    assert measures.background_change(photo, result, outside) == 0
    result[400, 400, 1] = 7
    assert measures.background_change(photo, result, outside) == 7


def test_sharpness_and_pose(astronaut: np.ndarray) -> None:
    import cv2

    assert measures.sharpness(astronaut, astronaut, ASTRONAUT) == pytest.approx(1)
    assert measures.sharpness(astronaut, cv2.GaussianBlur(astronaut, (0, 0), 2), ASTRONAUT) < 0.5
    assert measures.pose_drift((0, 1, 2), (3, 1, -2)) == 4


def test_the_bootstrap_draws_photos() -> None:
    values, groups = [1.0, 1.0, 3.0, float("nan")], ["a", "a", "b", "b"]
    mean, low, high = measures.bootstrap(values, groups)
    assert mean == pytest.approx(5 / 3) and low == 1.0 and high == 3.0
    assert measures.bootstrap([2.0, 4.0], ["a", "a"]) == (3.0, 3.0, 3.0), "one photo has no spread"
    assert all(map(isnan, measures.bootstrap([float("nan")], ["a"])))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.integers(1, 6))
def test_the_mean_lies_in_its_interval_or_near(values: list[float], photos: int) -> None:
    mean, low, high = measures.bootstrap(values, [str(i % photos) for i in range(len(values))], repeats=200)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert min(values) - 1e-9 <= mean <= max(values) + 1e-9
