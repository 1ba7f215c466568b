"""Figures of merit: pure functions on numpy arrays. NaN in a truth means that it is not known and is left out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def normalised_mean_error(points: np.ndarray, truth: np.ndarray, eye_distance: np.ndarray) -> np.ndarray:
    """(N, P, 2) points -> (N, P) distances from the truth over the eye distance (N,) of each face. 0.02 is 2%."""
    distance: np.ndarray = np.linalg.norm(points - truth, axis=-1) / eye_distance[:, None]
    return distance


def pearson(values: np.ndarray, truth: np.ndarray) -> float:
    """Pearson's correlation of (N,) values with the truth, over the known ones; NaN if either does not vary."""
    known = np.isfinite(truth)
    a, b = values[known].astype(np.float64), truth[known].astype(np.float64)
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def mean_absolute_error(values: np.ndarray, truth: np.ndarray) -> float:
    """Mean |value - truth| over the known ones."""
    return float(np.nanmean(np.abs(values.astype(np.float64) - truth)))


def balanced_accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the classes of the truth of the share of each that is recognised (mean recall), so that rare ones count."""
    return float(np.mean([np.mean(predicted[truth == label] == label) for label in np.unique(truth)]))


def psnr(picture: np.ndarray, reference: np.ndarray, peak: float = 255.0) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures."""
    error = float(np.mean((picture.astype(np.float64) - reference.astype(np.float64)) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(peak**2 / error))


def ssim(picture: np.ndarray, reference: np.ndarray) -> float:
    """Structural similarity of two pictures, uint8 (H, W, 3), mean over pixels and channels; 1 for equal ones.

    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004), (13): Gaussian window
    of 11 pixels and deviation 1.5, constants .01 and .03 of 255. Only windows that lie inside the picture count."""
    a, b = picture.astype(np.float64), reference.astype(np.float64)
    mean_a, mean_b, aa, bb, ab = (_windowed(x) for x in (a, b, a * a, b * b, a * b))
    variance_a, variance_b, covariance = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((similarity / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))).mean())


def _windowed(x: np.ndarray) -> np.ndarray:
    """Gaussian mean around every pixel that has a whole window."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    for axis in (0, 1):
        x = np.apply_along_axis(np.convolve, axis, x, taps, mode="valid")
    return x


def average_content_distance(descriptors: np.ndarray) -> float:
    """(T, D) descriptors of a video's frames -> the mean L2 distance over all pairs of frames."""
    first, second = np.triu_indices(len(descriptors), k=1)
    return float(np.linalg.norm(descriptors[first] - descriptors[second], axis=1).mean())


def flicker(frames: Iterable[np.ndarray], static: np.ndarray) -> float:
    """Mean absolute second difference over time, in levels of 255, of frames (H, W, 3) where `static`, bool (H, W)."""
    total, count = 0.0, 0
    window: list[np.ndarray] = []
    for frame in frames:
        window = [*window[-2:], frame[static].astype(np.float32)]
        if len(window) == 3:
            total += float(np.abs(window[0] - 2 * window[1] + window[2]).mean())
            count += 1
    return total / count if count else float("nan")


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Frechet distance of two Gaussians with the means and covariances of (N, D) and (M, D) features.

    M. Heusel et al., "GANs trained by a two time-scale update rule ..." (2017): |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). The
    trace of the root is the sum of the singular values of A B^T, with A and B the centred features over sqrt(n - 1)."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    shift = float(np.square(a.mean(0) - b.mean(0)).sum())
    a, b = ((x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    if min(len(a), len(b)) > a.shape[1]:  # the same singular values, of a smaller matrix
        a, b = (np.asarray(np.linalg.qr(x, mode="r")) for x in (a, b))
    common = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return shift + float(np.square(a).sum() + np.square(b).sum() - 2 * common)


def kernel_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy of (N, D) and (M, D) features under (x . y / D + 1)^3.

    M. Binkowski et al., "Demystifying MMD GANs" (2018). 0 on average for two draws of one distribution."""
    x, y = first.astype(np.float64), second.astype(np.float64)
    inside = []
    for each in (x, y):
        kernel = (each @ each.T / x.shape[1] + 1) ** 3
        inside.append((kernel.sum() - np.trace(kernel)) / (len(each) * (len(each) - 1)))
    return float(inside[0] + inside[1] - 2 * ((x @ y.T / x.shape[1] + 1) ** 3).mean())
