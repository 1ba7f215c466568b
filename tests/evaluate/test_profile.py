"""The profile watches what a frame really calls."""

import time
from pathlib import Path

import numpy as np
import pytest

from mimica import api
from mimica.evaluate import profile
from mimica.evaluate.profile import REST, STAGES, Stopwatch

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def _busy(milliseconds: float) -> None:
    end = time.thread_time() + milliseconds / 1e3
    while time.thread_time() < end:
        pass


def test_what_an_inner_stage_takes_is_not_the_outer_ones() -> None:
    stopwatch = Stopwatch()
    inner = stopwatch.around("raster", lambda: _busy(20))

    def outer() -> None:
        _busy(10)
        inner()

    stopwatch.around("field", outer)()
    assert 20 <= stopwatch.spent["raster"] < 28 and 10 <= stopwatch.spent["field"] < 18


def test_every_stage_of_a_smile_takes_time_and_together_they_are_the_frame(tmp_path: Path) -> None:
    prepared, _ = api.prepare_face(PHOTO)
    own = prepared.faces[0].face.controls
    smiles = [{**own, "AU12L": value, "AU12R": value, "AU26L": value, "AU26R": value} for value in (0.2, 0.5, 0.8)]
    before = profile._found(STAGES["rig"][0])[0].move
    found = profile.milliseconds(prepared, smiles, tmp_path)
    assert set(found) == {*STAGES, REST, "frame"} and min(found.values()) > 0
    assert np.isclose(sum(found.values()) - found["frame"], found["frame"], rtol=0.3)
    assert profile._found(STAGES["rig"][0])[0].move is before


def test_a_function_that_fails_is_watched_no_longer() -> None:
    with pytest.raises(KeyError), profile.watched(Stopwatch()):
        raise KeyError
    owner, name = profile._found(STAGES["paste"][1])
    assert getattr(owner, name).__qualname__ == "Patch.over"
