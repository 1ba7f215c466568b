"""An engine worked out by hand, for tests of what lies around engines: it brightens the mouth by 100 levels per unit of
AU 12 (the left half of the mouth by AU12R, the subject's right, and the reverse), and shades the eyes by AU 45."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from mimica.engines.base import Crop, Face, Rendered
from mimica.errors import ValueRangeError
from mimica.facs import EMOTIONS, SIDED_AU_NAMES
from mimica.reader.read import FaceReading

# fmt: off
ASTRONAUT = np.array([
    [182, 93], [181, 110], [181, 119], [183, 140], [185, 149], [189, 156], [200, 168], [212, 176], [222, 178], [231, 177],
    [244, 170], [256, 159], [261, 152], [265, 144], [269, 123], [270, 114], [270, 97], [186, 89], [192, 88], [198, 87],
    [206, 88], [215, 90], [236, 91], [246, 90], [254, 90], [260, 92], [265, 93], [225, 101], [225, 112], [224, 121],
    [224, 127], [214, 130], [218, 132], [224, 134], [230, 133], [233, 131], [195, 101], [199, 98], [206, 98], [214, 104],
    [208, 104], [201, 104], [236, 105], [244, 100], [251, 101], [255, 104], [249, 106], [242, 106], [202, 139], [212, 139],
    [217, 139], [224, 141], [230, 140], [235, 140], [245, 141], [235, 152], [229, 154], [223, 155], [217, 154], [211, 151],
    [204, 140], [218, 142], [223, 143], [229, 143], [243, 141], [229, 149], [223, 149], [218, 148],
], np.float32)
# fmt: on
"""The landmarks of examples/astronaut.jpg."""


def reading(landmarks: np.ndarray = ASTRONAUT, **changes: Any) -> FaceReading:
    """A face that shows a slight smile, AU12 at 0.25 and 0.2."""
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    units = dict.fromkeys(SIDED_AU_NAMES, 0.1) | {"AU12L": 0.25, "AU12R": 0.2}
    made = FaceReading(
        (float(low[0]), float(low[1]), float(high[0]), float(high[1])), landmarks, landmarks[[36, 42]], 0.99, 2.0, 1.0, 0.0,
        units, dict.fromkeys(EMOTIONS, 1 / 8),
    )  # fmt: skip
    return replace(made, **changes)


@dataclass
class BrightMouth:
    """The engine; `encoded` and `rendered` count the calls."""

    crop: Crop = "window"
    controls: tuple[str, ...] = ("AU12L", "AU12R", "AU45L", "AU45R")
    name: str = "bright_mouth"
    image_size: int = 128
    encoded: int = 0
    rendered: list[dict[str, float]] = field(default_factory=list)

    def encode(self, face: Face) -> Face:
        self.encoded += 1
        return face

    def render(self, state: Face, values: Mapping[str, float], *, layers: bool = False) -> Rendered:
        for name, value in values.items():
            if name not in self.controls or not 0 <= value <= 1:
                raise ValueRangeError(f"{name}={value} is not legal here.")
        self.rendered.append(dict(values))
        change = {name: values.get(name, state.controls[name]) - state.controls[name] for name in self.controls}
        mouth, eyes = state.landmarks_crop[48:60], state.landmarks_crop[36:48]
        left_of_picture = np.arange(state.image.shape[1]) < mouth[:, 0].mean()
        smile = np.where(left_of_picture, change.get("AU12R", change.get("AU12", 0)), change.get("AU12L", change.get("AU12", 0)))
        blink = change.get("AU45L", 0.0)
        levels = _spot(state.image, mouth) * smile * 100 - _spot(state.image, eyes) * blink * 50
        image = np.clip(np.rint(state.image + levels[:, :, None]), 0, 255).astype(np.uint8)
        mask = ((_spot(state.image, mouth) * abs(smile) + _spot(state.image, eyes) * abs(blink)) > 0).astype(np.float32)
        mask[[0, -1]] = mask[:, [0, -1]] = 0
        flow = np.dstack([levels, np.zeros_like(levels)]) / 20
        extra = {"attention": mask, "color": image / np.float32(255), "flow": flow} if layers else {}
        return Rendered(image, mask, extra)


def _spot(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """1 within the rectangle of the points, 0 elsewhere, float32 (h, w)."""
    spot = np.zeros(image.shape[:2], np.float32)
    x0, y0 = np.floor(points.min(axis=0)).astype(int).tolist()
    x1, y1 = np.ceil(points.max(axis=0)).astype(int).tolist()
    cv2.rectangle(spot, (x0, y0), (x1, y1), 1.0, -1)
    return spot
