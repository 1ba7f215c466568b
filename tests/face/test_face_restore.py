"""Small and blurred faces restored: the missing octaves come, what the photo has stays, and nothing else is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from bright_mouth import ASTRONAUT

from mimica.errors import WeightsError
from mimica.face.align import crop_from_photo, cut, mask_in_photo
from mimica.face.restore import ENTRY, SIZE, WEIGHTS, Restorer, crisper, octaves, side_of, weights_for
from mimica.metrics import psnr

RESTORER = Restorer()


@pytest.fixture(scope="module")
def sharp(astronaut: np.ndarray) -> np.ndarray:
    """The face as a sharp crop of `SIZE`: of the 512 pixels, with the grain that a larger photo would have."""
    crop = cut(astronaut, crop_from_photo(ASTRONAUT, SIZE, "ffhq"), SIZE).astype(np.float32)
    grain = np.random.default_rng(0).normal(0, 4, (SIZE, SIZE, 1)).astype(np.float32)
    return np.clip(crop + grain, 0, 255).astype(np.uint8)


def shrunk(crop: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def test_octaves_add_up_to_the_picture(sharp: np.ndarray) -> None:
    levels = sharp.astype(np.float32)
    bands, rest = octaves(levels, (0.8, 1.6, 3.2))
    assert np.allclose(sum(bands) + rest, levels, atol=1e-3) and len(bands) == 3


def test_a_small_face_gets_fine_detail_and_comes_nearer_to_the_sharp_one(astronaut: np.ndarray) -> None:
    wanted = cut(astronaut, crop_from_photo(ASTRONAUT, SIZE, "ffhq"), SIZE)
    small = shrunk(wanted, ENTRY)
    change = RESTORER.change(small)
    assert change is not None and change.shape == (SIZE, SIZE, 3)
    restored = np.clip(small + change, 0, 255).astype(np.uint8)
    assert psnr(restored, wanted) > psnr(small, wanted) + 0.5
    assert cv2.Laplacian(restored, cv2.CV_32F).var() > 2 * cv2.Laplacian(small, cv2.CV_32F).var()
    assert abs(cv2.GaussianBlur(change, (0, 0), 12)).max() < 6, "colours and light stay the photo's"


def test_a_face_with_all_its_detail_is_left_alone_bit_for_bit(sharp: np.ndarray) -> None:
    assert RESTORER.change(sharp) is None
    points = ASTRONAUT @ (matrix := crop_from_photo(ASTRONAUT, SIZE, "ffhq"))[:, :2].T + matrix[:, 2]
    assert not RESTORER.lacks_detail(sharp, points) and RESTORER.over(sharp, points) is sharp
    assert RESTORER.lacks_detail(shrunk(sharp, 64), points)


def test_an_engine_may_have_a_network_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimica.face.restore.WEIGHTS", tmp_path / "restorer.onnx")
    assert weights_for("vae") == tmp_path / "restorer.onnx"
    (tmp_path / "restorer_vae.onnx").touch()
    assert weights_for("vae") == tmp_path / "restorer_vae.onnx" and weights_for("stylegan") == tmp_path / "restorer.onnx"


def test_what_lies_outside_the_crop_or_the_mask_is_the_photos(astronaut: np.ndarray) -> None:
    blurred = cv2.GaussianBlur(astronaut, (0, 0), 1.6)
    restored = RESTORER.over(blurred, ASTRONAUT)
    matrix = crop_from_photo(ASTRONAUT, SIZE, "ffhq")
    inside = mask_in_photo(np.ones((SIZE, SIZE), np.float32), matrix, astronaut.shape) > 0
    assert (restored != blurred).any() and np.array_equal(restored[~inside], blurred[~inside])
    mask = np.zeros((512, 512), np.float32)
    mask[130:160, 200:250] = 1
    some = RESTORER.over(blurred, ASTRONAUT, mask)
    assert (some[130:160] != blurred[130:160]).any() and np.array_equal(some[:125], blurred[:125])
    assert np.array_equal(RESTORER.over(blurred, ASTRONAUT, np.zeros((512, 512), np.float32)), blurred)


def test_a_blurred_face_is_made_crisper_but_a_usual_one_is_not(sharp: np.ndarray) -> None:
    small = cv2.resize(sharp, (ENTRY, ENTRY), interpolation=cv2.INTER_AREA).astype(np.float32)
    assert np.allclose(crisper(small), small, atol=1e-3)
    soft = cv2.GaussianBlur(small, (0, 0), 1.0)
    assert np.abs(crisper(soft) - small).mean() < 0.9 * np.abs(soft - small).mean()
    flat = np.full((ENTRY, ENTRY, 3), 90, np.float32)
    assert np.allclose(crisper(flat), flat)


def test_the_side_of_a_crop_is_that_of_its_matrix() -> None:
    assert side_of(ASTRONAUT) == pytest.approx(SIZE / np.hypot(*crop_from_photo(ASTRONAUT, SIZE, "ffhq")[0, :2]))


def test_other_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="restoring network"):
        Restorer((WEIGHTS.parent / "reader.onnx").read_bytes())
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(WeightsError):
        Restorer(tmp_path / "bad.onnx")


def test_it_needs_no_torch_and_little_room() -> None:
    code = "import sys, mimica.face.restore as r; r.Restorer(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
    assert WEIGHTS.stat().st_size <= 3_000_000
