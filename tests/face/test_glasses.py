"""Glasses are found where they are, and stay where they are."""

from __future__ import annotations

import itertools
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mimica
from mimica.face import glasses
from mimica.face.align import crop_from_photo, cut, eye_centres, transform
from mimica.pictures.images import read_photo
from mimica.reader.read import find_faces

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@lru_cache
def _face() -> tuple[np.ndarray, np.ndarray]:
    """The example enlarged, so that eyes are as wide as in a tight crop, and its landmarks."""
    rgb = cv2.resize(read_photo(PHOTO).rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return rgb, find_faces(rgb)[0].landmarks_photo


def _drawn(shade: int = 25, lens: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The face with drawn glasses, and where the rims are, bool (H, W)."""
    rgb, landmarks = _face()
    eyes = eye_centres(landmarks)
    apart = float(np.hypot(*(eyes[1] - eyes[0])))
    worn, rims = rgb.copy(), np.zeros(rgb.shape[:2], np.uint8)
    axes, thick = (round(0.40 * apart), round(0.34 * apart)), max(2, round(0.03 * apart))
    for eye in eyes:
        centre = tuple(int(v) for v in eye + [0, 0.08 * apart])
        if lens is not None:
            cv2.ellipse(worn, centre, axes, 0, 0, 360, (lens,) * 3, -1)
        cv2.ellipse(rims, centre, axes, 0, 0, 360, 1, thick)
    left, right = (tuple(int(v) for v in eye + [side * 0.40 * apart, 0]) for eye, side in zip(eyes, (1, -1), strict=True))
    cv2.line(rims, left, right, 1, thick)
    worn[rims > 0] = shade
    return worn, rims > 0


def _found(rgb: np.ndarray) -> np.ndarray | None:
    matrix = crop_from_photo(_face()[1], 1)
    crop = cut(rgb, matrix * glasses.SIDE, 600)[:, : glasses.SIDE]
    return glasses.find_rims(crop, transform(_face()[1], matrix).astype(np.float32))


def test_a_face_without_glasses_has_no_rims() -> None:
    assert _found(_face()[0]) is None


def test_drawn_rims_are_found_where_they_were_drawn() -> None:
    worn, drawn = _drawn()
    found = _found(worn)
    assert found is not None and found.shape == (600, glasses.SIDE)
    matrix = crop_from_photo(_face()[1], glasses.SIDE)
    there = cv2.warpAffine(drawn.astype(np.float32), matrix, (glasses.SIDE, 600)) > 0.5
    assert found[there].mean() > 0.95  # nearly all of the rims
    assert found.mean() < 0.15  # and little else


def test_dark_lenses_are_found_whole() -> None:
    clear, dark = _found(_drawn()[0]), _found(_drawn(lens=20)[0])
    assert clear is not None and dark is not None
    eye = tuple((transform(eye_centres(_face()[1])[0], crop_from_photo(_face()[1], glasses.SIDE))).astype(int)[::-1])
    assert clear[eye] == 0 and dark[eye] == 1


def test_rims_stay_while_the_face_moves() -> None:
    worn, drawn = _drawn()
    edited = mimica.edit(worn, "surprised").image
    changed = (np.asarray(edited) != worn).any(axis=2)
    bare = (np.asarray(mimica.edit(_face()[0], "surprised").image) != _face()[0]).any(axis=2)
    assert bare[drawn].mean() > 0.9  # without glasses this skin moves
    assert changed[drawn].mean() < 0.15  # edges of the drawn line
    assert changed.sum() > 0.5 * bare.sum()


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 16), st.integers(3, 8), st.integers(0, 10_000))
def test_the_path_is_the_cheapest_closed_one(angles: int, radii: int, seed: int) -> None:
    """Against all starts, for a cost of which the cheapest line is a closed one."""
    rng = np.random.default_rng(seed)
    radius = np.clip(np.round(radii / 2 + 0.8 * np.sin(np.linspace(0, 2 * np.pi, angles, endpoint=False))), 0, radii - 1)
    cost = rng.uniform(0.8, 1.0, (angles, radii))
    cost[np.arange(angles), radius.astype(int)] = 0.0
    path, other = glasses.closed_paths(np.stack([cost, cost[:, ::-1]]))
    assert np.array_equal(path, radius) and np.array_equal(other, radii - 1 - radius)
    assert all(abs(a - b) <= 2 for a, b in itertools.pairwise([*path, path[0]]))


def test_nothing_is_fetched_from_behind_a_rim_and_the_rim_stays() -> None:
    rims = np.zeros((480, glasses.SIDE), np.uint8)
    rims[200:206] = 1
    away = glasses.distance(rims, (240, 240))
    for lids in (np.zeros_like(away), np.ones_like(away)):
        for down in (-1, 1):
            flow = np.stack([np.zeros_like(away), np.full_like(away, down * 30 / 240)])
            moved = glasses.limited(flow, away, lids)
            source = np.arange(240)[:, None] + 240 * moved[1]
            assert np.all(moved[:, 99:104] == 0) and np.all((source[:99] < 101) & (source[:99] > -40))
            assert np.all(source[104:] > 101)
    free = glasses.limited(np.stack([np.zeros_like(away), np.full_like(away, -20 / 240)]), away, np.zeros_like(away))
    assert np.allclose(free[1, 40:90], -20 / 240)  # from farther off: a brow that goes down behind the rim


def test_a_lid_reaches_farther_than_other_skin_towards_a_rim() -> None:
    rims = np.zeros((480, glasses.SIDE), np.uint8)
    rims[200:206] = 1
    away = glasses.distance(rims, (240, 240))
    flow = np.stack([np.zeros_like(away), np.full_like(away, -14 / 240)])
    skin, lid = (glasses.limited(flow, away, np.full_like(away, share))[1, 120, 100] * 240 for share in (0, 1))
    assert lid == pytest.approx(-14, abs=0.5) and -9 < skin < -3


def test_the_distance_is_zero_on_rims_and_grows_away_from_them() -> None:
    rims = np.zeros((600, glasses.SIDE), np.uint8)
    rims[200:204] = 1
    away = glasses.distance(rims, (300, 240))
    assert away.shape == (300, 240) and away[100, 50] == 0
    assert away[150, 50] == pytest.approx(98 / 480, abs=0.01) and away[110, 50] < away[120, 50] < away[150, 50]


def _crop_with_rims(over_brow: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A face of skin alone with brows, thin rims below them and a bridge; its landmarks and where the rims are."""
    landmarks, crop = np.full((68, 2), 240.0, np.float32), np.full((600, 480, 3), 190, np.uint8)
    rims = np.zeros((600, 480), np.uint8)
    for first, brow, x in ((36, 17, 168), (42, 22, 312)):
        landmarks[first : first + 6] = np.array([[-30, 0], [-10, -8], [10, -8], [30, 0], [10, 8], [-10, 8]]) + [x, 200]
        landmarks[brow : brow + 5] = np.stack([x + np.linspace(-36, 36, 5), np.full(5, 152.0)], axis=1)
        cv2.line(crop, (x - 36, 152), (x + 36, 152), (60, 60, 60) if over_brow else (190,) * 3, 9)
        cv2.ellipse(rims, (x, 206), (52, 40), 0, 0, 360, 1, 4)
    cv2.line(rims, (220, 200), (260, 200), 1, 4)
    crop[rims > 0] = 110
    return crop, landmarks / glasses.SIDE, rims > 0


def test_rims_are_found_below_darker_brows_which_do_not_belong_to_them() -> None:
    for over_brow in (False, True):
        crop, landmarks, rims = _crop_with_rims(over_brow)
        found = glasses.find_rims(crop, landmarks)
        assert found is not None and (found[rims] > 0).mean() > 0.95
        assert found[148:157, 130:206].mean() < 0.2


def test_a_lens_that_lies_in_the_shade_alone_is_no_dark_lens() -> None:
    crop, landmarks, rims = _crop_with_rims(False)
    lens = cv2.ellipse(np.zeros(rims.shape, np.uint8), (168, 206), (46, 34), 0, 0, 360, 1, -1) > 0
    crop[lens & ~rims] = 70
    found = glasses.find_rims(crop, landmarks)
    assert found is not None and found[200:212, 160:176].mean() == 0


def test_crumbs_that_touch_no_rim_are_none() -> None:
    frame, rims = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    frame[5:8, 5:35], frame[20:22, 20:22], frame[28:38, 5:35] = 1, 1, 1
    rims[6, 5:10] = 1
    kept = glasses._joined(frame, rims, 50)
    assert kept[5:8, 5:35].all() and not kept[20:22].any() and kept[28:38, 5:35].all()
