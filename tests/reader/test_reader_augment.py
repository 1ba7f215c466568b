"""Augmentation keeps pictures and labels together."""

import numpy as np
import pytest

from mimica.reader.augment import augment, mirror_labels, negative, similarity
from mimica.reader.data import CROP, ReaderData
from mimica.reader.outputs import EYE_DISTANCE, INPUT_SIZE


@pytest.fixture
def crops() -> ReaderData:
    """Black crops with a white blob at one eye corner; one is labelled all through, the other hardly."""
    gray = np.zeros((2, CROP, CROP), np.uint8)
    gray[:, 66:70, 50:54] = 255
    points = np.full((2, 70, 2), 80.0, np.float32)
    points[:, 36] = [52, 68]
    points[1, 68:] = np.nan
    aus = np.zeros((2, 34), np.float32)
    aus[:, 8] = 0.7
    return ReaderData(
        gray=gray,
        points=points,
        pose=np.array([[10, 5, 0], [np.nan] * 3], np.float32),
        aus=aus,
        emotion=np.array([1, -1]),
        exact=np.array([True, False]),
        human=np.array([False, False]),
        validation=np.array([False, False]),
    )


def in_pixels(points: np.ndarray) -> np.ndarray:
    return points * EYE_DISTANCE * INPUT_SIZE + INPUT_SIZE / 2


def test_the_point_stays_on_the_blob(crops):
    hits = 0
    for seed in range(40):
        sample = augment(crops, 0, np.random.default_rng(seed))
        mirrored = sample.aus[8] == 0
        x, y = in_pixels(sample.points)[45 if mirrored else 36]
        if 3 < x < INPUT_SIZE - 3 and 3 < y < INPUT_SIZE - 3:
            around = sample.gray[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
            hits += around.max() > sample.gray.mean() + 20
    assert hits >= 30, "occlusion and bad light may hide it now and then, not often"


def test_mirroring_swaps_sides_and_signs(crops):
    aus = np.arange(34, dtype=np.float32)
    points, pose, mirrored = mirror_labels(np.zeros((70, 2), np.float32), np.float32([10, 5, 3]), aus)
    assert pose.tolist() == [-10, 5, -3]
    assert mirrored[0] == 17 and mirrored[17] == 0
    assert (points[:, 0] == INPUT_SIZE).all()


def test_similarity_keeps_the_middle():
    matrix = similarity(30, 0.7, np.zeros(2))
    assert matrix @ [CROP / 2, CROP / 2, 1] == pytest.approx([INPUT_SIZE / 2] * 2)
    right = matrix[:, :2] @ [1, 0]
    assert right == pytest.approx([0.7 * np.cos(np.pi / 6), 0.7 * np.sin(np.pi / 6)]), "clockwise in the picture"


def test_the_unknown_stays_unknown(crops):
    sample = augment(crops, 1, np.random.default_rng(0))
    assert np.isnan(sample.pose).all() and np.isnan(sample.points[68:]).all()
    assert np.isfinite(sample.points[:68]).all()


def test_a_draw_is_reproducible(crops):
    first, second = (augment(crops, 0, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.gray, second.gray) and np.array_equal(first.points, second.points)


@pytest.mark.parametrize("seed", range(12))
def test_negatives_carry_no_labels(crops, seed):
    sample = negative(crops, 0, np.random.default_rng(seed))
    assert sample.gray.shape == (INPUT_SIZE, INPUT_SIZE) and sample.gray.dtype == np.uint8
    assert sample.face == 0 and sample.emotion == -1 and np.isnan(sample.points).all() and np.isnan(sample.aus).all()
