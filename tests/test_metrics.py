"""Figures of merit against numbers worked out by hand."""

import numpy as np
import pytest

from mimica import metrics


def test_normalised_mean_error():
    points = np.array([[[3.0, 4.0], [0.0, 0.0]]])
    assert metrics.normalised_mean_error(points, np.zeros((1, 2, 2)), np.array([10.0])).tolist() == [[0.5, 0.0]]


def test_pearson():
    assert metrics.pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 6])) == pytest.approx(1)
    assert metrics.pearson(np.array([1.0, 2, 3, 9]), np.array([3.0, 2, 1, np.nan])) == pytest.approx(-1)
    assert np.isnan(metrics.pearson(np.ones(3), np.arange(3.0)))


def test_mean_absolute_error_skips_the_unknown():
    assert metrics.mean_absolute_error(np.array([1.0, 5.0]), np.array([0.5, np.nan])) == 0.5


def test_balanced_accuracy_counts_rare_classes():
    truth = np.array([0] * 8 + [1] * 2)
    assert metrics.balanced_accuracy(np.zeros(10), truth) == 0.5


def test_psnr():
    black, gray = np.zeros((2, 2), np.uint8), np.full((2, 2), 51, np.uint8)
    assert metrics.psnr(gray, black) == pytest.approx(20 * np.log10(5))
    assert metrics.psnr(gray, gray) == float("inf")
