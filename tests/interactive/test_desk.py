"""A photo on the table: changes from it, previews, portraits, what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth, reading
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import NoFaceError, ValueRangeError
from mimica.interactive import desk as desks
from mimica.interactive.desk import Desk, Encoded, encode, lay_out, masks, moved, picture, portrait
from mimica.pictures.images import Photo

MOUTH = np.s_[141:152, 208:240]


@pytest.fixture
def desk(astronaut: np.ndarray) -> Desk:
    return Desk(astronaut, None, (reading(), reading()), ((), ()), (None, "It is turned away."))


def test_no_change_is_the_photo_bit_for_bit(desk: Desk) -> None:
    prepared = encode(desk, [1], BrightMouth(), None)
    assert (picture(prepared, [{}]) == desk.rgb).all() and (picture(prepared, [{"AU12L": 0.0}]) == desk.rgb).all()


def test_a_change_is_added_to_what_the_photo_shows(desk: Desk) -> None:
    prepared = encode(desk, [1], BrightMouth(), None)
    assert moved(prepared, 0, {"AU12L": 0.5}) == {"AU12L": 0.75}
    brighter = picture(prepared, [{"AU12L": 0.5, "AU12R": 0.5}])[MOUTH].mean() - desk.rgb[MOUTH].mean()
    assert brighter == pytest.approx(50, abs=8)


@given(st.floats(-1e6, 1e6))
def test_a_value_is_always_legal(change: float) -> None:
    photo = np.full((512, 512, 3), 128, np.uint8)
    prepared = encode(Desk(photo, None, (reading(),), ((),), (None,)), [1], BrightMouth(), None)
    assert 0.0 <= moved(prepared, 0, {"AU12L": change})["AU12L"] <= 1.0


def test_wrong_controls_faces_and_numbers_are_refused(desk: Desk) -> None:
    prepared = encode(desk, [1], BrightMouth(), None)
    with pytest.raises(ValueRangeError, match="no control 'AU12'; did you mean"):
        moved(prepared, 0, {"AU12": 0.5})
    with pytest.raises(ValueRangeError, match="must be a number"):
        moved(prepared, 0, {"AU12L": float("nan")})
    with pytest.raises(NoFaceError, match="There is no face 3"):
        encode(desk, [3], BrightMouth(), None)
    with pytest.raises(NoFaceError, match="turned away"):
        encode(desk, [2], BrightMouth(), None)


def test_a_preview_is_small(desk: Desk) -> None:
    prepared = encode(desk, [1], BrightMouth(), 256)
    assert prepared.photo.shape == (256, 256, 3)
    assert portrait(prepared, 0, {"AU12L": 0.5}, 96).shape == (96, 96, 3)
    assert masks(prepared, [{"AU12L": 0.5}]).ndim == 3


def test_faces_that_cannot_be_edited_say_why(astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [reading(yaw=60.0), reading(), reading(yaw=30.0)]
    monkeypatch.setattr(desks, "find_faces", lambda rgb, **more: found)
    desk = lay_out(Photo(astronaut, None, Path("the photo")))
    assert desk.usable == (2, 3) and desk.largest == 2
    assert "turned by 60" in str(desk.refusals[0]) and "turned by 30" in desk.remarks[2][0]
    monkeypatch.setattr(desks, "find_faces", lambda rgb, **more: found[:1])
    with pytest.raises(NoFaceError, match="turned by 60"):
        _ = lay_out(Photo(astronaut, None, Path("the photo"))).largest


def test_what_was_encoded_is_kept_and_forgotten(desk: Desk) -> None:
    engine, kept = BrightMouth(), Encoded(10**9)
    first = kept.get("a", desk, [1], engine, 256)
    assert kept.get("a", desk, [1], engine, 256) is first and engine.encoded == 1
    kept.get("a", desk, [1], engine, 128)
    kept.get("b", desk, [1], engine, 256)
    assert engine.encoded == 3 and kept.bytes > 0
    kept.forget("a")
    kept.get("b", desk, [1], engine, 256)
    assert engine.encoded == 3
    kept.get("a", desk, [1], engine, 256)
    assert engine.encoded == 4
    small = Encoded(first.photo.nbytes * 3)
    for side in (256, 255, 254, 253, 252):
        small.get("a", desk, [1], engine, side)
        assert small.bytes <= small.limit_bytes
