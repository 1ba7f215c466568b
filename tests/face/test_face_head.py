"""The fitted head: rotations and their inverse, a known head found again from its landmarks, the shipped model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.face import head
from mimica.face.head import LANDMARKS, PIVOT, angles, fit, load_model, rotation

DEGREES = st.floats(-60, 60)


@given(DEGREES, DEGREES, DEGREES)
def test_a_rotation_gives_its_angles_back(yaw: float, pitch: float, roll: float) -> None:
    matrix = rotation(yaw, pitch, roll)
    assert np.allclose(matrix @ matrix.T, np.eye(3)) and np.linalg.det(matrix) == pytest.approx(1)
    assert angles(matrix) == pytest.approx((yaw, pitch, roll), abs=1e-6)


def test_signs_are_the_readers() -> None:
    nose, crown = np.array([0, 0, 1.0]), np.array([0, 1.0, 0])
    assert (rotation(20, 0, 0) @ nose)[0] > 0, "yaw + turns to the right of the picture"
    assert (rotation(0, 20, 0) @ nose)[1] < 0, "pitch + nods down (y is up here)"
    assert (rotation(0, 0, 20) @ crown)[0] > 0, "roll + is clockwise"


def seen(pose: tuple[float, float, float], shape: np.ndarray | None = None) -> np.ndarray:
    """(68, 2), the model's landmarks in a photo of 400 pixels."""
    model = load_model()
    points = model.mean if shape is None else model.mean + np.tensordot(shape, model.basis, 1)
    turned = points[-LANDMARKS:] @ rotation(*pose).T
    return turned[:, :2] * [12, -12] + [200, 220]


@pytest.mark.parametrize("pose", [(0, 0, 0), (20, -10, 15), (-25, 8, -30)])
def test_a_known_head_is_found_again(pose: tuple[float, float, float]) -> None:
    found = fit(seen(pose), pose)
    assert found.rest < 1e-3
    assert np.abs(found.in_photo(found.vertices[-LANDMARKS:]) - seen(pose)).max() < 0.1
    assert found.scale * found.side == pytest.approx(12, rel=0.01)
    expected = (rotation(*pose) @ PIVOT)[:2] * [12, -12] + [200, 220]
    assert np.abs(found.in_photo(found.pivot) - expected).max() < 0.5


def test_shapes_are_found_and_what_is_left_is_carried_over() -> None:
    shape = np.random.default_rng(0).normal(0, 0.7, len(load_model().basis))
    plain, shaped = fit(seen((0, 0, 0)), (0, 0, 0)), fit(seen((0, 0, 0), shape), (0, 0, 0))
    assert np.abs(shaped.coefficients - plain.coefficients).max() > 0.3
    points = shaped.in_photo(shaped.vertices[-LANDMARKS:])
    moved = seen((0, 0, 0))
    moved[30] += [6, 0]  # a nose that no head has
    assert np.abs(points - seen((0, 0, 0), shape)).max() < 2
    nose = fit(moved, (0, 0, 0))
    assert nose.in_photo(nose.vertices[-38])[0] > plain.in_photo(plain.vertices[-38])[0] + 0.9


def test_places_go_to_the_photo_and_back() -> None:
    found = fit(seen((5, 5, 5)), (5, 5, 5))
    points = np.array([[10.0, 20.0], [300.0, 50.0]])
    assert np.allclose(found.in_photo(found.from_photo(points)), points)


def test_the_shipped_model() -> None:
    model = load_model()
    assert model.triangles.max() < len(model.mean) - LANDMARKS, "landmarks belong to no triangle"
    assert 0.05 < model.is_neck.mean() < 0.5 and model.basis.shape[1:] == model.mean.shape
    eyes = model.mean[-LANDMARKS:][[36, 39, 42, 45]].mean(axis=0) - PIVOT
    distance = np.hypot(*(model.mean[-LANDMARKS:][[42, 45]].mean(axis=0) - model.mean[-LANDMARKS:][[36, 39]].mean(axis=0))[:2])
    from mimica.motion.driving import EYES

    assert np.allclose(eyes / distance * 0.30, EYES, atol=0.02), "the constant of driving is the model's"
    assert head.WEIGHTS.stat().st_size < 400_000
