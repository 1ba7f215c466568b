"""What of a face does not change from frame to frame."""

from __future__ import annotations

import numpy as np

from mimica.engines.ganimation.fast.lasting import MISSES, SEARCH_EVERY, Lasting, is_due, known, scale_of, white_of
from mimica.face import glasses

SHAPE = (300, 240)
WHITE = np.full(3, 200, np.float32)


def rims(column: int) -> np.ndarray:
    made = np.zeros((600, glasses.SIDE), np.uint8)
    made[200:300, column] = 1
    return made


def test_the_scale_changes_for_good_reasons_only() -> None:
    before = Lasting(None, None, WHITE, 1)
    assert [scale_of(side, 520, None) for side in (500, 540, 1100)] == [1, 2, 3]
    assert scale_of(540, 520, before) == 1 and scale_of(700, 520, before) == 2


def test_white_follows_slowly() -> None:
    before = Lasting(None, None, WHITE, 1)
    assert np.array_equal(white_of(WHITE - 50, None), WHITE - 50)
    assert 190 < white_of(WHITE - 50, before)[0] < 200


def test_glasses_are_searched_now_and_then_and_stay() -> None:
    state = known(rims(100), True, WHITE, 1, SHAPE, None)
    assert state.away is not None and state.away.shape == SHAPE and not is_due(state) and is_due(None)
    for _ in range(SEARCH_EVERY - 1):
        state = known(None, False, WHITE, 1, SHAPE, state)
    assert state.rims is not None and is_due(state)
    moved = known(rims(104), True, WHITE, 1, SHAPE, state)
    own = glasses.distance(rims(104), SHAPE)
    assert moved.away is not None and state.away is not None
    assert np.abs(moved.away - state.away).max() < 0.3 * np.abs(own - state.away).max(), "they do not jump"
    for _ in range(MISSES - 1):
        state = known(None, True, WHITE, 1, SHAPE, state)
        assert state.rims is not None and state.away is not None
    assert known(None, True, WHITE, 1, SHAPE, state).rims is None, "they were taken off"


def test_another_scale_gets_a_map_of_its_own_size() -> None:
    state = known(rims(100), True, WHITE, 1, SHAPE, None)
    grown = known(None, False, WHITE, 2, (600, 480), state)
    assert grown.away is not None and grown.away.shape == (600, 480)
