"""The layout of the reader's outputs and the mirror of its points."""

import numpy as np

from mimica.reader.augment import mirror_labels
from mimica.reader.outputs import INPUT_SIZE, MIRROR_POINTS, OUTPUT_SIZE, SLICES, mirrored_outputs


def test_slices_tile_the_outputs():
    stops = [s.stop for s in SLICES.values()]
    assert [s.start for s in SLICES.values()] == [0, *stops[:-1]]
    assert stops[-1] == OUTPUT_SIZE == 140 + 3 + 34 + 8 + 1


def test_the_mirror_is_its_own_inverse():
    mirror = np.array(MIRROR_POINTS)
    assert sorted(MIRROR_POINTS) == list(range(70))
    assert np.array_equal(mirror[mirror], np.arange(70))


def test_the_mirror_keeps_the_middle_and_swaps_known_pairs():
    middle = [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]
    assert [MIRROR_POINTS[i] for i in middle] == middle
    pairs = {
        0: 16,
        17: 26,
        31: 35,
        36: 45,
        37: 44,
        39: 42,
        40: 47,
        41: 46,
        48: 54,
        49: 53,
        59: 55,
        58: 56,
        60: 64,
        67: 65,
        61: 63,
        68: 69,
    }
    assert all(MIRROR_POINTS[a] == b and MIRROR_POINTS[b] == a for a, b in pairs.items())


def test_mirrored_outputs_undo_the_mirror_of_the_labels():
    rng = np.random.default_rng(0)
    row = rng.normal(size=(1, OUTPUT_SIZE)).astype(np.float32)
    mirrored = mirrored_outputs(row)
    points = row[0, SLICES["points"]].reshape(70, 2)
    flipped, pose, aus = mirror_labels(points + INPUT_SIZE / 2, row[0, SLICES["pose"]], row[0, SLICES["aus"]])
    assert np.allclose(mirrored[0, SLICES["points"]].reshape(70, 2), flipped - INPUT_SIZE / 2, atol=1e-4)
    assert np.allclose(mirrored[0, SLICES["pose"]], pose) and np.allclose(mirrored[0, SLICES["aus"]], aus)
    assert np.array_equal(mirrored_outputs(mirrored), row)
