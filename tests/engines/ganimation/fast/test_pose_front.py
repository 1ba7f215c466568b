"""The side that turns away: drawn from the head, it hides what it comes upon, along a smooth outline, expressions and all."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from bright_mouth import ASTRONAUT

from mimica.engines.ganimation.fast.pose import encode_pose, turn
from mimica.engines.ganimation.fast.pose_flow import Movement, Scene, Turn, backward, forward
from mimica.engines.ganimation.fast.pose_front import BEYOND, Front, draw
from mimica.engines.ganimation.fast.pose_pixels import sample
from mimica.face.head import fit

OWN = (-0.2, 6.5, 2.7)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return encode_pose(fit(ASTRONAUT, OWN), OWN)


def drawn(scene: Scene, movement: Movement, expression: np.ndarray | None = None) -> tuple[tuple[np.ndarray, np.ndarray], Front]:
    asked = Turn.of(scene, movement)
    back, front = draw(scene, asked, backward(forward(scene, asked), scene, asked), expression)
    assert front is not None
    return back, front


def place_of(scene: Scene, landmark: int, movement: Movement) -> np.ndarray:
    """Where a landmark of the fitted head is after a movement that turns it rigidly, cells from the grid's corner."""
    head = fit(ASTRONAUT, OWN)
    asked = Turn.of(scene, movement)
    x, y, z = (head.vertices[-68:] - head.pivot)[landmark].astype(np.float32)
    one = np.ones_like(x)
    dx, dy = asked.out_of_plane(x, y, z, one, one)
    moved = np.array(asked.in_plane(x + dx, y + dy, one)) + head.pivot[:2]
    return scene.grid.points(moved)


@pytest.mark.parametrize("movement", [Movement(yaw=15), Movement(yaw=-12, pitch=6, roll=8)])
def test_the_far_eye_is_where_a_rigid_head_has_it(scene: Scene, movement: Movement) -> None:
    """At the outer corner of the far eye the front's flow leads back to that corner, up to the share of the grid's own flow."""
    corner = 45 if movement.yaw > 0 else 36
    _, front = drawn(scene, movement)
    x, y = (place_of(scene, corner, movement) - 0.5).astype(np.float32)
    flow = [float(cv2.remap(p, np.array([[x]]), np.array([[y]]), cv2.INTER_LINEAR)[0, 0]) for p in (front.flow_x, front.flow_y)]
    came = np.array([x, y]) + flow + 0.5
    head = fit(ASTRONAUT, OWN)
    expected = scene.grid.points(head.vertices[-68:][corner, :2])
    assert np.hypot(*(came - expected)) < 2.5


def test_the_far_outline_is_smooth(scene: Scene) -> None:
    """Along the far cheek the outline, where the cover is one half, runs without steps."""
    _, front = drawn(scene, Movement(yaw=15))
    rows = range(*(int(scene.grid.points(np.array([0.0, y]))[1]) for y in (0.05, 0.40)))
    edge = []
    for row in rows:
        line = front.cover[row]
        last = np.flatnonzero(line >= 0.5)[-1]
        edge.append(last + (line[last] - 0.5) / (line[last] - line[last + 1]))
    assert np.abs(np.diff(edge, 2)).max() < 0.8, "cells"


def test_beyond_the_outline_nothing_of_the_face_is_seen_again(scene: Scene) -> None:
    """What is shown just outside the far outline lay outside the face's outline before, by some margin."""
    before = scene.grid.points(fit(ASTRONAUT, OWN).vertices[-68:][:17, :2])
    for yaw, landmarks in ((10, (11, 12, 13)), (-15, (5, 4, 3))):
        (back_x, _), front = drawn(scene, Movement(yaw=yaw))
        for landmark in landmarks:
            row, away = int(before[landmark, 1]), 1 if yaw > 0 else -1
            edge = np.flatnonzero(front.cover[row] >= 0.5)[-1 if yaw > 0 else 0] + away
            assert away * (edge + 0.5 + back_x[row, edge] - before[landmark, 0]) > BEYOND * scene.grid.cells
            beyond = edge + away * int(0.3 * scene.grid.cells)
            assert abs(back_x[row, beyond]) < 0.04 * scene.grid.cells, "and what is far from it hardly moves"


def test_the_chin_that_drops_is_part_of_the_front(scene: Scene) -> None:
    dropped = np.zeros((68, 2), np.float32)
    dropped[3:14, 1] = dropped[48:, 1] = 0.08
    plain, lower = (drawn(scene, Movement(yaw=15), change)[1].cover for change in (None, dropped))
    ends = [np.flatnonzero((cover > 0.5).any(axis=1))[-1] for cover in (plain, lower)]
    assert ends[1] - ends[0] == pytest.approx(0.08 * scene.grid.cells, abs=2.5)


def test_no_front_without_a_turn_out_of_the_plane_and_none_by_and_by(scene: Scene) -> None:
    asked = Turn.of(scene, Movement(roll=10))
    flow = backward(forward(scene, asked), scene, asked)
    _, front = draw(scene, asked, flow)
    assert front is None or max(np.abs(a - b).max() for a, b in zip(flow, (front.flow_x, front.flow_y), strict=True)) < 0.7
    small, large = (drawn(scene, Movement(yaw=angle)) for angle in (0.6, 1.2))
    apart = [float(np.abs(front.flow_x - back[0])[front.cover > 0.9].max()) for back, front in (small, large)]
    assert apart[0] < apart[1] < 1.5, "it sets in gradually"


def test_the_outline_is_one_clean_step(scene: Scene) -> None:
    """A white front over a black background: no pixel is brighter or darker than both, few are in between."""
    grid = replace(scene.grid, left=0, top=0)
    rows, columns = grid.shape
    photo = np.zeros((rows * grid.cell, columns * grid.cell, 3), np.uint8)
    photo[:, photo.shape[1] // 2 :] = 255
    flat = np.zeros(grid.shape, np.float32)
    x = np.arange(columns, dtype=np.float32)
    mask = np.broadcast_to((x < columns // 2).astype(np.float32), grid.shape).copy()
    front = Front(flat + columns // 3, flat, cv2.GaussianBlur(mask, (0, 0), 1.0))
    row = sample(grid, photo, flat - 10, flat, front)[photo.shape[0] // 2, :, 0]
    edge = columns // 2 * grid.cell
    assert (row[edge - 3 * grid.cell : edge - 3] == 255).all() and (row[edge + 3 : edge + 3 * grid.cell] == 0).all()
    assert (np.diff(row[edge - 3 : edge + 3].astype(int)) <= 0).all()


def test_a_turned_expression_keeps_a_whole_cheek(astronaut: np.ndarray, scene: Scene) -> None:
    """With a jaw that drops the lower face is drawn otherwise, and nothing above it."""
    dropped = np.zeros((68, 2), np.float32)
    dropped[3:14, 1] = 0.06
    plain, with_it = (turn(scene, astronaut, Movement(yaw=15), (0, 0), change) for change in (None, dropped))
    changed = (plain != with_it).any(axis=2)
    low, high = int(ASTRONAUT[33, 1]), int(ASTRONAUT[27, 1])
    assert changed[low:].sum() > 500 and changed[: high - 20].sum() < 20, "but for roundings"
