"""The far outline of a turned head under an expression: cheeks that rise stay on the face.

The mesh moves the way it does in photos that look ahead nearly; on a head that the photo shows turned, skin at the far outline
is then pushed outwards over the background, which no warp can do without a dent or a bulge. What goes outwards there is taken
back, the more the farther the head is turned. Lengths are shares of the side of the tight crop."""

from __future__ import annotations

import numpy as np

from mimica.engines.ganimation.fast.depth import smoothstep

TURNED = (6.0, 18.0)
"""Degrees of yaw from which something is taken back, and from which on all of `TAKEN`."""
FREE, TAKEN = 0.004, 0.65
"""Skin at the outline may go outwards so far; what it loses of the rest."""
WITHIN = 0.11
"""How far from the outline skin is held back, less and less."""
_FAR_RIGHT, _FAR_LEFT = np.s_[10:17], np.s_[6::-1]
"""Landmarks of the outline from beside the chin up to the ear, at the right and at the left of the picture."""


def held(motion: np.ndarray, points: np.ndarray, landmarks: np.ndarray, yaw: float) -> np.ndarray:
    """The motion (n, 2) of points (n, 2), less what goes beyond the far outline; landmarks (68, 2) before, yaw in degrees, + to
    the right of the picture. The same array for a head that looks ahead."""
    turned = float(smoothstep(np.array((abs(yaw) - TURNED[0]) / (TURNED[1] - TURNED[0]))))
    if turned <= 0:
        return motion
    side = 1.0 if yaw > 0 else -1.0
    edge = landmarks[_FAR_RIGHT if yaw > 0 else _FAR_LEFT]
    order = np.argsort(edge[:, 1])
    inwards = side * (np.interp(points[:, 1], edge[order, 1], edge[order, 0]) - points[:, 0])
    near = 1 - smoothstep(inwards / WITHIN)
    beyond = np.clip(side * motion[:, 0] - FREE, 0, None)
    result = motion.copy()
    result[:, 0] -= side * turned * TAKEN * near * beyond
    return result
