"""The turned head: nothing is the photo, what is far stays, the flow is inverted, borders and other faces hold."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from bright_mouth import ASTRONAUT
from hypothesis import given, settings
from hypothesis import strategies as st

from mimica.engines.ganimation.fast import pose
from mimica.engines.ganimation.fast.depth import SLOPE, envelope
from mimica.engines.ganimation.fast.pose import KEPT, encode_pose, turn
from mimica.engines.ganimation.fast.pose_flow import Movement, Scene, Turn, backward, forward
from mimica.engines.ganimation.fast.pose_pixels import held_inside
from mimica.face.head import fit

OWN = (-0.2, 6.5, 2.7)
TURNS = st.builds(Movement, st.floats(-15, 15), st.floats(-12, 12), st.floats(-20, 20))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return encode_pose(fit(ASTRONAUT, OWN), OWN)


def test_no_turn_is_the_frame_bit_for_bit_and_a_turn_comes_back(scene: Scene, astronaut: np.ndarray) -> None:
    assert np.array_equal(turn(scene, astronaut, Movement()), astronaut)
    there = turn(scene, astronaut, Movement(yaw=12))
    assert not np.array_equal(there, astronaut)
    assert np.array_equal(turn(scene, astronaut, Movement()), astronaut), "the scene is not changed by a turn"


@settings(max_examples=15, deadline=None)
@given(TURNS)
def test_backward_is_the_inverse_of_forward(scene: Scene, movement: Movement) -> None:
    asked = Turn.of(scene, movement)
    moved = forward(scene, asked)
    flow_x, flow_y = backward(moved, scene, asked)
    rows, columns = scene.grid.shape
    y, x = np.mgrid[:rows, :columns]
    inside = scene.maps.weight > 0.999
    source_x, source_y = x + flow_x, y + flow_y
    ok = inside & (source_x > 1) & (source_x < columns - 2) & (source_y > 1) & (source_y < rows - 2)
    there = [
        cv2.remap(p * np.float32(scene.grid.cells), source_x.astype(np.float32), source_y.astype(np.float32), cv2.INTER_LINEAR)
        for p in (moved.dx, moved.dy)
    ]
    error = np.hypot(source_x + there[0] - x, source_y + there[1] - y)[ok]
    assert np.median(error) < 0.1 and np.percentile(error, 95) < 1.0


def test_what_lies_far_from_the_head_stays(scene: Scene, astronaut: np.ndarray) -> None:
    turned = turn(scene, astronaut, Movement(15, 10, 15))
    changed = (turned != astronaut).any(axis=2)
    assert changed.any() and not changed[:, 420:].any() and not changed[430:].any()
    y, x = np.mgrid[: len(astronaut), : len(astronaut[0])]
    cells = ((y - scene.grid.top) // scene.grid.cell, (x - scene.grid.left) // scene.grid.cell)
    inside = [(c > 0) & (c < n - 1) for c, n in zip(cells, scene.grid.shape, strict=True)]
    weight = np.where(
        inside[0] & inside[1],
        scene.maps.weight[tuple(np.clip(c, 0, n - 1) for c, n in zip(cells, scene.grid.shape, strict=True))],
        0,
    )
    assert not (changed & (weight == 0)).mean() > 0.02, "what has no part in the motion changes at most beside what has"


@pytest.mark.parametrize(
    ("movement", "axis", "sign"), [(Movement(yaw=12), 0, 1), (Movement(yaw=-12), 0, -1), (Movement(pitch=10), 1, 1)]
)
def test_the_nose_goes_where_it_is_asked_to(scene: Scene, movement: Movement, axis: int, sign: int) -> None:
    moved = forward(scene, Turn.of(scene, movement))
    column, row = np.round(scene.grid.points(fit(ASTRONAUT, OWN).from_photo(ASTRONAUT[30]))).astype(int)
    assert sign * (moved.dx, moved.dy)[axis][row, column] > 0.03


def test_shift_and_zoom(scene: Scene) -> None:
    still = scene.maps.weight > 0.9999
    shifted = forward(scene, Turn.of(scene, Movement(shift=(0.05, 0.02))))
    assert np.allclose(shifted.dx[still], 0.05, atol=1e-4) and np.allclose(shifted.dy[still], 0.02, atol=1e-4)
    grown = forward(scene, Turn.of(scene, Movement(zoom=0.1)))
    assert np.allclose(grown.dx[still], 0.1 * scene.x[still], atol=1e-4)


def test_other_faces_stay(astronaut: np.ndarray) -> None:
    neighbour = ASTRONAUT + np.array([95, 0], np.float32)
    apart = encode_pose(fit(ASTRONAUT, OWN), OWN, [neighbour])
    x0, y0, x1, y1 = (int(v) for v in (*neighbour.min(axis=0), *neighbour.max(axis=0)))
    turned = turn(apart, astronaut, Movement(yaw=15))
    assert np.array_equal(turned[y0:y1, x0:x1], astronaut[y0:y1, x0:x1])
    assert not np.array_equal(
        turn(encode_pose(fit(ASTRONAUT, OWN), OWN), astronaut, Movement(yaw=15))[y0:y1, x0:x1], astronaut[y0:y1, x0:x1]
    )


def test_glasses_lie_in_a_plane() -> None:
    head = fit(ASTRONAUT, OWN)
    hull = np.concatenate([ASTRONAUT[36:48] + [0, -6], ASTRONAUT[36:48] + [0, 8]])
    flat, plain = encode_pose(head, OWN, flat=hull), encode_pose(head, OWN)
    mask = flat.grid.filled(head.from_photo(ASTRONAUT[[36, 45, 42, 39]] + [0, 2])) > 0
    columns = np.stack([np.ones(mask.sum()), flat.grid.x[mask], flat.grid.y[mask]], axis=1)

    def bumps(scene: Scene) -> float:
        depth = scene.maps.depth[mask]
        return float(np.abs(columns @ np.linalg.lstsq(columns, depth, rcond=None)[0] - depth).max())

    assert bumps(flat) < 0.5 * bumps(plain)
    inside = [cv2.pointPolygonTest(cv2.convexHull(hull.astype(np.float32)), tuple(map(float, p)), False) > 0 for p in ASTRONAUT]
    points = [scene.skin.points[len(head.vertices) - 68 : len(head.vertices)][inside] for scene in (flat, plain)]
    rest = [np.linalg.lstsq(np.c_[np.ones(len(p)), p[:, :2]], p[:, 2], rcond=None)[1][0] for p in points]
    assert rest[0] < 0.5 * rest[1], "so is what is drawn over it"


def test_nothing_comes_from_beyond_the_border(scene: Scene) -> None:
    grid = replace(scene.grid, left=-20, top=-20)
    shape, far = (300, 280, 3), np.full(grid.shape, 30, np.float32)
    place = np.arange(grid.shape[1]) + 0.5 + grid.left / grid.cell
    for sign in (-1, 1):
        flow_x, _ = held_inside(grid, shape, sign * far, far)
        source = place + flow_x[0]
        inside = (place > 1) & (place < shape[1] / grid.cell - 1)
        assert (source[inside] > 0).all() and (source[inside] < shape[1] / grid.cell).all()
        assert (np.diff(source[inside]) > 0).all(), "stretched, not folded"
    assert np.abs(held_inside(grid, shape, 0 * far, 0 * far)[0]).max() < 1e-5


def test_a_frame_may_begin_elsewhere(scene: Scene, astronaut: np.ndarray) -> None:
    wider = np.pad(astronaut, ((30, 0), (50, 0), (0, 0)), mode="reflect")
    moved, plain = turn(scene, wider, Movement(yaw=8), (50, 30))[30:, 50:], turn(scene, astronaut, Movement(yaw=8))
    assert np.abs(moved[50:].astype(int) - plain[50:]).max() <= 3, "but for the rounding of places"


def test_the_chin_keeps_its_room_where_the_frame_ends_below_it(scene: Scene) -> None:
    """In a tight portrait a bowed head is lifted by what its chin would lack; where there is room, it is not."""
    asked = Turn.of(scene, Movement(pitch=15))
    tall, tight = (pose._kept_inside(scene, asked, (height, 512, 3)) for height in (512, int(ASTRONAUT[8, 1]) + 15))
    assert tall == asked and -pose.LIFTED < tight.shift[1] < -0.02
    x, y, z = scene.skin.points[scene.skin.contour].T
    one = np.ones_like(x)
    dx, dy = tight.out_of_plane(x, y, z, one, one)
    moved = tight.in_plane(x + dx, y + dy, one)[1]
    room = [
        (int(ASTRONAUT[8, 1]) + 15 - scene.grid.top) / scene.grid.cell
        - scene.grid.points(np.stack([np.zeros_like(place), place], axis=1) + fit(ASTRONAUT, OWN).pivot[:2])[:, 1]
        for place in (y, moved)
    ]
    assert (room[1] >= KEPT * room[0] - 0.01).all()
    shifted = Turn.of(scene, Movement(shift=(0.0, 0.05)))
    assert pose._kept_inside(scene, shifted, (int(ASTRONAUT[8, 1]) + 15, 512, 3)) == shifted, "what is asked of place stays"


def test_what_comes_nearer_becomes_larger(scene: Scene) -> None:
    """Turned to the right of the picture, the left cheek comes nearer to the camera, the right one goes away from it."""
    asked = Turn.of(scene, Movement(yaw=15))
    x, y, z = scene.skin.points[scene.skin.contour].T
    one = np.ones_like(x)
    _, dy = asked.out_of_plane(x, y, z, one, one)
    heights = [(y + dy)[upper] - (y + dy)[lower] for upper, lower in ((0, 4), (16, 12))]
    before = [y[upper] - y[lower] for upper, lower in ((0, 4), (16, 12))]
    assert heights[0] / before[0] > 1.01 and heights[1] / before[1] < 0.99


def test_cells_far_beyond_the_frame_are_left_out(scene: Scene, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, movement = np.ascontiguousarray(astronaut[60:190, 150:300]), Movement(10, -6, 4)
    within = pose._within(scene, frame.shape, (-150, -60))
    assert np.prod(within.grid.shape) < 0.5 * np.prod(scene.grid.shape)
    few = turn(scene, frame, movement, (-150, -60))
    monkeypatch.setattr(pose, "BEYOND", 9.0)
    every = turn(scene, frame, movement, (-150, -60))
    assert np.abs(few.astype(int) - every).mean() < 0.1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_an_envelope_lies_above_and_rises_slowly(seed: int) -> None:
    depth = np.random.default_rng(seed).normal(0, 1, (20, 30)).astype(np.float32)
    bound = envelope(depth, SLOPE / 20)
    assert (bound >= depth - 1e-4).all() and np.abs(np.diff(bound, axis=1)).max() <= SLOPE / 20 + 1e-4
    assert np.allclose(envelope(bound, SLOPE / 20), bound, atol=1e-4)
