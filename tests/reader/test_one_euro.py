"""The One-Euro filter against its formulas by hand, and what it is for."""

import numpy as np
import pytest

from mimica.reader.one_euro import OneEuroFilter


def test_by_hand() -> None:
    steady = OneEuroFilter(min_cutoff=1.0, beta=2.0, d_cutoff=1.0)
    assert steady(np.array([1.0]), 0.0) == [1.0]
    alpha_d = 1 / (1 + 1 / (2 * np.pi * 1.0 * 0.1))
    speed = alpha_d * (1.5 - 1.0) / 0.1
    alpha = 1 / (1 + 1 / (2 * np.pi * (1.0 + 2.0 * speed) * 0.1))
    assert steady(np.array([1.5]), 0.1) == pytest.approx([1.0 + alpha * 0.5])


def test_rest_is_steadied_and_steps_are_followed() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, 500)
    signal = np.where(np.arange(500) < 250, 0.0, 1.0)
    steady = OneEuroFilter(1.5, 1.5)
    out = np.array([steady(np.array([v]), i / 25)[0] for i, v in enumerate(signal + noise)])
    assert out[100:250].std() < 0.6 * noise[100:250].std()
    assert out[250 + 5] > 0.8


def test_elements_are_apart_and_may_differ() -> None:
    both = OneEuroFilter(np.array([1.0, 10.0]), np.array([0.0, 1.0]), np.array([1.0, 5.0]))
    alone = [OneEuroFilter(1.0, 0.0, 1.0), OneEuroFilter(10.0, 1.0, 5.0)]
    for i, values in enumerate(np.random.default_rng(1).random((20, 2))):
        apart = [one(values[k : k + 1], i / 30)[0] for k, one in enumerate(alone)]
        assert both(values, i / 30) == pytest.approx(apart)


@pytest.mark.parametrize("time", [0.0, -1.0])
def test_reset_and_time_that_stands_start_anew(time: float) -> None:
    steady = OneEuroFilter()
    steady(np.array([0.0]), 0.0)
    assert steady(np.array([1.0]), time) == [1.0]
    steady.reset()
    assert steady(np.array([5.0]), 9.0) == [5.0]
