"""Glasses that a photo shows: found, and others put on in their place, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from mimica.engines.layers.dress import dress, wears_glasses
from mimica.engines.layers.outfit import Outfit
from mimica.engines.layers.own_glasses import take_off
from mimica.face.attributes import wish_of
from mimica.reader.read import FaceReading, largest_face

Pose = tuple[float, float, float]


@pytest.fixture(scope="module")
def reading(astronaut: np.ndarray) -> FaceReading:
    return largest_face(astronaut)


def with_glasses(rgb: np.ndarray, one: FaceReading, key: str) -> np.ndarray:
    photo = rgb.copy()
    dressed = dress(rgb, one.landmarks_photo, one.irises_photo, pose(one), wish_of({key: 1.0}))
    assert dressed.overlay is not None
    dressed.overlay.lay(photo)
    return photo


def pose(one: FaceReading) -> Pose:
    return one.yaw, one.pitch, one.roll


def test_a_face_without_glasses_has_none_to_take_off(astronaut: np.ndarray, reading: FaceReading) -> None:
    assert take_off(astronaut, reading.landmarks_photo) is None


def test_rims_are_painted_over_and_eyes_stay(astronaut: np.ndarray, reading: FaceReading) -> None:
    photo = with_glasses(astronaut, reading, "glasses:round")
    assert wears_glasses(photo, reading.landmarks_photo)
    bare = take_off(photo, reading.landmarks_photo)
    assert bare is not None and not bare.dark and not bare.seen
    assert not wears_glasses(bare.photo, reading.landmarks_photo)
    near, far = (np.abs(each.astype(float) - astronaut).sum() for each in (bare.photo, photo))
    assert near < 0.5 * far
    x, y = reading.irises_photo[0].astype(int)
    assert np.array_equal(bare.photo[y - 1 : y + 2, x - 1 : x + 2], photo[y - 1 : y + 2, x - 1 : x + 2])


def test_others_take_their_place_where_it_is_said(astronaut: np.ndarray, reading: FaceReading) -> None:
    photo = with_glasses(astronaut, reading, "glasses:round")
    given = photo, reading.landmarks_photo, reading.irises_photo, pose(reading)
    refused = dress(*given, wish_of({"glasses:cat": 1.0}))
    assert refused.overlay is None and "say glasses=1:replace" in refused.refusals[0]
    other = dress(*given, wish_of({"glasses:cat,red,replace": 1.0}))
    assert other.overlay is not None and not other.refusals and (other.photo != photo).any()
    in_a_film = Outfit(*given, wish_of({"glasses:cat,replace": 1.0, "lipstick": 1.0}))
    assert "in a film cannot be replaced" in in_a_film.refusals[0] and [one.name for one in in_a_film.worn] == ["lipstick"]


def test_what_is_behind_dark_lenses_is_not_invented(astronaut: np.ndarray, reading: FaceReading) -> None:
    photo = with_glasses(astronaut, reading, "sunglasses")
    given = photo, reading.landmarks_photo, reading.irises_photo, pose(reading)
    assert "only sunglasses" in dress(*given, wish_of({"glasses:replace": 1.0})).refusals[0]
    assert dress(*given, wish_of({"sunglasses:aviator,replace": 1.0})).overlay is not None
