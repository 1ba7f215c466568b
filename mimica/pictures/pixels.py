"""The one place where the value ranges of pixels change.

levels   0 to 255: pictures as files and people have them (uint8, the last axis RGB); as floats they may lie between
unit     0 to 1, float32: masks, and the fast generator's patches
signed   -1 to 1, float32: what networks see and make, (N, 3, H, W)

All but the last two functions take numpy arrays and torch tensors of any shape; torch is not needed for arrays.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mimica.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor


def as_floats(levels: Any) -> Any:
    """An array or a tensor as float32."""
    return levels.astype(np.float32) if isinstance(levels, np.ndarray) else levels.float()


def to_unit(levels: Any) -> Any:
    """levels -> unit."""
    return as_floats(levels) / 255


def to_signed(levels: Any) -> Any:
    """levels -> signed."""
    return as_floats(levels) / 127.5 - 1


def check_finite(pictures: Any) -> None:
    """Raises `WeightsError` where a network made something that is no number: such a picture is never written."""
    total = pictures.sum(dtype=np.float64) if isinstance(pictures, np.ndarray) else pictures.sum()
    if not math.isfinite(float(total)):
        raise WeightsError("The network makes values that are no finite numbers: its file is damaged, get it again.")


def from_unit(unit: np.ndarray) -> np.ndarray:
    """unit -> levels, uint8: clipped and rounded to the nearest. Raises `WeightsError` for what is not finite."""
    check_finite(unit)
    return np.rint(np.clip(unit, 0.0, 1.0) * 255.0).astype(np.uint8)


def float_levels(signed: Any) -> Any:
    """signed -> levels, neither clipped nor rounded, in the type of `signed`."""
    return (signed + 1) * 127.5


def as_input(pictures: Tensor) -> Tensor:
    """levels (B, H, W, 3) -> signed (B, 3, H, W), channels last in memory."""
    signed: Tensor = to_signed(pictures.permute(0, 3, 1, 2))
    return signed


def as_pictures(images: Tensor) -> np.ndarray:
    """signed (B, 3, H, W) (or (B, 1, H, W)) -> levels, uint8 (B, H, W, 3): clipped and rounded to the nearest. Raises
    `WeightsError` for what is not finite."""
    check_finite(images)
    levels = float_levels(images.detach().float().clamp(-1, 1)).round().byte()
    return levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy()
