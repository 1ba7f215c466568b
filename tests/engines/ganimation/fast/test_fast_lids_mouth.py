"""Closing lids with their lashes, and mouths that nobody asks to move."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mimica import api
from mimica.engines.ganimation.fast import lids, mouth, painter, warp
from mimica.engines.ganimation.fast.edit import FastGanimation
from mimica.facs import SIDED_AU_NAMES

PHOTO = Path(__file__).parents[4] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def smiling() -> tuple[FastGanimation, object]:
    prepared, _ = api.prepare_face(PHOTO)
    return prepared.engine, prepared.faces[0].state  # she shows her teeth


def _inside(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    return cv2.fillConvexPoly(np.zeros(shape[:2], np.uint8), hull, 1) > 0


@pytest.mark.parametrize("unit", ["AU01", "AU02", "AU04", "AU06", "AU09", "AU45"])
def test_an_open_smile_stays_while_the_rest_of_the_face_moves(smiling, unit: str) -> None:
    engine, state = smiling
    image = engine.render(state, {f"{unit}{side}": 1.0 for side in "LR"}).image
    lips = _inside(state.face.landmarks_crop[48:68], image.shape)
    assert np.array_equal(image[lips], state.face.image[lips]) and (image != state.face.image).mean() > 0.005


def test_a_unit_of_the_mouth_moves_it_at_once_and_a_little_of_it_partly(smiling) -> None:
    _, state = smiling
    opening, asked = state.openings[0], {}
    for dose in (0.0, 0.5 * mouth.ASKED, 0.3):
        target = state.controls.copy()
        target[SIDED_AU_NAMES.index("AU15L")] += dose
        asked[dose] = mouth.left_alone(state.controls, target, opening)
    assert list(asked.values()) == pytest.approx([1, 0.5, 0], abs=0.01)
    assert mouth.left_alone(state.controls, state.controls, np.zeros_like(opening)) == 0, "a closed mouth may move along"


def test_a_field_is_held_on_the_lips_only() -> None:
    lips = np.array([[0.4, 0.7], [0.6, 0.7], [0.5, 0.75]], np.float32)
    free = mouth.freedom(lips, (300, 240))
    assert free[172, 120] == 0 and free[40, 120] == 1 and mouth.at_vertices(free, lips).max() == 0
    ones = np.ones((300, 240), np.float32)
    field = warp.Field(np.dstack([ones] * 2), ones.astype(np.uint8), np.dstack([ones] * 3), ones, ones)
    held = mouth.held(field, free, 1.0)
    assert not held.flow[172, 120].any() and not held.gain[172, 120].any() and not held.steps[172, 120]
    assert np.all(held.flow[40] == 1) and np.all(mouth.held(field, free, 0.0).flow == 1)


def test_the_upper_half_of_a_loop_runs_from_corner_to_corner() -> None:
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    mesh = np.stack([0.5 + 0.1 * np.cos(angle), 0.5 + 0.04 * np.sin(angle)], axis=1)
    for loop in (np.arange(16), np.roll(np.arange(16), 5), np.arange(16)[::-1]):
        edge = lids.upper_half(mesh, loop)
        assert len(edge) == 9 and np.all(np.diff(mesh[edge, 0]) > 0) and np.all(mesh[edge, 1] <= 0.5 + 1e-9)


def _eye(dark: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A crop with a dark line along the upper lid, its mesh and loop."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    mesh = np.stack([0.4 + 0.07 * np.cos(angle), 0.42 + 0.025 * np.sin(angle)], axis=1).astype(np.float32)
    crop = np.full((300, 240, 3), 200, np.uint8)
    edge = mesh[lids.upper_half(mesh, np.arange(24))] * 240
    cv2.polylines(crop, [np.round(edge - 0.5).astype(np.int32)], False, (dark, dark, dark), 2)
    return crop, mesh, np.arange(24)


def test_the_line_of_a_lid_has_the_photos_darkness_and_is_drawn_where_the_edge_went() -> None:
    crop, mesh, loop = _eye()
    lid = lids.find_lid(crop, mesh, loop, inner_left=False)
    light = lids.find_lid(_eye(dark=190)[0], mesh, loop, inner_left=False)
    assert lid.colour.max() < 0.5 and light.colour.min() == pytest.approx(lids.LIGHTEST)
    shut = mesh.copy()
    shut[:, 1] = 0.44
    assert lids.closed(mesh, shut) == 1 and lids.closed(mesh, mesh) == 0
    corner = (64, 80)
    line = lids.line(lid, shut, 1.0, corner, (48, 64), 1)
    assert line is not None and lids.line(lid, shut, 0.2, corner, (48, 64), 1) is None
    row = round(0.44 * 240) - 80
    assert line[row - 1 : row + 1, 32].min() < 0.6 and line[row - 6, 32].min() > 0.97 and line[:, :8].min() == 1


def test_lashes_on_the_lid_go_and_the_brow_stays() -> None:
    crop, mesh, loop = _eye()
    lid = lids.find_lid(crop, mesh, loop, inner_left=False)
    cv2.line(crop, (96, 94), (94, 86), (50, 50, 50), 1)  # a lash that stands up
    cv2.line(crop, (80, 72), (112, 72), (60, 50, 40), 4)
    brow = np.array([[80, 72], [88, 71], [96, 71], [104, 71], [112, 72]], np.float32) / 240
    factor = lids.without_lashes(crop, mesh[lid.edge], brow, np.zeros((300, 240), np.float32))
    after = crop * factor
    assert after[89, 95].min() > 1.5 * crop[89, 95].min() and np.all(factor[60:76] == 1) and factor.min() >= lids.PLAIN[0]


def test_what_is_drawn_down_over_an_eye_becomes_no_streaks() -> None:
    crop, mesh, loop = _eye()
    lid = lids.find_lid(crop, mesh, loop, inner_left=False)
    crop[80:94], crop[80:94, 95:97] = 180, 200  # what is dark and thin goes with the lashes; this is light
    brow = np.array([[80, 66], [88, 65], [96, 65], [104, 65], [112, 66]], np.float32) / 240
    factor = lids.without_lashes(crop, mesh[lid.edge], brow, np.zeros((300, 240), np.float32))
    above = np.s_[86:89, 90:102]
    assert np.ptp((crop * factor)[above]) < 0.4 * np.ptp(crop[above])


def test_the_line_of_a_lid_has_the_hue_of_the_skin_whatever_the_iris_has() -> None:
    crop, mesh, loop = _eye(dark=60)
    crop[(crop == 60).all(axis=2)] = (40, 60, 90)
    colour = lids.find_lid(crop, mesh, loop, inner_left=False).colour
    assert np.ptp(colour) == 0 and 0.28 <= colour[0] < 0.5


def test_a_line_darkens_whatever_the_patch_shows() -> None:
    paint = painter.Paint((0, 0), 1, np.ones((4, 4, 4), np.float32), np.full((4, 4, 4), 10, np.float32), np.ones((4, 4)))
    darker = lids.drawn(paint, np.full((4, 4, 3), 0.5, np.float32))
    assert np.all(darker.warped == 0.5) and np.all(darker.color == 5) and np.all(darker.still == 5)
    assert np.all(darker.factors[..., 3] == 1) and np.all(paint.warped == 1)


def test_closed_eyes_leave_a_dark_line_between_lids(smiling) -> None:
    engine, state = smiling
    image = engine.render(state, {"AU45L": 1.0, "AU45R": 1.0}).image.astype(int)
    for eye in (slice(36, 42), slice(42, 48)):
        points = state.face.landmarks_crop[eye]
        x, y = points.mean(axis=0).round().astype(int)
        height = int(np.ptp(points[:, 1])) + 2
        column = image[y - height : y + height, x - 2 : x + 3].mean(axis=(1, 2))
        assert column.min() < 0.8 * np.median(column)
