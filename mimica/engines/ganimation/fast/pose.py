"""Turning a head in a finished frame: two sheets, no network.

Once a photo a head is fitted (`mimica.face.head`) and its depth drawn (`depth`); per frame the turn becomes a flow on a coarse
grid (`pose_flow`), over which the side that turns away is drawn from the head itself (`pose_front`), and along which the frame's
pixels are sampled once (`pose_pixels`). Where the photo shows the head turned, what turning it back uncovers is filled from its
other side (`pose_mirror`). Pose is the last thing to happen to a frame, so that whatever was painted moves along. No turn gives
the frame back, bit for bit, and so do pixels that nothing moves.

Known to be weak: what a turn uncovers of a photo that faces the camera is the photo's own rim, stretched; light turns with the
head; straight lines near the head bend under roll; beyond 25 degrees the near cheek becomes flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mimica.engines.ganimation.fast.depth import make_grid, relief
from mimica.engines.ganimation.fast.pose_flow import Movement, Scene, Turn, backward, forward
from mimica.engines.ganimation.fast.pose_front import draw, skin_of
from mimica.engines.ganimation.fast.pose_mirror import fill, lay, mirror_of
from mimica.engines.ganimation.fast.pose_pixels import sample
from mimica.face.head import Head

STILL = Movement()
KEPT, LIFTED = 0.7, 0.15
"""Of the room between the chin and a frame's lower border so much is kept; for it the head is lifted by so many shares of the
side at most."""
BEYOND = 0.12
"""Shares of the side by which the grid reaches beyond a frame's border at least, if it does."""


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
    skin = skin_of(head, grid, maps, hull)
    return Scene(grid, maps, *about, head.rotation, own, skin, mirror_of(head, skin))


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
    scene = _within(scene, frame.shape, origin)
    asked = _kept_inside(scene, Turn.of(scene, movement), frame.shape)
    flow, front = draw(scene, asked, backward(forward(scene, asked), scene, asked), expression)
    turned = sample(scene.grid, frame, *flow, front)
    filling = fill(scene, asked, frame, expression)
    if filling is not None:
        lay(turned, frame, filling)
    return turned


def _kept_inside(scene: Scene, turn: Turn, shape: tuple[int, ...]) -> Turn:
    """The same turn, with the head lifted where it would otherwise press the chin against the lower border of a frame of `shape`,
    as a camera follows. What is asked of place and size alone stays as it is."""
    if not turn.sine and not turn.angle:
        return turn
    grid, skin = scene.grid, scene.skin
    x, y, z = skin.points[skin.contour].T
    one = np.ones_like(x)
    dx, dy = turn.out_of_plane(x, y, z, one, one)
    _, moved = replace(turn, shift=(0.0, 0.0)).in_plane(x + dx, y + dy, one)
    border = float(scene.y[0, 0]) + ((shape[0] - grid.top) / grid.cell - 0.5) / grid.cells  # about the pivot, as y
    lacking = float((KEPT * np.maximum(border - y, 0) - (border - moved)).max())
    return replace(turn, shift=(turn.shift[0], turn.shift[1] - min(max(lacking, 0.0), LIFTED)))


def _within(scene: Scene, shape: tuple[int, ...], origin: tuple[int, int]) -> Scene:
    """The scene in the pixels of a frame of `shape`, without the cells that lie far beyond its border."""
    grid = replace(scene.grid, left=scene.grid.left + origin[0], top=scene.grid.top + origin[1])
    (rows, columns), over = grid.shape, int(BEYOND * grid.cells)
    sides = ((grid.top, rows, shape[0]), (grid.left, columns, shape[1]))
    first = [min(max(-start // grid.cell - over, 0), count - 1) for start, count, _ in sides]
    last = [max(min((length - start) // grid.cell + over, count), 1) for start, count, length in sides]
    box = slice(first[0], max(last[0], first[0] + 1)), slice(first[1], max(last[1], first[1] + 1))
    places = (plane[box] for plane in (scene.x, scene.y, scene.nose_x, scene.nose_y))
    x, y, nose_x, nose_y = places
    return replace(scene, grid=grid.part(box), maps=scene.maps.part(box), x=x, y=y, nose_x=nose_x, nose_y=nose_y)
