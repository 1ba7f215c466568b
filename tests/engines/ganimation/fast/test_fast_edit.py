"""The fast generator: rasteriser, warp and painter against results known by hand; the engine on drawn faces."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimica.engines.base import Face
from mimica.engines.ganimation.edit import load
from mimica.engines.ganimation.fast import beside, canvas, edit, painter, warp
from mimica.errors import ValueRangeError, WeightsError
from mimica.face.raster import rasterise
from mimica.facs import SIDED_AU_NAMES, emotion_controls, with_sides

SQUARE = np.array([[0, 2, 1], [1, 2, 3]], np.int32)
"""Two front-facing triangles over the points (x0, y0), (x1, y0), (x0, y1), (x1, y1)."""


def _square(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]], np.float32)


def test_a_square_covers_exactly_the_pixels_whose_centres_it_contains() -> None:
    cover = rasterise(_square(1.6, 2.4, 5.4, 6.6), SQUARE, (9, 8))
    expected = np.zeros((9, 8))
    expected[2:6, 2:5] = 1
    expected[6, 2:5] = 1  # centre 6.5 < 6.6
    assert np.array_equal(cover.mask(), expected)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 6), st.floats(0, 6), st.floats(3, 9), st.floats(3, 9))
def test_the_place_of_a_pixel_is_interpolated_to_its_centre(x0: float, y0: float, width: float, height: float) -> None:
    points = _square(x0, y0, x0 + width, y0 + height)
    cover = rasterise(points, SQUARE, (20, 20))
    place = np.stack([cover.at_pixels(channel) for channel in points.T], 1)
    assert np.allclose(place, np.stack([cover.pixels % 20, cover.pixels // 20], 1) + 0.5, atol=2e-3)
    assert abs(cover.mask().sum() - width * height) <= 2 * (width + height) + 4


def test_the_nearer_triangle_hides_the_farther_and_backs_are_not_drawn() -> None:
    points = np.concatenate([_square(0, 0, 8, 8), _square(2, 2, 5, 5)])
    both = np.concatenate([SQUARE, SQUARE + 4])  # farthest first
    values = np.repeat([1.0, 2.0], 4)[None].astype(np.float32)
    drawn = rasterise(points, both, (8, 8)).interpolate(values)[0]
    assert np.all(drawn[2:5, 2:5] == 2) and drawn[1, 1] == 1 and np.isclose(drawn.sum(), 64 + 9)
    assert rasterise(points, both[:, ::-1], (8, 8)).mask().sum() == 0
    assert rasterise(points, both[:, ::-1], (8, 8), front_only=False).mask().sum() == 64


def test_values_go_on_into_a_hole_first_from_above() -> None:
    values = np.zeros((20, 20, 1), np.float32)
    values[:8], values[10:] = 5, 1
    known = np.ones((20, 20), np.float32)
    known[8:10] = 0
    filled = warp.continued(values, known, 1 - known)
    assert np.all(filled[8:10] == 5), "a slit two rows high belongs to the upper lid"
    known[8:16] = 0
    filled = warp.continued(values, known, 1 - known)
    assert np.isfinite(filled).all() and filled[15].max() < 5 and np.all(filled[:8] == 5)


def test_a_leak_between_lips_fades_and_an_open_mouth_does_not() -> None:
    opening = np.zeros((240, 240), np.uint8)
    opening[50:51, 40:80], opening[100:102, 40:80], opening[150:170, 40:80] = 1, 1, 1
    soft = warp._softened(opening, warp.THIN_MOUTH)
    assert soft[50].max() == 0 and 0 < soft[100:102].max() <= 1 / len(warp.THIN_MOUTH) and np.allclose(soft[155:165, 50:70], 1)


def test_single_pixels_at_the_edge_of_a_fold_are_smoothed_and_others_are_kept() -> None:
    image = np.full((300, 240, 3), 100, np.uint8)
    image[100, 100] = image[200, 100] = 250
    still = warp.Field(*(np.zeros((300, 240, *c), np.float32) for c in ((2,), (), (3,), (), ())))
    still.steps[98:103, 95:106] = 1
    still.flow[50:250, 50:200] = 1e-6  # as good as nothing, and yet the rectangle to be computed
    painted = canvas.Canvas(canvas.Window.of(image), np.eye(2, 3) / 240, replace(still, steps=still.steps.astype(np.uint8)), 1)
    painted.smooth_steps()
    after, mask = painted.finished()
    assert after[100, 100].max() < 110 and np.array_equal(after[200], image[200])
    assert mask[100, 100] == 1 and mask[200].max() == 0


def test_a_network_of_zeros_shows_the_warp_and_behind_it_the_photo_or_the_drawing() -> None:
    part = painter.PARTS["eye_right"]
    shape = part.height, part.width
    maps = np.zeros((8, *shape), np.float32)
    maps[0] = 1
    opening, drawing = np.zeros((240, 240), np.float32), np.full((*shape, 3), 50.0, np.float32)
    opening[110:120, 110:120] = 1
    corner = (100, 100)
    paint = painter.composed(part, corner, maps, opening, drawing, 1, 1.0)
    inside, outside = (15, 15), (30, 40)
    assert np.allclose(paint.warped[inside], 0) and np.allclose(paint.color[inside], 50) and paint.attention[inside] == 0
    assert np.allclose(paint.warped[outside], 1) and np.allclose(paint.color[outside], 0) and paint.attention[outside] == 1
    maps[1] = 1  # the photo shows what lies there
    paint = painter.composed(part, corner, maps, opening, drawing, 1, 1.0)
    assert np.allclose(paint.still[inside], 1) and np.allclose(paint.color[inside], 0)
    nothing = painter.composed(part, corner, maps, opening, drawing, 1, 0.0)
    assert np.all(nothing.warped == 1) and np.all(nothing.still == 0) and np.all(nothing.color == 0)


# --- the engine -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> edit.FastGanimation:
    return load()


def _mean_landmarks(engine: edit.FastGanimation) -> np.ndarray:
    return engine._rig._landmark_mean.reshape(68, 2)


def _face(engine: edit.FastGanimation, side: int = 260, angle: float = 0.0, **shown: float) -> Face:
    """Smooth noise in the colours of skin, with the mean face's landmarks over `side` pixels, turned by `angle` degrees."""
    rng = np.random.default_rng(0)
    size = round(side * 1.6)
    noise = rng.normal(0, 1, (size // 8 + 2, size // 8 + 2, 3)).repeat(8, 0).repeat(8, 1)[:size, :size]
    image = np.clip(np.array([190, 150, 130]) + 25 * noise, 0, 255).astype(np.uint8)
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    landmarks = ((_mean_landmarks(engine) - 0.55) @ rotation) * side + size / 2
    return Face(image, landmarks.astype(np.float32), {**dict.fromkeys(SIDED_AU_NAMES, 0.0), **shown})


def test_no_change_gives_the_photo_back(engine: edit.FastGanimation) -> None:
    face = _face(engine, AU12L=0.4)
    rendered = engine.render(engine.encode(face), {"AU12L": 0.4}, layers=True)
    assert np.array_equal(rendered.image, face.image) and rendered.mask.max() == 0
    assert rendered.layers["attention"].min() == 1 and np.abs(rendered.layers["flow"]).max() == 0


def test_pixels_outside_the_mask_are_the_photos(engine: edit.FastGanimation) -> None:
    face = _face(engine)
    rendered = engine.render(engine.encode(face), emotion_controls("surprise"))
    same = rendered.mask == 0
    assert 0.1 < same.mean() < 0.9 and np.array_equal(rendered.image[same], face.image[same])
    assert not np.array_equal(rendered.image[~same], face.image[~same])
    border = np.concatenate([rendered.mask[0], rendered.mask[-1], rendered.mask[:, 0], rendered.mask[:, -1]])
    assert border.max() == 0


def test_a_smile_lifts_the_lip_corners_of_the_side_that_is_asked_for(engine: edit.FastGanimation) -> None:
    rig = engine._rig
    landmarks = _mean_landmarks(engine)
    zero, target = np.zeros(34, np.float32), np.zeros(34, np.float32)
    target[SIDED_AU_NAMES.index("AU12L")] = 1
    moved = rig.move(landmarks, zero, target)[rig.topology["landmarks"]]
    assert np.allclose(rig.move_landmarks(landmarks, zero, target), moved[:68], atol=1e-6)
    left, right = moved[54], moved[48]  # the subject's left is at the right of the picture
    assert left[1] < -0.02 and abs(right[1]) < 0.05 * abs(left[1])
    assert not rig.move(landmarks, target, target).any(), "an edit that changes nothing is exactly zero"


def test_an_edit_does_not_depend_on_how_the_face_is_turned_or_how_large_it_is(engine: edit.FastGanimation) -> None:
    flows = []
    for side, angle in ((260, 0.0), (260, 40.0), (700, 0.0)):
        face = _face(engine, side, angle)
        flow = engine.render(engine.encode(face), {"AU12L": 1.0, "AU12R": 1.0}, layers=True).layers["flow"]
        flows.append(np.hypot(*np.moveaxis(flow, 2, 0)).max() / side)
    assert max(flows) < 1.25 * min(flows) and min(flows) > 0.02


def test_a_dropping_jaw_parts_the_lips() -> None:
    zero = np.zeros(34, np.float32)
    jaw, lips = SIDED_AU_NAMES.index("AU26R"), SIDED_AU_NAMES.index("AU25R")
    target = zero.copy()
    target[jaw] = 0.6
    assert np.isclose(edit._lips_parted(zero, target)[lips], 0.6) and edit._lips_parted(zero, target).sum() == np.float32(1.2)
    assert np.array_equal(edit._lips_parted(target, target), target), "a jaw that stays asks for nothing"


def test_closing_the_eyes_hides_them_and_only_them(engine: edit.FastGanimation) -> None:
    face = _face(engine)
    rendered = engine.render(engine.encode(face), with_sides({"AU45": 1.0}))
    eyes = face.landmarks_crop[36:48].mean(axis=0)
    ys, _ = np.nonzero(rendered.mask)
    assert len(ys) and abs(np.median(ys) - eyes[1]) < 0.1 * 260


def test_a_face_at_the_edge_of_the_window_leaves_the_border_alone(engine: edit.FastGanimation) -> None:
    whole = _face(engine)
    y0 = int(whole.landmarks_crop[17:27, 1].min())
    face = Face(whole.image[y0:], whole.landmarks_crop - np.array([0, y0], np.float32), whole.controls)
    rendered = engine.render(engine.encode(face), emotion_controls("surprise"))
    assert rendered.mask[0].max() == 0 and rendered.mask.max() == 1


def test_layers_are_within_their_ranges(engine: edit.FastGanimation) -> None:
    face = _face(engine)
    layers = engine.render(engine.encode(face), emotion_controls("happiness"), layers=True).layers
    assert set(layers) == {"attention", "color", "flow"}
    assert all(layers[n].min() >= 0 and layers[n].max() <= 1 for n in ("attention", "color"))
    assert layers["attention"].min() < 0.5, "the inside of the mouth is painted"


def test_an_unknown_control_is_named_with_its_neighbour(engine: edit.FastGanimation) -> None:
    with pytest.raises(ValueRangeError, match="AU12L"):
        engine.render(engine.encode(_face(engine)), {"AU12l": 1.0})


def test_weights_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(WeightsError, match="There is no model file"):
        load(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("not weights")
    with pytest.raises(WeightsError, match="damaged"):
        load(tmp_path / "text.safetensors")
    save_file({"a": np.zeros(1)}, tmp_path / "other.safetensors", {"kind": "reader"})
    with pytest.raises(WeightsError, match="'reader'"):
        load(tmp_path / "other.safetensors")


def test_the_shipped_weights_are_small() -> None:
    assert edit.WEIGHTS.stat().st_size < 20e6


def test_a_large_window_is_painted_in_bands(engine: edit.FastGanimation, astronaut: np.ndarray, monkeypatch) -> None:
    from mimica.animation import prepare, render_frame
    from mimica.reader.read import find_faces

    photo = np.asarray(cv2.resize(astronaut, (900, 900), interpolation=cv2.INTER_CUBIC))
    readings, wanted = find_faces(photo), [{"AU12L": 0.9, "AU12R": 0.9, "AU26L": 0.8, "AU26R": 0.8, "AU01L": 1.0, "AU01R": 1.0}]
    whole = render_frame(prepare(photo, readings, engine), wanted)
    monkeypatch.setattr(canvas, "MOST", 20_000)
    bands = render_frame(prepare(photo, readings, engine), wanted)
    apart = np.abs(whole.astype(int) - bands)
    assert (whole != photo).mean() > 0.01 and (apart > 2).mean() < 0.001 and apart.mean() < 0.01


def test_a_window_sampled_from_an_enlarged_one_is_as_sharp_and_keeps_its_own_pixels(astronaut: np.ndarray) -> None:
    image = np.asarray(cv2.resize(astronaut, (600, 600), interpolation=cv2.INTER_CUBIC))
    window = canvas.Window.of(image)
    assert window.fine is not None
    y, x = np.indices(image.shape[:2], np.float32)
    assert np.array_equal(window.sample(x.copy(), y.copy(), (0, 0))[..., :3], image)
    x, y = x + np.float32(0.4) * np.sin(y / 20), y + np.float32(0.7) * np.cos(x / 20)
    cubic = replace(window, fine=None).sample(x.copy(), y.copy(), (0, 0))[..., :3]
    apart = np.abs(window.sample(x, y, (0, 0))[..., :3].astype(int) - cubic)
    assert (apart > 1).mean() < 0.03 and (apart > 4).mean() < 0.003
    assert canvas.Window.of(image[:200, :200]).fine is None  # small: every pixel counts


def test_changed_eyes_are_seen_through_the_enlarged_window(astronaut: np.ndarray) -> None:
    photo = np.asarray(cv2.resize(astronaut, (600, 600), interpolation=cv2.INTER_CUBIC))
    other, box = photo.copy(), np.s_[100:130, 200:240]
    other[box] = 255 - other[box]
    y, x = np.indices(photo.shape[:2], np.float32)[:, 50:400, 100:400]
    seen = canvas.Window.of(photo).with_eyes(other, [box]).sample(x.copy(), y.copy(), (100, 50))
    assert np.array_equal(seen[..., :3], other[50:400, 100:400])


def test_what_is_done_beside_is_told_of_its_errors_and_a_fork_gets_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "cores", lambda: 2)

    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    assert [result() for result in (beside.beside(work, 0), beside.beside(work, 1))] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        beside.beside(work, 2)()
    if hasattr(os, "fork"):
        before = beside._helper()
        child = os.fork()
        if not child:
            os._exit(0 if beside._helper() is not before else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_frames_that_keep_all_cores_busy_get_no_other_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "cores", lambda: 2)
    monkeypatch.setattr(beside, "_helper", lambda: pytest.fail("another thread"))
    with beside.rendered(), beside.rendered():
        assert beside.beside(threading.get_ident)() == threading.get_ident()
        assert beside.both(lambda: 1, lambda: 2) == (1, 2) and beside.halved(str, range(3)) == ["0", "1", "2"]
    monkeypatch.undo()
    assert beside._frames.count == 0


def test_what_the_other_thread_has_not_begun_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "cores", lambda: 2)
    busy, here = threading.Event(), threading.get_ident()
    first, second = beside.beside(busy.wait, 60), beside.beside(threading.get_ident)
    assert second() == here  # the other thread still waits
    busy.set()
    assert first()
