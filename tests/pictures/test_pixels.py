"""Value ranges: back and forth, by hand, and nowhere else in the package."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mimica.pictures.pixels import as_input, as_pictures, float_levels, from_unit, to_signed, to_unit

PACKAGE = Path(__file__).parents[2] / "mimica"


@given(arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.just(3))))
def test_there_and_back(pictures):
    assert np.array_equal(from_unit(to_unit(pictures)), pictures)
    assert np.array_equal(np.rint(float_levels(to_signed(pictures))), pictures)
    signed = as_input(torch.from_numpy(pictures))
    assert signed.shape == (len(pictures), 3, *pictures.shape[1:3]) and signed.dtype == torch.float32
    assert np.array_equal(as_pictures(signed), pictures)


def test_by_hand():
    levels = np.array([[[[0, 51, 255]]]], np.uint8)
    for kind in (levels, torch.from_numpy(levels)):
        assert np.asarray(to_signed(kind)).ravel() == pytest.approx([-1, -0.6, 1])
        assert np.asarray(to_unit(kind)).ravel() == pytest.approx([0, 0.2, 1])
    assert from_unit(np.array([-1, 0.5, 3])).tolist() == [0, 128, 255]
    assert as_pictures(torch.tensor([-3, 0.0, 3]).reshape(1, 3, 1, 1)).tolist() == [[[[0, 128, 255]]]]
    assert as_pictures(torch.zeros(1, 1, 1, 1)).tolist() == [[[[128, 128, 128]]]], "one channel becomes three equal ones"


def test_no_other_module_goes_from_levels_to_signed_itself():
    found = [p.name for p in PACKAGE.rglob("*.py") if re.search(r"\b127\.5\b", p.read_text(encoding="utf-8"))]
    assert sorted(found) == ["export.py", "pixels.py"], "export.py: inside an exported graph"
