"""Gaze: the irises of the photo moved in their eyeballs, and what the lids do with them.

Only the difference between the eye put together with its iris moved and not moved is added, inside the opening between the
lids: with the photo's own gaze the photo stays bit for bit; lashes and the shadows of lids stay where they are. Eyes are moved
in the source, before the engine moves the lids, so that whatever the lids uncover looks the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mimica.engines.ganimation.fast.depth import smoothstep
from mimica.engines.ganimation.fast.eyes import Eye, put_together, take_apart
from mimica.face.align import EYE_CORNERS
from mimica.face.gaze import EYEBALL, directions, in_head, to_angles, to_directions
from mimica.face.head import rotation

FAINT = 0.12
"""For shifts of less than this share of the iris' radius the photo's own pixels, changed, pass into the eye put together."""
LID_DOWN, LID_UP = 0.016, 0.018
"""AU45 and AU5 for each degree of gaze down and up: lids follow the eyes."""
WIDE = 0.36
"""Opening over width of an eye that is open; lids of narrower ones have less way to go."""
NARROWEST = 0.3


@dataclass(frozen=True)
class Gaze:
    """Both eyes of a picture, the one at the left first (None for one that cannot be moved), the mean gaze `own` (2,) in the
    head in degrees, and the head's `rotation`."""

    eyes: tuple[Eye | None, Eye | None]
    own: np.ndarray
    rotation: np.ndarray

    @property
    def found(self) -> tuple[Eye, ...]:
        return tuple(eye for eye in self.eyes if eye is not None)


def encode_gaze(
    image: np.ndarray,
    landmarks: np.ndarray,
    irises: np.ndarray | None,
    loops: Sequence[np.ndarray],
    pose: tuple[float, float, float],
) -> Gaze:
    """image uint8 (H, W, 3), landmarks (68, 2), irises (2, 2) or None, the lids' edges (n, 2) each, in its pixels; the head's
    yaw, pitch, roll in it."""
    guesses = [loop.mean(axis=0) for loop in loops] if irises is None else list(irises)
    corners = [landmarks[list(pair)].astype(np.float64) for pair in EYE_CORNERS]
    parts = [take_apart(image, *given) for given in zip(loops, guesses, corners, strict=True)]
    places = [guess if eye is None else eye.place for eye, guess in zip(parts, guesses, strict=True)]
    angles = in_head(to_angles(directions(np.array(places), landmarks, pose)), pose)
    seen = [angle for angle, eye in zip(angles, parts, strict=True) if eye is not None]
    return Gaze((parts[0], parts[1]), np.mean(seen, axis=0) if seen else np.zeros(2), rotation(*pose))


def shift(gaze: Gaze, eye: Eye, change: Sequence[float]) -> np.ndarray:
    """By how many pixels (2,) the iris of an eye moves for a change of gaze (x, y) in the head, degrees."""
    before, after = to_directions(gaze.own), to_directions(gaze.own + np.asarray(change))
    moved = gaze.rotation @ ((after - before) * [1, -1, 1])
    pixels: np.ndarray = EYEBALL * eye.width * moved[:2] * [1, -1]
    return pixels


def look(image: np.ndarray, gaze: Gaze, change: Sequence[float]) -> np.ndarray:
    """A copy of `image`, uint8 (H, W, 3), with the gaze changed by (x, y) degrees."""
    result = image.copy()
    for eye in gaze.found:
        way = shift(gaze, eye, change)
        new = put_together(eye.centre, eye.radius, eye.sclera, eye.iris, eye.glint, way)
        region = result[eye.box].astype(np.float32)
        far = smoothstep(np.hypot(*way) / (FAINT * eye.radius))
        difference = far * (new * eye.shade - region) + (1 - far) * (new - eye.rest)
        result[eye.box] = np.clip(region + eye.opening[..., None] * difference + 0.5, 0, 255).astype(np.uint8)
    return result


def lids(gaze: Gaze, change: Sequence[float], values: Mapping[str, float]) -> dict[str, float]:
    """`values` (sided Action Units in [0, 1]) with what the lids do when the gaze changes by (x, y) degrees."""
    widths = [np.clip(eye.openness / WIDE, NARROWEST, 1) for eye in gaze.found]
    down = float(change[1])
    result = dict(values)
    for side in "LR":
        closed, wide = f"AU45{side}", f"AU05{side}"
        result[closed] = min(1.0, result[closed] + LID_DOWN * float(np.mean(widths)) * max(0.0, down))
        result[wide] = min(1.0, result[wide] + LID_UP * max(0.0, -down))
    return result
