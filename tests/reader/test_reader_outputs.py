"""The layout of the reader's outputs and the mirror of its points."""

import numpy as np

from mimica.reader.outputs import MIRROR_POINTS, OUTPUT_SIZE, SLICES


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
