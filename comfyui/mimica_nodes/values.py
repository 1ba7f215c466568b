"""What goes along the wires.

IMAGE             float32 tensor (B, H, W, 3), RGB in [0, 1]; MASK float32 (B, H, W)
MIMICA_FACE       `LoadedFace`: a photo whose face an engine has encoded
MIMICA_EXPRESSION `ExpressionValue`, a plain dictionary: what to show, by names of controls
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from mimica.animation import Prepared, own_controls
from mimica.errors import ImageError
from mimica.facs import SIDED_AU_NAMES

HEAD = ("yaw", "pitch", "roll", "gaze_x", "gaze_y")
"""Degrees; an engine that can move head or eyes lists them among its controls."""


class ExpressionValue(TypedDict):
    """set    sided Action Units (`AU12L`), absolute, [0, 1]
    add    changes from what the photo shows: Action Units, [-1, 1]; `HEAD`, degrees
    doses  of attributes, 0 as in the photo"""

    set: dict[str, float]
    add: dict[str, float]
    doses: dict[str, float]


@dataclass(frozen=True)
class LoadedFace:
    """prepared  the photo, uint8 (H, W, 3), with one face encoded
    warnings  sentences about it"""

    prepared: Prepared
    warnings: tuple[str, ...]

    @property
    def own(self) -> dict[str, float]:
        """What the photo shows, by control; degrees that are not read are 0."""
        return {**dict.fromkeys(HEAD, 0.0), **own_controls(self.prepared.faces[0].reading)}


def nothing() -> ExpressionValue:
    """The photo as it is."""
    return {"set": {}, "add": {}, "doses": {}}


def merged(first: ExpressionValue | None, second: ExpressionValue) -> ExpressionValue:
    """`second` on top of `first`: what it sets wins, what both add is added up."""
    if first is None:
        return second
    added = {name: value for name, value in first["add"].items() if name not in second["set"]}
    for part in ("add", "doses"):
        if part == "doses":
            added = dict(first["doses"])
        for name, value in second[part].items():  # type: ignore[literal-required]
            added[name] = added.get(name, 0.0) + value
        second = {**second, part: added}  # type: ignore[misc]
    return {**second, "set": {**first["set"], **second["set"]}}


def target(value: ExpressionValue, own: Mapping[str, float], intensity: float = 1.0) -> dict[str, float]:
    """Absolute controls and doses for a face that shows `own`; intensity 0 is `own` to the bit."""
    wanted = {**own, **value["set"]}
    for name, change in value["add"].items():
        wanted[name] = wanted.get(name, 0.0) + change
    shown = {name: own[name] + intensity * (wanted[name] - own[name]) if wanted[name] != own[name] else own[name] for name in own}
    for name in SIDED_AU_NAMES:
        shown[name] = min(1.0, max(0.0, shown[name]))
    return {**shown, **{name: intensity * dose for name, dose in value["doses"].items()}}


def lacking(value: ExpressionValue, controls: Iterable[str]) -> list[str]:
    """Head controls and attributes that are asked for and that an engine with these `controls` does not have."""
    known = set(controls)
    asked = {**{name: value["add"].get(name, 0.0) for name in HEAD}, **value["doses"]}
    return [name for name, amount in asked.items() if amount and name not in known]


# --- tensors --------------------------------------------------------------------------------------------------------


def pictures(image: Any) -> list[np.ndarray]:
    """An IMAGE -> its pictures, uint8 (H, W, 3); a fourth channel is left out. Raises `ImageError`."""
    array = np.asarray(image.cpu() if hasattr(image, "cpu") else image, np.float32)
    if array.ndim != 4 or array.shape[-1] not in (3, 4) or 0 in array.shape:
        raise ImageError(f"An IMAGE must be (batch, height, width, 3); this is {array.shape}.")
    levels = np.rint(np.clip(np.nan_to_num(array[..., :3]), 0.0, 1.0) * 255.0).astype(np.uint8)
    return [np.ascontiguousarray(one) for one in levels]


def image_of(frames: Iterable[np.ndarray]) -> Any:
    """Pictures, uint8 (H, W, 3) -> an IMAGE."""
    import torch

    return torch.from_numpy(np.stack([np.asarray(frame, np.float32) / np.float32(255.0) for frame in frames]))


def mask_of(masks: Iterable[np.ndarray]) -> Any:
    """Masks, (H, W) in [0, 1] -> a MASK."""
    import torch

    return torch.from_numpy(np.stack([np.asarray(mask, np.float32) for mask in masks]))
