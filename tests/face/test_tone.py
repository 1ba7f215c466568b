"""The photo's own colours: none where it has none, its curve where it is toned, and all of them where it is in colour."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from mimica import api
from mimica.engines.base import load_engine
from mimica.face import tone
from mimica.face.tone import LUMA, level_out, tone_of

PRINTS = {
    "sepia": ("#1a0f05", "#fff3d6", "#a07850"),
    "selenium": ("#120a14", "#f6f2f4", "#7d727c"),
    "cyanotype": ("#031230", "#eef6ff", "#3f77a8"),
}


def toned(rgb: np.ndarray, name: str, quality: int = 0) -> np.ndarray:
    dark, light, middle = PRINTS[name]
    image = ImageOps.colorize(Image.fromarray(rgb).convert("L"), dark, light, mid=middle)
    if quality:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        image = Image.open(file)
    return np.array(image)


def gray(rgb: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(rgb).convert("L").convert("RGB"))


def off_curve(photo: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """How far, in levels, each pixel shown is from the colour that the photo has at its brightness."""
    luma = np.rint(photo.astype(float) @ LUMA).astype(int)
    known = np.array([photo[luma == i].mean(axis=0) if (luma == i).any() else [np.nan] * 3 for i in range(256)])
    level = np.rint(shown.astype(float) @ LUMA).astype(int)
    return np.abs(shown - known[level]).max(axis=-1)


@pytest.mark.parametrize("engine", ["ganimation", "vae", "stylegan"])
def test_an_edit_keeps_to_the_photos_line(astronaut: np.ndarray, engine: str) -> None:
    loaded, photo = load_engine(engine), astronaut[:320, 60:400]
    plain = gray(photo)
    edited = api.edit(plain, "surprised", engine=loaded).image
    assert (edited != plain).any() and np.ptp(edited.astype(int), axis=2).max() == 0
    print_ = toned(photo, "cyanotype")
    edited = api.edit(print_, "surprised", engine=loaded).image
    changed = (edited != print_).any(axis=2)
    away = off_curve(print_, edited)[changed]
    assert np.nanpercentile(away, 99) <= 4, "on the curve, but for rounding and blending"
    colour = api.edit(photo, "surprised", engine=loaded)
    assert colour.prepared.faces[0].tone is None


def test_frames_of_an_animation_are_gray_too(astronaut: np.ndarray) -> None:
    animation = api.animate(gray(astronaut), "surprised", seconds=0.5, fps=8, size=300)
    frames = list(animation)
    assert any((frame != frames[0]).any() for frame in frames)
    assert all(np.ptp(frame.astype(int), axis=2).max() == 0 for frame in frames)


@pytest.mark.parametrize("name", PRINTS)
@pytest.mark.parametrize("quality", [0, 60, 90])
def test_toned_prints_are_known(astronaut: np.ndarray, name: str, quality: int) -> None:
    tone = tone_of(toned(astronaut[40:220, 140:310], name, quality))
    assert tone is not None and not tone.gray and tone.keep < 0.5


def test_colour_photos_are_left_alone(astronaut: np.ndarray) -> None:
    assert tone_of(astronaut) is None and tone_of(astronaut[40:220, 140:310]) is None


def test_paint_comes_to_the_curve_and_what_is_on_it_stays(astronaut: np.ndarray) -> None:
    photo = toned(astronaut, "sepia")
    tone = tone_of(photo)
    assert tone is not None and np.abs(tone.brought(photo, photo).astype(int) - photo).max() <= 1
    painted = photo.copy()
    painted[100:150, 200:250] = (200, 30, 40)
    assert np.nanmax(off_curve(photo, tone.brought(painted, photo)[100:150, 200:250])) <= 3


def test_a_stamp_keeps_its_colour_in_a_gray_photo(astronaut: np.ndarray) -> None:
    photo = gray(astronaut)
    photo[500:508, 480:510] = (255, 120, 0)
    tone = tone_of(photo)
    assert tone is not None and tone.gray
    painted = photo.copy()
    painted[100:150] = (200, 30, 40)
    shown = tone.brought(painted, photo)
    assert np.ptp(shown[100:150].astype(int), axis=2).max() == 0 and (shown[500:508, 480:510] == (255, 120, 0)).all()


def test_level_out() -> None:
    before = np.full((4, 4, 3), 100, np.uint8)
    before[0] = (10, 20, 30)
    frame = before.copy()
    frame[1, 1], frame[0, 0] = (101, 100, 101), (11, 20, 30)
    level_out(frame, before)
    assert frame[1, 1].tolist() == [100, 100, 100] and frame[0, 0].tolist() == [11, 20, 30]


@pytest.mark.parametrize("count", [7, 500, 20_000])
def test_medians_of_all_levels_at_once_are_numpys(count: int) -> None:
    rng = np.random.default_rng(count)
    level, values = rng.integers(0, 256, count), rng.normal(0, 20, count).astype(np.float32)
    starts = np.searchsorted(np.sort(level), np.arange(257))
    found = tone._medians(values, level, starts)
    for one in range(256):
        assert found[one] == (np.median(values[level == one]) if (level == one).any() else 0)
