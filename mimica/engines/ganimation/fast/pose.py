"""Turning a head in a finished frame: two sheets, no network.

Once a photo a head is fitted (`mimica.face.head`) and its depth drawn (`depth`); per frame the turn becomes a flow on a coarse
grid (`pose_flow`), over which the side that turns away is drawn from the head itself (`pose_front`), and along which the frame's
pixels are sampled once (`pose_pixels`). Pose is the last thing to happen to a frame, so that whatever was painted moves along.
No turn gives the frame back, bit for bit, and so do pixels that nothing moves.

Known to be weak: what the turn uncovers is the photo's own rim, stretched; light turns with the head; straight lines near the
head bend under roll; beyond 25 degrees the near cheek becomes flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mimica.engines.ganimation.fast.depth import make_grid, relief
from mimica.engines.ganimation.fast.pose_flow import Movement, Scene, Turn, backward, forward
from mimica.engines.ganimation.fast.pose_front import draw, skin_of
from mimica.engines.ganimation.fast.pose_pixels import sample
from mimica.face.head import Head

STILL = Movement()


def encode_pose(
    head: Head, own: tuple[float, float, float], others: Sequence[np.ndarray] = (), flat: np.ndarray | None = None
) -> Scene:
    """What does not depend on the turn. `own`: the pose that the photo shows; `others`: landmarks (68, 2) of the other faces,
    `flat`: the hull of a pair of glasses (n, 2), pixels of the photo."""
    grid = make_grid(head)
    rest = [head.from_photo(other) for other in others]
    hull = None if flat is None else head.from_photo(flat)
    maps = relief(head, grid, rest, hull)
    nose = head.from_photo(head.in_photo(head.vertices[-68:][27:31])).mean(axis=0).astype(np.float32)
    pivot = head.pivot.astype(np.float32)
    about = grid.x - pivot[0], grid.y - pivot[1], grid.x - nose[0], grid.y - nose[1]
    return Scene(grid, maps, *about, head.rotation, own, skin_of(head, grid, maps, hull))


def reach(scene: Scene) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1), pixels of the picture in whose pixels the scene is: beyond nothing moves."""
    rows, columns = scene.grid.shape
    left, top, cell = scene.grid.left, scene.grid.top, scene.grid.cell
    return left, top, left + columns * cell, top + rows * cell


def turn(
    scene: Scene,
    frame: np.ndarray,
    movement: Movement,
    origin: tuple[int, int] = (0, 0),
    expression: np.ndarray | None = None,
) -> np.ndarray:
    """A frame, uint8 (H, W, 3), with the head moved: another array, the same values where nothing moves. `origin`: where in the
    frame the picture begins in whose pixels the scene is; `expression` (68, 2): by how much the frame's landmarks are displaced
    from the photo's, shares of the side."""
    if movement == STILL:
        return frame.copy()
    grid = replace(scene.grid, left=scene.grid.left + origin[0], top=scene.grid.top + origin[1])
    asked = Turn.of(scene, movement)
    flow, front = draw(scene, asked, backward(forward(scene, asked), scene, asked), expression)
    return sample(grid, frame, *flow, front)
