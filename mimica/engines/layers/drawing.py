"""What all layers draw with: soft shapes, noise, blending. Pictures float32 (H, W, 3) of 0 to 255, masks float32 (H, W) in
[0, 1], points in pixels (pixel i spans i..i+1)."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601."""
_SHIFT = 4
FEWEST = 0.3
_DIRECT = 6.0
"""Pixels: a wider blur is done in a smaller picture, which looks the same."""


def luma(picture: np.ndarray) -> np.ndarray:
    """(..., 3) -> (...)."""
    result: np.ndarray = picture @ LUMA
    return result


def smooth(t: np.ndarray) -> np.ndarray:
    """3 t^2 - 2 t^3 of t clipped to [0, 1]."""
    part = np.clip(t, 0, 1)
    result: np.ndarray = part * part * (3 - 2 * part)
    return result


def blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian, `sigma` in pixels; a wide one in a smaller picture."""
    shrink = int(sigma / _DIRECT)
    if shrink < 2:
        return cv2.GaussianBlur(picture, (0, 0), max(sigma, FEWEST))
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (max(1, width // shrink), max(1, height // shrink)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / shrink), (width, height), interpolation=cv2.INTER_LINEAR)


def fixed(points: np.ndarray, scale: float = 1) -> np.ndarray:
    """Points (n, 2) at a picture `scale` times as large, as OpenCV's functions with `shift` want them, which count from pixel
    centres."""
    return np.round((np.asarray(points, np.float64) * scale - 0.5) * (1 << _SHIFT)).astype(np.int32)


def polygon(shape: tuple[int, ...], points: np.ndarray) -> np.ndarray:
    """1 within."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [fixed(points)], 255, cv2.LINE_AA, _SHIFT)
    return mask.astype(np.float32) * np.float32(1 / 255)


def strokes(canvas: np.ndarray, lines: np.ndarray, values: Iterable[int], widths: Iterable[int], scale: float) -> None:
    """Draws lines (n, k, 2) into a uint8 canvas `scale` times as large, in order."""
    for line, value, width in zip(fixed(lines, scale), values, widths, strict=True):
        cv2.polylines(canvas, [line], False, int(value), int(width), cv2.LINE_AA, _SHIFT)


def brought_down(canvas: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A large uint8 canvas -> float32 in [0, 1] of `size` (width, height), by area."""
    return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA).astype(np.float32) * np.float32(1 / 255)


def soft_noise(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of variance 1 whose lumps are `sigma` pixels wide."""
    step = max(1, int(sigma / 2))
    small = rng.standard_normal((shape[0] // step + 2, shape[1] // step + 2)).astype(np.float32)
    calm = cv2.GaussianBlur(small, (0, 0), max(sigma / step, FEWEST))
    whole = cv2.resize(calm, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    result: np.ndarray = whole / max(float(whole.std()), 1e-6)
    return result


def mixed(below: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`above` over `below` as far as `alpha` (H, W) says."""
    result: np.ndarray = below + alpha[..., None] * (above - below)
    return result


def guided(guide: np.ndarray, mask: np.ndarray, radius: int, eps: float) -> np.ndarray:
    """The mask with the edges of a gray guide in [0, 1] (K. He, J. Sun, X. Tang, "Guided image filtering", 2010)."""
    slope, offset = guided_lines(guide, mask, radius, eps)
    result: np.ndarray = slope * guide + offset
    return result


def guided_lines(guide: np.ndarray, mask: np.ndarray, radius: int, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Slope and offset (H, W) by which the mask follows the guide; smooth, so that those of a small picture serve a large one (K.
    He, J. Sun, "Fast guided filter", 2015)."""
    box = (2 * radius + 1, 2 * radius + 1)
    mean_guide, mean_mask = cv2.blur(guide, box), cv2.blur(mask, box)
    covariance = cv2.blur(guide * mask, box) - mean_guide * mean_mask
    slope = covariance / (cv2.blur(guide * guide, box) - mean_guide * mean_guide + eps)
    offset = mean_mask - slope * mean_guide
    return cv2.blur(slope, box), cv2.blur(offset, box)


def band(lightness: np.ndarray, sigma: float) -> np.ndarray:
    """The log of a lightness (H, W) of 0 to 255 that is finer than `sigma` pixels."""
    log = np.log(lightness + np.float32(12))
    result: np.ndarray = log - blur(log, sigma)
    return result
