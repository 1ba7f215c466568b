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


def test_ssim_is_scikit_images() -> None:
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(0)
    a = rng.integers(0, 256, (40, 50, 3), np.uint8)
    b = np.clip(a + rng.normal(0, 25, a.shape), 0, 255).astype(np.uint8)
    wanted = structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, data_range=255
    )
    assert metrics.ssim(a, b) == pytest.approx(wanted, abs=1e-3)
    assert metrics.ssim(a, a) == 1.0
