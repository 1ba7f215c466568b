"""Faces found in the example photo, upright, turned, small, many, in a large photo; none where there is none."""

from __future__ import annotations

import sys
import types

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimica.errors import MissingExtraError, ValueRangeError, WeightsError
from mimica.face import detect as module
from mimica.face.detect import Box, detect, detect_mediapipe, get_detector, reading_order

FACE = (222.5, 126.5)
"""Where the astronaut's face is; its box is 87 pixels wide."""


def assert_only_face(boxes: list[Box], centre: tuple[float, float], width: float) -> None:
    sure = [box for box in boxes if box.score >= module.SURE]
    assert len(sure) == 1
    assert np.hypot(*np.subtract(sure[0].centre, centre)) < 0.25 * width
    assert 0.7 * width < sure[0].width < 1.4 * width


def test_upright(astronaut):
    assert_only_face(detect(astronaut), FACE, 87)


def test_the_unpacked_detector_finds_what_dlibs_own_does(astronaut):
    import dlib

    gray = cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)
    ours, own = (detector.run(gray, 0, -0.5) for detector in (module._dlib_detector(), dlib.get_frontal_face_detector()))
    assert len(ours[0]) > 1 and ours == own


def test_a_dlib_that_cannot_read_the_file_unpacks_its_own(astronaut, monkeypatch, tmp_path):
    (tmp_path / "other.svm").write_bytes(b"another version")
    monkeypatch.setattr(module, "UNPACKED", tmp_path / "other.svm")
    module._dlib_detector.cache_clear()
    assert_only_face(detect(astronaut), FACE, 87)
    module._dlib_detector.cache_clear()


def test_gray_is_fine(astronaut):
    assert_only_face(detect(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY)), FACE, 87)


@pytest.mark.parametrize("degrees", [30, 45, -45])
def test_tilted(astronaut, degrees):
    turning = cv2.getRotationMatrix2D(FACE, degrees, 1.0)
    turned = cv2.warpAffine(astronaut, turning, (512, 400), borderMode=cv2.BORDER_REPLICATE)
    assert_only_face(detect(turned), FACE, 87)


def test_max_tilt_decides(astronaut):
    turning = cv2.getRotationMatrix2D(FACE, 80, 1.0)
    turned = cv2.warpAffine(astronaut, turning, (512, 400), borderMode=cv2.BORDER_REPLICATE)
    assert not module._sure(detect(turned))
    assert_only_face(detect(turned, max_tilt=90), FACE, 87)


@pytest.mark.parametrize("turn", [0, 40, -40, 90, 180])
def test_turned_looks_are_mapped_back(monkeypatch, turn):
    """A stand-in detector that finds the one bright spot."""

    class Spot:
        def run(self, image: np.ndarray, upsample: int, threshold: float) -> tuple[list, list[float], list[int]]:
            y, x = np.argwhere(image == image.max()).mean(axis=0).astype(int)
            return [module.dlib.rectangle(x - 20, y - 20, x + 19, y + 19)], [1.0], [0]

    monkeypatch.setattr(module, "_dlib_detector", Spot)
    photo = np.zeros((300, 500), np.uint8)
    photo[60:70, 400:410] = 255
    (box,) = module._look(photo, 0.5, turn, 0.0)
    assert np.hypot(*np.subtract(box.centre, (405, 65))) < 3
    assert box.width == box.height == 80


def test_small_face(astronaut):
    small = cv2.resize(astronaut, None, fx=40 / 87, fy=40 / 87, interpolation=cv2.INTER_AREA)
    assert_only_face(detect(small), np.multiply(FACE, 40 / 87), 40)


def test_min_face_spares_the_look_that_finds_it(astronaut):
    small = cv2.resize(astronaut, None, fx=40 / 87, fy=40 / 87, interpolation=cv2.INTER_AREA)
    assert not module._sure(detect(small, min_face=100))


def test_a_group_in_reading_order(astronaut):
    face = astronaut[:256, 96:352]
    sheet = np.vstack([np.hstack([face, face]), np.hstack([face, face])])
    boxes = module._sure(detect(sheet))
    assert [(box.centre[0] > 256, box.centre[1] > 256) for box in boxes] == [(0, 0), (1, 0), (0, 1), (1, 1)]


@pytest.mark.slow
def test_a_face_in_a_photo_of_50_million_pixels(astronaut):
    canvas = np.full((5773, 8660, 3), 128, np.uint8)
    canvas[4000:5024, 6000:7024] = cv2.resize(astronaut, (1024, 1024))
    assert_only_face(detect(canvas), np.add((6000, 4000), np.multiply(FACE, 2)), 174)


def test_no_face(noise):
    assert detect(noise) == []
    assert detect(np.zeros((1, 1, 3), np.uint8)) == []


def test_thorough_takes_every_look(monkeypatch, astronaut):
    looks: list[tuple[float, float]] = []
    look = module._look

    def counting(gray: np.ndarray, scale: float, turn: float, threshold: float) -> list[Box]:
        looks.append((round(scale * 200), turn))
        return look(gray, scale, turn, threshold)

    monkeypatch.setattr(module, "_look", counting)
    face = astronaut[26:226, 122:322]  # fills the photo
    assert len(detect(face)) == 1
    assert looks == [(208, 0)]
    looks.clear()
    assert len(module._sure(detect(face, thorough=True))) == 1
    assert [turn for _, turn in looks].count(40) == 1 and looks[-1][0] == 400


def test_threshold(astronaut):
    assert len(detect(astronaut, threshold=-0.5)) > len(detect(astronaut, threshold=0.5)) >= 1


@given(height=st.integers(1, 9000), width=st.integers(1, 9000), min_face=st.floats(10, 500))
def test_looks_grow_and_stay_within_their_cost(height, width, min_face):
    sides = module._look_sides(height, width, min_face)
    assert sides == sorted(sides)
    scale = sides[-1] / max(height, width)
    rounding = 1 / max(height, width)
    assert scale <= 2 + rounding and scale * min_face <= module.WINDOW * (1 + 1e-9) + rounding * min_face
    assert height * width * scale**2 <= module.MAX_SCAN * 1.01 + 2


@pytest.mark.parametrize("options", [{"min_face": 0}, {"min_face": float("nan")}, {"max_tilt": -1}, {"max_tilt": 200}])
def test_senseless_options(astronaut, options):
    with pytest.raises(ValueRangeError):
        detect(astronaut, **options)


# --- order and doubles ----------------------------------------------------------------------------------------------


def square(x: float, y: float, side: float = 10, score: float = 1.0) -> Box:
    return Box(x, y, x + side, y + side, score)


def test_reading_order_by_hand():
    a, b, c, d = square(50, 4), square(0, 0), square(70, 0), square(5, 20)
    assert reading_order([a, d, c, b]) == [b, a, c, d]
    assert reading_order([]) == []


def test_doubles():
    best, shifted, inside, other = square(0, 0, 30, 2), square(5, 0, 30, 1), square(18, 18, 12, 1.5), square(40, 0, 30, 0.1)
    assert module._without_doubles([shifted, other, inside, best]) == [best, other]


# --- the choice, and MediaPipe --------------------------------------------------------------------------------------


def test_get_detector(astronaut):
    assert len(get_detector("dlib")(astronaut)) >= 1
    with pytest.raises(ValueRangeError, match="did you mean 'mediapipe'"):
        get_detector("mediapip")
    with pytest.raises(ValueRangeError, match="the detectors are dlib, mediapipe"):
        get_detector("xyz")
    with pytest.raises(ValueRangeError, match="needs its model"):
        get_detector("mediapipe")
    with pytest.raises(ValueRangeError, match="takes no model"):
        get_detector("dlib", "a.task")


def test_without_mediapipe_the_extra_is_named(monkeypatch, astronaut):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtraError, match=r"pip install mimica\[mediapipe\]"):
        detect_mediapipe(astronaut, "a.task")


@pytest.fixture
def stand_in(monkeypatch):
    """A package of MediaPipe's shape whose landmarker sees one face with the given corners."""

    def create_from_options(options: types.SimpleNamespace) -> types.SimpleNamespace:
        if options.base_options.model_asset_buffer != b"good":
            raise RuntimeError("Unable to open zip archive.")
        corners = [types.SimpleNamespace(x=0.25, y=0.25), types.SimpleNamespace(x=0.5, y=0.75)]
        return types.SimpleNamespace(detect=lambda image: types.SimpleNamespace(face_landmarks=[corners]))

    vision = types.SimpleNamespace(
        FaceLandmarkerOptions=types.SimpleNamespace,
        FaceLandmarker=types.SimpleNamespace(create_from_options=create_from_options),
    )
    tasks = types.SimpleNamespace(vision=vision, BaseOptions=types.SimpleNamespace)
    package = types.SimpleNamespace(tasks=tasks, Image=types.SimpleNamespace, ImageFormat=types.SimpleNamespace(SRGB=1))
    monkeypatch.setitem(sys.modules, "mediapipe", package)
    module._mediapipe_landmarker.cache_clear()


def test_mediapipe_box(stand_in, tmp_path, astronaut):
    (tmp_path / "face.task").write_bytes(b"good")
    (box,) = get_detector("mediapipe", tmp_path / "face.task")(astronaut[:200, :400])
    # the mesh is 100 x 100 around (150, 100); the box is 94 wide, 3 higher
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((103, 50, 197, 144))


def test_unusable_mediapipe_model(stand_in, tmp_path, astronaut):
    with pytest.raises(WeightsError, match="There is no file"):
        detect_mediapipe(astronaut, tmp_path / "none.task")
    (tmp_path / "bad.task").write_bytes(b"bad")
    with pytest.raises(WeightsError, match="no face landmarker"):
        detect_mediapipe(astronaut, tmp_path / "bad.task")


def test_threads_may_detect_at_the_same_time(astronaut: np.ndarray) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(module.detect, [astronaut] * 12))
    assert all(boxes == found[0] and len(boxes) == 1 for boxes in found)
