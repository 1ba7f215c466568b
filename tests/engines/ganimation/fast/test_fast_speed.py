"""What the fast engine does in fewer steps gives what it gives step by step."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mimica.engines.ganimation.fast import canvas, painter, warp
from mimica.engines.ganimation.fast import rig as rig_module
from mimica.engines.ganimation.fast.edit import WEIGHTS
from mimica.engines.ganimation.fast.file import read_weights
from mimica.engines.ganimation.fast.rig import Rig

ROWS = 300


@pytest.fixture(scope="module")
def rig() -> Rig:
    return Rig(read_weights(WEIGHTS))


def test_the_membrane_of_one_axis_does_not_depend_on_the_other() -> None:
    rng = np.random.default_rng(0)
    covered = np.zeros((ROWS, warp.SIDE), np.float32)
    covered[12:300, 50:190] = 1  # down to the border: what is x there must not reach the upper rows of y
    flow = rng.normal(0, 0.01, (2, *covered.shape)).astype(np.float32) * covered
    both, nothing = warp._membrane(flow, covered), np.zeros_like(covered)
    assert np.array_equal(both[0], warp._membrane(np.stack([flow[0], nothing]), covered)[0])
    assert np.array_equal(both[1], warp._membrane(np.stack([nothing, flow[1]]), covered)[1])
    assert np.abs(both[:, 4:8]).max() > 0  # it goes on outside


@pytest.mark.parametrize("x", [0, 40, 200])
def test_a_soft_opening_is_blurred_as_a_whole_picture_is(x: int) -> None:
    opening = np.zeros((ROWS, warp.SIDE), np.uint8)
    cv2.ellipse(opening, (x + 10, 150), (30, 9), 0, 0, 360, 1, -1)
    soft, hard = warp._softened(opening, (2, 3)), np.zeros(opening.shape, np.float32)
    for rows in (2, 3):
        hard += cv2.morphologyEx(opening, cv2.MORPH_OPEN, np.ones((rows, 1), np.uint8)) / np.float32(2)
    assert np.abs(soft - cv2.GaussianBlur(hard, (0, 0), warp.SOFTNESS)).max() < 1e-6 < soft.max()


def test_a_mesh_seen_already_gives_the_same_field(rig: Rig) -> None:
    warper, skin = warp.Warper(rig.topology), rig.skin_vertices
    neutral = rig.mesh(rig._landmark_mean.reshape(68, 2))[:skin]
    moved = neutral + np.float32(0.02) * np.sin(9 * neutral[:, ::-1])
    given = neutral, moved, np.zeros((skin, 3), np.float32), 1, ROWS
    first, second = warper.field(*given), warper.field(*given, seen=warper.seen(moved, 1, ROWS))
    for name in ("flow", "steps", "gain", "mouth", "eyes"):
        assert np.allclose(getattr(first, name), getattr(second, name), rtol=0, atol=1e-7)  # sums depend on where arrays lie
        assert name == "gain" or getattr(first, name).any()


def test_a_paint_is_warped_times_w_plus_still_times_s_plus_colour() -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (400, 400, 3), np.uint8)
    empty = np.zeros((ROWS, warp.SIDE, 2), np.float32)
    steps = np.zeros(empty.shape[:2], np.uint8)
    flow = empty + np.float32(1e-6)  # all of it is active, nothing moves
    field = warp.Field(flow, steps, np.zeros((*steps.shape, 3), np.float32), steps * 0.0, steps * 0.0)
    drawn = canvas.Canvas(canvas.Window.of(image), np.array([[1 / 240, 0, -0.2], [0, 1 / 240, -0.2]]), field, 1)
    factors = np.dstack([rng.random((48, 64, 3)) * 1.4, np.ones((48, 64))]).astype(np.float32)
    added = np.dstack([rng.random((48, 64, 3)) * 160 - 40, rng.random((48, 64))]).astype(np.float32)
    drawn.paint(painter.Paint((80, 90), 1, factors, added, np.zeros((48, 64), np.float32)))
    x0, y0 = 80 + 48, 90 + 48  # the window's pixel that is the crop's
    was = image[y0 : y0 + 48, x0 : x0 + 64].astype(np.float32)
    wanted = np.clip(np.rint(was * factors[..., :3] + was * added[..., 3:] + added[..., :3]), 0, 255)
    now, _ = drawn.finished()
    inside = np.s_[2:-2, 2:-2]
    assert np.abs(now[y0 : y0 + 48, x0 : x0 + 64][inside].astype(int) - wanted[inside]).max() <= 1


def test_blas_of_one_thread_moves_a_mesh_as_the_plain_sum_does(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = np.zeros(34, np.float32), np.linspace(0, 1, 34, dtype=np.float32)  # another for each side
    landmarks = rig._landmark_mean.reshape(68, 2)
    found = []
    for one in (True, False):
        monkeypatch.setattr(rig_module, "ONE_THREAD", one)
        found.append((rig.move(landmarks, source, target), rig.gain(landmarks, source, target)))
    for quick, plain in zip(*found, strict=True):
        assert np.abs(plain).max() > 1e-4 and np.allclose(quick, plain, rtol=0, atol=1e-5 * np.abs(plain).max())


@pytest.mark.parametrize(("threads", "one"), [("1", True), ("2", False)])
def test_the_number_of_threads_is_what_numpy_was_told(threads: str, one: bool) -> None:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    asked = "from mimica.engines.ganimation.fast import rig; print(rig.ONE_THREAD)"
    told = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(one)
