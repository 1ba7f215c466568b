"""The page's sliders of attributes that are drawn: put on once, then moved with the face; in videos from the first frame on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth

from mimica import api
from mimica.errors import ValueRangeError
from mimica.interactive.desk import masks, moved, picture, portrait
from mimica.interactive.score import Keyframe, Score, frame_at, performance

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def prepared() -> api.Prepared:
    return api.prepare_face(PHOTO, size=512, engine=BrightMouth())[0]


def test_a_slider_puts_glasses_on_and_0_takes_them_off(prepared: api.Prepared) -> None:
    worn = picture(prepared, [{"glasses:round,gold": 1.0}])
    assert (worn != prepared.photo).any()
    assert np.array_equal(picture(prepared, [{"glasses:round,gold": 0.0}]), prepared.photo)
    assert moved(prepared, 0, {"glasses": 1.0}) == {}, "no control of the engine"
    with pytest.raises(ValueRangeError, match="no control 'glases'"):
        moved(prepared, 0, {"glases": 1.0})


def test_they_are_drawn_once_while_the_face_moves(prepared: api.Prepared) -> None:
    picture(prepared, [{"lipstick": 1.0, "glasses": 1.0}])
    (first,) = prepared.outfits.values()
    smiling = picture(prepared, [{"lipstick": 1.0, "glasses": 1.0, "AU12L": 0.4}])
    (then,) = prepared.outfits.values()
    assert then is first and (smiling != first.photo).any()
    assert masks(prepared, [{"lipstick": 1.0}]).shape[1] > masks(prepared, [{}]).shape[1]
    assert (portrait(prepared, 0, {"glasses": 1.0}, 96) != portrait(prepared, 0, {}, 96)).any()


def test_a_video_wears_them_from_the_first_frame_on(prepared: api.Prepared) -> None:
    keys = (Keyframe(0.0, {}), Keyframe(1.0, {"AU12L": 0.5, "glasses": 1.0}))
    animation = performance(prepared, Score(keys, doses={"glasses": 1.0}), 10)
    assert animation.doses == {}
    first = frame_at(animation, 0.0)
    assert np.array_equal(first, picture(prepared, [{"glasses": 1.0}])) and (first != prepared.photo).any()
