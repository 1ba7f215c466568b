"""From photo and controls to frames: only the mask changes, crops and sides are right, frames are made one at a time."""

import numpy as np
import pytest
from bright_mouth import ASTRONAUT, BrightMouth, reading

from mimica.animation import (
    LOOK_AHEAD,
    engine_values,
    fitted_size,
    frames,
    own_controls,
    prepare,
    render_frame,
    resized,
)
from mimica.engines.base import Crop
from mimica.errors import ValueRangeError
from mimica.motion.track import Track

CROPS: list[Crop] = ["window", "tight", "ffhq"]
MOUTH = (slice(139, 155), slice(203, 245))


@pytest.mark.parametrize("crop", CROPS)
def test_exactly_what_the_photo_shows_gives_the_photo_without_rendering(astronaut: np.ndarray, crop: Crop) -> None:
    engine = BrightMouth(crop)
    prepared = prepare(astronaut, [reading()], engine)
    frame = render_frame(prepared, [own_controls(reading())])
    assert np.array_equal(frame, astronaut) and frame is not astronaut and not engine.rendered


@pytest.mark.parametrize("crop", CROPS)
def test_only_the_mouth_changes(astronaut: np.ndarray, crop: Crop) -> None:
    prepared = prepare(astronaut, [reading()], BrightMouth(crop))
    frame = render_frame(prepared, [{"AU12L": 0.75, "AU12R": 0.7}])
    change = frame.astype(int) - astronaut
    ys, xs = np.nonzero(change.any(axis=2))
    assert ys.min() >= 135 and ys.max() <= 158 and xs.min() >= 199 and xs.max() <= 248
    assert np.median(change[MOUTH]) == pytest.approx(50, abs=3)


def test_sides_are_the_subjects(astronaut: np.ndarray) -> None:
    frame = render_frame(prepare(astronaut, [reading()], BrightMouth()), [{"AU12L": 0.75}])
    change = (frame.astype(int) - astronaut)[MOUTH]
    assert change[:, 25:].mean() > 30 and not change[:, :15].any()


def test_a_window_keeps_the_photos_own_pixels(astronaut: np.ndarray) -> None:
    face = prepare(astronaut, [reading()], BrightMouth()).faces[0]
    x0, y0 = -face.crop_from_photo[:, 2].astype(int)
    height, width = face.face.image.shape[:2]
    assert np.array_equal(face.face.image, astronaut[y0 : y0 + height, x0 : x0 + width])
    assert np.allclose(face.face.landmarks_crop + np.array([x0, y0]), ASTRONAUT, atol=1e-3)


def test_an_engine_without_sides_gets_the_mean_and_one_with_sides_both() -> None:
    values = {"AU12L": 0.2, "AU12R": 0.6, "AU45": 0.5, "yaw": 3.0}
    assert engine_values(values, BrightMouth(controls=("AU12",))) == pytest.approx({"AU12": 0.4})
    assert engine_values(values, BrightMouth()) == {"AU12L": 0.2, "AU12R": 0.6, "AU45L": 0.5, "AU45R": 0.5}
    assert engine_values({"AU01L": 1.0}, BrightMouth()) == {}


def test_an_engine_that_wants_what_cannot_be_read(astronaut: np.ndarray) -> None:
    with pytest.raises(ValueRangeError, match="beard"):
        prepare(astronaut, [reading()], BrightMouth(controls=("AU12", "beard")))


def _smile_track() -> Track:
    return Track.from_keyframes([(1.0, {"AU12": 0.2}, "linear"), (3.0, {"AU12": 1.0}, "ease")])


def test_frames_are_made_as_they_are_asked_for(astronaut: np.ndarray) -> None:
    engine = BrightMouth()
    made = frames(prepare(astronaut, [reading()], engine), [_smile_track()], fps=10)
    assert engine.encoded == 1 and engine.rendered == []
    next(made)
    next(made)
    assert 2 <= len(engine.rendered) <= 2 + LOOK_AHEAD and engine.encoded == 1
    assert sum(1 for _ in made) == 18
    assert len(engine.rendered) == 20


def test_a_frame_that_asks_for_the_same_is_not_rendered_again(astronaut: np.ndarray) -> None:
    engine = BrightMouth()
    still = Track.from_keyframes([(0.0, {"AU12": 0.5}, "linear"), (1.0, {"AU12": 0.5}, "linear")])
    assert sum(1 for _ in frames(prepare(astronaut, [reading()], engine), [still], fps=10)) == 10
    assert len(engine.rendered) == 1


def test_frames_follow_the_track_from_its_start(astronaut: np.ndarray) -> None:
    engine = BrightMouth()
    list(frames(prepare(astronaut, [reading()], engine), [_smile_track()], fps=2))
    assert sorted(round(values["AU12L"], 3) for values in engine.rendered) == [0.2, 0.325, 0.6, 0.875]
    assert engine.rendered[0]["AU45L"] == 0.1, "a control that the track leaves out stays as in the photo"


def test_every_frame_is_the_photo_outside_the_mask(astronaut: np.ndarray) -> None:
    outside = np.ones(astronaut.shape[:2], bool)
    outside[135:159, 199:249] = False
    for frame in frames(prepare(astronaut, [reading()], BrightMouth("tight")), [_smile_track()], fps=2):
        assert np.array_equal(frame[outside], astronaut[outside])


def test_several_faces_each_with_its_own_track(astronaut: np.ndarray) -> None:
    photo = np.concatenate([astronaut, astronaut], axis=1)
    second = reading(ASTRONAUT + np.float32([512, 0]))
    prepared = prepare(photo, [reading(), second], BrightMouth())
    frame = next(frames(prepared, [_smile_track(), Track.from_keyframes([(0, {"AU12": 1.0}, "linear")])], fps=5))
    change = frame.astype(int) - photo
    assert abs(np.median(change[139:155, 203:245])) <= 5 and np.median(change[139:155, 203 + 512 : 245 + 512]) > 60


def test_fitted_size_is_never_larger_than_the_photo_and_even_if_smaller() -> None:
    assert fitted_size((1001, 2001, 3), 500) == (500, 250)
    assert fitted_size((333, 401, 3), 1080) == (401, 333)
    assert fitted_size((3000, 11, 3), 64) == (2, 64)


def test_resizing_takes_the_readings_along(astronaut: np.ndarray) -> None:
    small, (half,) = resized(astronaut, [reading()], (256, 256))
    assert small.shape == (256, 256, 3) and np.allclose(half.landmarks_photo, ASTRONAUT / 2) and half.eye_distance > 15
    as_it_is, (same,) = resized(astronaut[:511], [reading()], (512, 511))
    assert np.array_equal(as_it_is, astronaut[:511]) and same.landmarks_photo is ASTRONAUT
