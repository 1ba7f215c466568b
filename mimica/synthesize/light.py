"""The light of a photo, as second-order spherical harmonics over normals (R. Ramamoorthi, P. Hanrahan, "An efficient
representation for irradiance environment maps", 2001), and how it changes when the skin turns."""

from __future__ import annotations

import cv2
import numpy as np

GAMMA = 2.2
LEAST = 0.25
"""Of the mean light, which skin gets at least."""
TINT = np.array([0.70, 1.05, 1.25], np.float32)
"""By how much red, green and blue follow a change of light: shadowed skin reddens, as light goes through it."""
_STIFF = np.array([1e-3, 0.3, 0.3, 0.3, 2, 2, 2, 2, 2])


def harmonics(n: np.ndarray) -> np.ndarray:
    """Normals (N, 3) -> (N, 9), not normalised."""
    x, y, z = n.T
    return np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=1)


def fitted(picture: np.ndarray, normals: np.ndarray, skin: np.ndarray, unit: float) -> np.ndarray:
    """The nine coefficients of the light on `skin` (bool (H, W)) of a picture, uint8 (H, W, 3), whose `normals` are (H, W, 3);
    robust against brows, lips and beards."""
    luma = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 4 * unit)
    seen, light = normals[skin][::3], (luma[skin][::3] / 255) ** GAMMA
    basis, weight = harmonics(seen).astype(np.float64), np.ones(len(light))
    ridge = np.diag(_STIFF) * len(light) * 0.02
    found = np.zeros(9)
    for _ in range(6):
        weighed = basis * weight[:, None]
        found = np.linalg.solve(weighed.T @ basis + ridge, weighed.T @ light)
        miss = light - basis @ found
        spread = np.median(np.abs(miss)) * 1.5 + 1e-4
        weight = 1 / (1 + (miss / (2 * spread)) ** 2)
        weight[miss < -2 * spread] *= 0.3
    return found


def shade(coefficients: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Light on normals (N, 3)."""
    lit: np.ndarray = np.maximum(harmonics(normals) @ coefficients, LEAST * coefficients[0])
    return lit


def log_change(coefficients: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """float32 (N,): log of the factor on the light when normals turn; darkening is held back a little, brightening much."""
    change = np.log(shade(coefficients, after) / shade(coefficients, before))
    result: np.ndarray = np.clip(np.where(change < 0, 0.75 * change, change), -0.7, 0.25).astype(np.float32)
    return result
