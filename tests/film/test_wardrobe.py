"""Drawn attributes on films: put on once, carried by the head, steady, faded and refused as expressions are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from bright_mouth import BrightMouth
from test_film_edit import frames_of, write_film

from mimica.engines.layers import dress, outfit
from mimica.errors import NoFaceError, ValueRangeError
from mimica.face.attributes import wish_of
from mimica.film.edit import edit_video
from mimica.film.wardrobe import Wardrobe
from mimica.film.watch import Frame, Part
from mimica.reader.read import FaceReading, largest_face
from mimica.video.reader import open_video


@pytest.fixture(scope="module")
def reading(astronaut: np.ndarray) -> FaceReading:
    return largest_face(astronaut)


@pytest.fixture(scope="module")
def film(astronaut: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", frames_of(astronaut)[:9])


def frame(rgb: np.ndarray, reading: FaceReading, index: int = 0, shot: int = 0, share: float = 1.0) -> Frame:
    return Frame(index, index / 25, shot, rgb.copy(), (Part(1, reading, share),), ())


def shifted(reading: FaceReading, x: float, y: float) -> FaceReading:
    moved = np.array([x, y], np.float32)
    return replace(reading, landmarks_photo=reading.landmarks_photo + moved, irises_photo=reading.irises_photo + moved)


def worn(rgb: np.ndarray, reading: FaceReading, wardrobe: Wardrobe, **of_frame: float) -> np.ndarray:
    """A frame with all that the wardrobe puts on."""
    one = frame(rgb, reading, **of_frame)  # type: ignore[arg-type]
    dressed = wardrobe.put_on(one, one.parts[0])
    if dressed is not None and dressed.overlay is not None:
        dressed.overlay.lay(one.rgb)
    return one.rgb


@pytest.mark.parametrize(
    "key", ["glasses", "sunglasses:aviator,gold", "beard", "lipstick", "age", "hair:blond,bare", "tan", "weight"]
)
def test_on_its_own_frame_it_looks_as_on_a_photo_and_it_moves_with_the_head(
    key: str, astronaut: np.ndarray, reading: FaceReading
) -> None:
    wish, pose = wish_of({key: 1.0}), (reading.yaw, reading.pitch, reading.roll)
    once = dress.dress(astronaut, reading.landmarks_photo, reading.irises_photo, pose, wish)
    photo = once.photo.copy()
    if once.overlay is not None:
        once.overlay.lay(photo)
    wardrobe = Wardrobe(wish)
    here = worn(astronaut, reading, wardrobe)
    change, apart = np.abs(photo.astype(float) - astronaut).sum(), np.abs(here.astype(float) - photo).sum()
    assert apart < 0.45 * change
    far = np.roll(astronaut, (6, 10), (0, 1))
    there = worn(far, shifted(reading, 10, 6), wardrobe, index=1)
    carried = np.roll(here, (6, 10), (0, 1))
    assert np.abs(there.astype(float) - carried)[20:-20, 20:-20].sum() < 0.12 * change
    assert np.array_equal(there[-12:], far[-12:]), "far from the face all is the film's"


def test_glasses_turn_with_the_head(astronaut: np.ndarray, reading: FaceReading) -> None:
    wardrobe, middles = Wardrobe(wish_of({"glasses": 1.0})), list[float]()
    for index, yaw in enumerate((-20.0, 0.0, 20.0)):
        one = frame(astronaut, replace(reading, yaw=yaw), index)
        dressed = wardrobe.put_on(one, one.parts[0])
        assert dressed is not None and dressed.overlay is not None
        middles.append(float(dressed.overlay.hull[:, 0].mean()))
    assert middles[0] < middles[1] < middles[2], "they stand before the face, so they move as it turns"


def test_what_moves_a_little_flickers_no_more_than_the_film(astronaut: np.ndarray, reading: FaceReading) -> None:
    rng, wardrobe = (
        np.random.default_rng(0),
        Wardrobe(wish_of({"beard": 1.0, "glasses": 1.0, "hair:blond,bare": 1.0, "age": 0.7})),
    )
    sources, results = [], []
    for index in range(6):
        noisy = np.clip(astronaut + rng.normal(0, 2.5, astronaut.shape[:2])[..., None], 0, 255).astype(np.uint8)
        sources.append(noisy.astype(float))
        results.append(worn(noisy, shifted(reading, *rng.normal(0, 0.02, 2)), wardrobe, index=index).astype(float))
    head = np.s_[20:240, 130:320]
    before, after = (np.abs(np.diff(np.array(each), n=2, axis=0))[(slice(None), *head)].mean() for each in (sources, results))
    assert after < 1.15 * before


def test_half_an_edit_is_half_as_strong(astronaut: np.ndarray, reading: FaceReading) -> None:
    for key in ("glasses", "beard", "hair:red,bare"):
        whole, half = (worn(astronaut, reading, Wardrobe(wish_of({key: 1.0})), share=share) for share in (1.0, 0.5))
        strong, weak = (np.abs(each.astype(float) - astronaut).sum() for each in (whole, half))
        assert 0.35 * strong < weak < 0.65 * strong


def test_a_face_is_dressed_once_a_shot_and_again_on_a_much_better_frame(
    astronaut: np.ndarray, reading: FaceReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float] = []

    class Counted(outfit.Outfit):
        def __init__(self, photo: np.ndarray, landmarks: np.ndarray, irises: np.ndarray, pose: outfit.Pose, wish: object) -> None:
            made.append(pose[0])
            super().__init__(photo, landmarks, irises, pose, wish)  # type: ignore[arg-type]

    monkeypatch.setattr("mimica.film.wardrobe.Outfit", Counted)
    wardrobe = Wardrobe(wish_of({"lipstick": 1.0}))
    for index, (yaw, shot) in enumerate([(25.0, 0), (24.0, 0), (5.0, 0), (4.0, 0), (4.0, 1), (5.0, 1)]):
        worn(astronaut, replace(reading, yaw=yaw), wardrobe, index=index, shot=shot)
    assert made == [25.0, 5.0, 4.0]


def test_films_wear_them_alone_and_with_expressions(film: Path) -> None:
    source = [rgb for _, _, rgb in open_video(film)]
    alone = edit_video(film, attributes="glasses=1:round,beard=1", engine=BrightMouth())
    results = [rgb.copy() for rgb in alone]
    assert alone.report.edited == len(source) and not alone.report.refusals
    assert all((a != b).any() for a, b in zip(source, results, strict=True))
    smiling = list(edit_video(film, "happy", attributes="glasses=1:round,beard=1", engine=BrightMouth()))
    assert (smiling[4] != results[4]).any()
    nothing = [rgb.copy() for rgb in edit_video(film, attributes="glasses=0", engine=BrightMouth())]
    assert all(np.array_equal(a, b) for a, b in zip(source, nothing, strict=True))


def test_what_is_refused_is_said_and_writes_nothing_if_it_is_all(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimica.engines.layers.masks.CHILD", 200.0)
    both = edit_video(film, attributes="beard=1,lipstick=1", engine=BrightMouth())
    assert len(list(both)) == 9 and len(both.report.refusals) == 1 and "no beard" in both.report.refusals[0]
    out = tmp_path / "out.mp4"
    with pytest.raises(NoFaceError, match="nothing of what was asked for can be put on"):
        edit_video(film, attributes="beard=1", engine=BrightMouth()).save(out)
    assert not out.exists()
    with pytest.raises(ValueRangeError, match="no attribute 'wings'"):
        edit_video(film, attributes="wings=1", engine=BrightMouth())


def test_gray_films_stay_gray(astronaut: np.ndarray, reading: FaceReading) -> None:
    gray = cv2.cvtColor(cv2.cvtColor(astronaut, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    result = worn(gray, reading, Wardrobe(wish_of({"lipstick": 1.0, "hair:red,bare": 1.0, "sunglasses:aviator,gold": 1.0})))
    assert (result != gray).any() and np.array_equal(result[..., 0], result[..., 2])
