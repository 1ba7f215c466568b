"""The inside of mouths: its depth, and its colour under other light; the far outline of turned heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimica import api
from mimica.animation import prepare, render_face
from mimica.engines.ganimation.fast import inside, outline
from mimica.engines.ganimation.fast.edit import FastGanimation
from mimica.engines.ganimation.fast.white import tooth_white
from mimica.facs import with_sides

PHOTO = Path(__file__).parents[4] / "examples" / "astronaut.jpg"
LIGHTS = {"warm": (1.0, 0.8, 0.5), "cold": (0.7, 0.86, 1.0), "dim": (0.4, 0.4, 0.4)}


@pytest.fixture(scope="module")
def shown():
    prepared, _ = api.prepare_face(PHOTO)
    return prepared, prepared.faces[0].state


def _in_light(photo: np.ndarray, light: tuple[float, float, float]) -> np.ndarray:
    return np.rint(photo * np.array(light)).astype(np.uint8)


def _mouth(engine: FastGanimation) -> tuple[inside.Inside, np.ndarray, np.ndarray]:
    rig = engine._rig
    mean = rig._mean.reshape(-1, 2)[rig.skin_vertices :]
    return inside.Inside.of(rig.topology, mean), mean, rig.topology["inner_soft"]


# --- depth ----------------------------------------------------------------------------------------------------------


def test_teeth_are_rounded_and_darker_at_the_back_and_the_tongue_towards_the_throat(shown) -> None:
    mouth, mean, soft = _mouth(shown[0].engine)
    upper, lower = np.flatnonzero(mouth.follows == 2), np.flatnonzero(mouth.follows == 1)
    assert set(upper) | set(lower) == set(np.flatnonzero(soft < 0.5)) and upper.max() < lower.min()
    away = np.abs(mean[upper, 0] - 0.5)
    light = mouth.color.mean(axis=1)
    assert light[upper][away > 0.125].max() < 0.12 < 0.5 < light[upper][away < 0.03].mean()
    incisor = upper[(mean[upper, 0] > 0.501) & (mean[upper, 0] < 0.5425)]
    middle = np.abs(mean[incisor, 0] - 0.522) < 0.008
    assert light[incisor][middle].mean() > 1.1 * light[incisor][np.abs(mean[incisor, 0] - 0.522) > 0.018].mean()
    tongue = inside._tongue(shown[0].engine._rig.topology, mean)
    tip = mean[tongue, 1] > np.percentile(mean[tongue, 1], 70)
    assert light[tongue][tip].mean() > 2 * light[tongue][mean[tongue, 1] < np.percentile(mean[tongue, 1], 20)].mean()


def _lips(gap: float) -> np.ndarray:
    points = np.full((68, 2), 0.5, np.float32)
    points[list(inside.INNER_LIPS[0]), 1], points[list(inside.INNER_LIPS[1]), 1] = 0.75, 0.75 + gap
    return points


def test_both_rows_show_in_a_mouth_opened_wide_and_nothing_moves_in_one_that_is_closed(shown) -> None:
    mouth, mean, _ = _mouth(shown[0].engine)
    hidden = mean.copy()
    hidden[mouth.follows == 1, 1] += 0.2  # the jaw takes its row along, behind the lip
    hidden[mouth.follows == 2, 1] -= 0.1
    assert mouth.placed(hidden, _lips(0.01), 0.0) is hidden
    placed = mouth.placed(hidden, _lips(0.1), 0.0)
    upper, lower = (placed[edge, 1] for edge in mouth.edges)
    assert 0.75 < np.percentile(upper, 95) < 0.78 and 0.82 < np.percentile(lower, 5) < 0.85
    assert np.array_equal(placed[mouth.follows == 0], hidden[mouth.follows == 0])
    own = mouth.placed(hidden, _lips(0.1), 0.03)
    assert np.array_equal(own[mouth.follows == 2], hidden[mouth.follows == 2]), "the photo shows its own upper teeth"


def test_a_mouth_is_darker_towards_its_corners() -> None:
    opening = np.zeros((40, 80), np.float32)
    opening[10:30, 20:60] = 1
    deep = inside.deepened(np.full((40, 80, 3), 100, np.float32), opening)
    assert np.all(deep[20, 30:50] == 100) and deep[20, 21].max() < 50 and np.all(np.diff(deep[20, 20:30, 0]) >= 0)
    assert np.all(inside.deepened(deep, opening * 0) == deep)


# --- light ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_white_is_the_photos_whatever_its_light(shown, light) -> None:
    prepared, state = shown
    skin = prepared.engine._warper.skin(state.mesh[: prepared.engine._rig.skin_vertices], 1, len(state.crop))
    plain = tooth_white(state.crop, *state.openings[::-1], skin)
    assert tooth_white(_in_light(state.crop, light), *state.openings[::-1], skin) == pytest.approx(plain * light, rel=0.06)
    blind = np.zeros_like(state.openings[1])
    without = tooth_white(state.crop, blind, blind, skin)
    assert tooth_white(_in_light(state.crop, light), blind, blind, skin) == pytest.approx(without * light, rel=0.12)


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
def test_what_is_painted_follows_the_light(shown, light) -> None:
    prepared, state = shown
    lit = prepare(_in_light(prepared.photo, light), [prepared.faces[0].reading], prepared.engine)
    asked = with_sides({"AU26": 1.0, "AU25": 0.6})
    there, here = (render_face(one, 0, asked).image.astype(float) for one in (lit, prepared))
    (x0, y0), (x1, y1) = (f(state.face.landmarks_crop[48:68], axis=0).astype(int) for f in (np.min, np.max))
    box = np.s_[y0 : y1 + (y1 - y0), x0:x1]
    assert np.abs(there[box] - here[box] * light).mean() < 2.0


# --- outline --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, -1])
def test_the_far_outline_of_a_turned_head_is_held_and_the_rest_is_free(side: int) -> None:
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[:17] = np.stack([np.linspace(0.1, 0.9, 17), 0.5 + 0.4 * np.sin(np.linspace(0, np.pi, 17))], axis=1)
    out = 0.9 if side > 0 else 0.1
    points = np.array([[out, 0.5], [0.5, 0.6], [1 - out, 0.5]], np.float32)
    motion = np.tile(np.array([[side * 0.03, 0.01]], np.float32), (3, 1))
    assert outline.held(motion, points, landmarks, 3.0 * side) is motion
    held = outline.held(motion, points, landmarks, 25.0 * side)
    assert side * held[0, 0] == pytest.approx(0.03 - outline.TAKEN * (0.03 - outline.FREE), abs=1e-4)
    assert np.allclose(held[1:], motion[1:]) and np.all(held[:, 1] == motion[:, 1].max())
    assert np.array_equal(outline.held(-motion, points, landmarks, 25.0 * side), -motion), "inwards is free"
