"""Lids that close behind glasses."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mimica import api
from mimica.animation import prepare
from mimica.engines.ganimation.fast import lenses
from mimica.engines.ganimation.fast.painter import PARTS
from mimica.engines.ganimation.fast.warp import SIDE
from mimica.face.align import eye_centres
from mimica.facs import with_sides

PHOTO = Path(__file__).parents[4] / "examples" / "astronaut.jpg"
ROWS = 300


def _away(rows: slice) -> np.ndarray:
    """Distances to a rim that lies across the crop in some rows."""
    bare = np.ones((ROWS, SIDE), np.uint8)
    bare[rows] = 0
    return cv2.distanceTransform(bare, cv2.DIST_L2, 5).astype(np.float32) / SIDE


def test_behind_a_rim_there_is_skin_and_nothing_of_the_eye() -> None:
    crop = np.full((ROWS, SIDE, 3), 180, np.uint8)
    corner, part = (50, 80), PARTS["eye_right"]
    crop[96:100], crop[104:116, 70:95] = 20, 0  # the rim, and right below it the eye
    opening = np.zeros((ROWS, SIDE), np.float32)
    opening[104:116, 70:95] = 1
    plain, where = lenses.filled(crop, _away(np.s_[96:100]), opening, corner, part)
    inside = np.s_[16:20, lenses.BORDER : -lenses.BORDER]
    assert plain[inside].min() > 150 and where[inside].min() == 1
    assert where[: lenses.BORDER // 2].max() == 0 and where[-4:].max() == 0 and where.shape == (part.height, part.width)


def test_rims_are_laid_over_again_exactly() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    crop_from_window = np.array([[1 / 320, 0, -0.1], [0, 1 / 320, -0.1]])
    away, corner = _away(np.s_[96:100]), (50, 80)
    image = np.zeros_like(photo)
    lenses.put_back(image, photo, away, crop_from_window, corner, PARTS["eye_right"])
    rows = np.flatnonzero((image == photo).all(axis=(2))[:, 150])
    middle = (98 / SIDE + 0.1) * 320
    assert rows.min() < middle < rows.max() and 4 <= len(rows) <= 20 and not image[:130].any() and not image[:, :90].any()


@pytest.fixture(scope="module")
def worn():
    """The example with glasses whose upper rims lie close above the eyes."""
    prepared, _ = api.prepare_face(PHOTO)
    reading, photo = prepared.faces[0].reading, prepared.photo.copy()
    eyes = eye_centres(reading.landmarks_photo)
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    rims = np.zeros(photo.shape[:2], np.uint8)
    axes, thick = (round(0.40 * apart), round(0.30 * apart)), max(2, round(0.045 * apart))
    for eye in eyes:
        cv2.ellipse(rims, tuple(int(v) for v in eye + [0, 0.1 * apart]), axes, 0, 0, 360, 1, thick)
    left, right = (tuple(int(v) for v in eye + [side * 0.40 * apart, 0]) for eye, side in zip(eyes, (1, -1), strict=True))
    cv2.line(rims, left, right, 1, thick)
    photo[rims > 0] = 25
    one = prepare(photo, [reading], prepared.engine)
    return one, rims > 0


def test_eyes_close_behind_glasses_and_rims_stay(worn) -> None:
    prepared, rims = worn
    face = prepared.faces[0]
    assert face.state.rims is not None
    image = prepared.engine.render(face.state, with_sides({"AU45": 1.0})).image.astype(int)
    here = cv2.warpAffine(rims.astype(np.uint8), face.crop_from_photo, image.shape[1::-1], flags=cv2.INTER_NEAREST) > 0
    before = face.face.image.astype(int)
    assert np.abs(image - before)[here].max() <= 12
    for first in (36, 42):
        points = face.face.landmarks_crop[first : first + 6]
        eye = cv2.fillConvexPoly(np.zeros(here.shape, np.uint8), cv2.convexHull(np.round(points).astype(np.int32)), 1) > 0
        eye &= ~here
        assert image[eye].mean(axis=1).std() < 0.75 * before[eye].mean(axis=1).std(), "skin in place of iris and white"
