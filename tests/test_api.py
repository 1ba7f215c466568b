"""The Python interface, with a stand-in engine and reader."""

import io
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bright_mouth import ASTRONAUT, BrightMouth, reading
from PIL import Image

from mimica import api
from mimica.animation import Patch
from mimica.errors import ImageError, NoFaceError, UserError, ValueRangeError
from mimica.motion.track import HEAD, Track
from mimica.pictures.images import read_comment, read_photo
from mimica.reader.read import FaceReading
from mimica.video.reader import open_video

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
ENGINE = BrightMouth()


@pytest.fixture(autouse=True)
def faces(monkeypatch: pytest.MonkeyPatch) -> list[FaceReading]:
    """What the stand-in reader finds in any photo."""
    found = [reading()]
    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: found)
    return found


def test_edit_changes_the_mouth_only(astronaut: np.ndarray) -> None:
    result = api.edit(PHOTO, au={12: 0.9}, engine=ENGINE)
    change = result.image.astype(int) - astronaut
    assert np.median(change[139:155, 203:245]) > 50 and not change[:135].any() and not change[159:].any()
    assert len(result.readings) == 1 and result.masks is None and result.alpha is None and result.warnings == ()


def test_edit_with_nothing_changed_is_bit_identical(astronaut: np.ndarray, tmp_path: Path) -> None:
    api.edit(PHOTO, "happy", intensity=0, engine=ENGINE).save(tmp_path / "same.png")
    assert np.array_equal(read_photo(tmp_path / "same.png").rgb, astronaut)


def test_edits_stack_without_decay(astronaut: np.ndarray, faces: list[FaceReading]) -> None:
    image = astronaut
    for value in (0.6, 0.25, 0.6, 0.25):
        image = api.edit(image, au={"12L": value}, engine=ENGINE).image
        faces[0] = reading(action_units={**reading().action_units, "AU12L": value})
    never_clipped = astronaut < 220
    assert np.array_equal(image[never_clipped], astronaut[never_clipped])


def test_a_result_is_edited_further_from_the_photo_itself(astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    first = api.edit(PHOTO, "surprised", engine=ENGINE)
    monkeypatch.setattr("mimica.film.photos.find_faces", lambda rgb, detector: pytest.fail("the faces are known"))
    units = api.edit(first, au={12: 0.9}).controls[0]
    assert units["AU12L"] == 0.9 and units["AU26L"] == first.controls[0]["AU26L"] > 0, "what is not asked for stays as edited"
    back = api.edit(api.edit(first, "happy"), au=first.readings[0].action_units)
    assert np.array_equal(back.image, astronaut)
    with pytest.raises(ValueRangeError, match="faces already"):
        api.edit(first, "happy", face=1)


def test_intensity_scales_the_change(astronaut: np.ndarray) -> None:
    half = api.edit(astronaut, au={12: 1.0}, intensity=0.5, engine=ENGINE).image.astype(int) - astronaut
    assert np.median(half[139:155, 225:243]) == pytest.approx(37.5, abs=1)


def test_alpha_goes_through(astronaut: np.ndarray, tmp_path: Path) -> None:
    alpha = np.full((512, 512, 1), 77, np.uint8)
    result = api.edit(np.concatenate([astronaut, alpha], axis=2), "happy", engine=ENGINE)
    result.save(tmp_path / "a.png")
    saved = read_photo(tmp_path / "a.png").alpha
    assert saved is not None and (saved == 77).all()


def test_the_chosen_face_is_edited(astronaut: np.ndarray, faces: list[FaceReading]) -> None:
    photo = np.concatenate([astronaut, astronaut], axis=1)
    faces.append(reading(ASTRONAUT + np.float32([512, 0])))
    moved = {
        which: [
            (api.edit(photo, au={12: 1}, face=which, engine=ENGINE).image != photo)[:, side].any()
            for side in (slice(0, 512), slice(512, 1024))
        ]
        for which in (1, "2", "all")
    }
    assert moved == {1: [True, False], "2": [False, True], "all": [True, True]}
    assert "2 faces" in api.edit(photo, au={12: 1}, engine=ENGINE).warnings[0]


def test_masks_are_a_picture_when_asked_for() -> None:
    masks = api.edit(PHOTO, "happy", engine=ENGINE, masks=True).masks
    assert masks is not None and masks.shape[1] > 5 * 256


def test_the_tag_is_written_unless_refused(tmp_path: Path) -> None:
    result = api.edit(PHOTO, "happy", engine=ENGINE)
    result.save(tmp_path / "tagged.jpg")
    result.save(tmp_path / "plain.jpg", tag=False)
    assert "edited by Mimica" in (read_comment(tmp_path / "tagged.jpg") or "") and read_comment(tmp_path / "plain.jpg") is None


def test_photos_as_arrays_are_checked() -> None:
    for wrong in (np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ImageError, match="uint8"):
            api.edit(wrong, "happy", engine=ENGINE)


def test_bad_requests_are_refused_before_the_photo_is_opened() -> None:
    calls: list[Callable[[], Any]] = [
        lambda: api.edit("missing.jpg", "hapy"),
        lambda: api.edit("missing.jpg", "happy", intensity=2),
        lambda: api.edit("missing.jpg", "happy", face=0),
        lambda: api.edit("missing.jpg", "happy", detector="eyes"),
        lambda: api.animate("missing.jpg", "happy", fps=float("nan")),
        lambda: api.animate("missing.jpg", "happy", size=3),
        lambda: api.animate("missing.jpg", "happy", seconds=-1),
        lambda: api.animate("missing.jpg", "happy", sequence="happy, sad"),
        lambda: api.animate("missing.jpg"),
        lambda: api.animate("missing.jpg", track=Track.from_keyframes([(0, {"AU12": 1}, "linear")]), seconds=2),
    ]
    for call in calls:
        with pytest.raises(ValueRangeError):
            call()


def test_bad_faces_are_refused_before_the_engine_is_loaded(faces: list[FaceReading], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "load_engine", lambda *_: pytest.fail("the engine was loaded"))
    faces[0] = reading(yaw=60.0)
    with pytest.raises(NoFaceError):
        api.edit(PHOTO, "happy")


def test_unknown_engine() -> None:
    with pytest.raises(UserError, match="ganimation"):
        api.edit(PHOTO, "happy", engine="ganimaton")


def test_animation_goes_there_and_back(astronaut: np.ndarray) -> None:
    animation = api.animate(PHOTO, au={12: 0.9}, seconds=2, fps=10, engine=BrightMouth())
    made = list(animation)
    assert len(animation) == len(made) == 20 and animation.size == (512, 512)
    assert np.array_equal(made[0], astronaut)
    smile = [int(np.median(frame[139:155, 225:243].astype(int) - astronaut[139:155, 225:243])) for frame in made]
    assert max(smile) == 65 == smile[10] and smile[:8] == sorted(smile[:8]) and smile[-1] < 10


def test_animation_can_be_gone_through_twice() -> None:
    animation = api.animate(PHOTO, "happy", seconds=0.4, fps=10, engine=BrightMouth())
    assert all(np.array_equal(a, b) for a, b in zip(animation, animation, strict=True))


def test_a_loop_ends_as_it_begins(astronaut: np.ndarray) -> None:
    smile = Track.from_keyframes([(0, {"AU12": 0.25}, "linear"), (1, {"AU12": 1.0}, "linear")])
    (track,) = api.animate(PHOTO, track=smile, loop=True, engine=ENGINE).tracks
    assert track.seconds == 2 and track.sample(track.end) == track.sample(track.start)
    (track,) = api.animate(PHOTO, sequence="happy, sad", loop=True, blinks=True, engine=ENGINE).tracks
    assert track.sample(track.end) == pytest.approx(track.sample(track.start))


def test_a_track_may_depend_on_the_face_and_a_turning_head_is_warned_about() -> None:
    def more_smile(own: Mapping[str, float]) -> Track:
        return Track.from_keyframes([(0, {"AU12L": own["AU12L"], "yaw": 0.0}, "linear"), (1, {"AU12L": 1.0, "yaw": 9.0}, "ease")])

    animation = api.animate(PHOTO, track=more_smile, engine=ENGINE)
    assert animation.tracks[0].sample(0)["AU12L"] == 0.25
    (warning,) = animation.warnings
    assert "yaw" in warning


def test_blinks_close_the_eyes_by_the_seed() -> None:
    curves = [
        np.array([track.sample(t)["AU45L"] for t in np.linspace(0, 10, 500)])
        for seed in (1, 1, 2)
        for track in api.animate(PHOTO, "happy", seconds=10, blinks=True, seed=seed, engine=ENGINE).tracks
    ]
    assert curves[0].max() > 0.9 and np.array_equal(curves[0], curves[1]) and not np.array_equal(curves[0], curves[2])


def test_blinks_alone(astronaut: np.ndarray) -> None:
    animation = api.animate(PHOTO, blinks=True, engine=ENGINE)
    (track,) = animation.tracks
    curve = np.array([track.sample(t)["AU45L"] for t in np.linspace(0, 4, 500)])
    assert track.seconds == 4 and curve.max() > 0.9 and np.median(curve) == 0.1
    assert np.array_equal(next(iter(animation)), astronaut)


def test_a_larger_photo_is_made_smaller() -> None:
    animation = api.animate(PHOTO, "happy", size=256, seconds=0.2, engine=ENGINE)
    assert animation.size == (256, 256) and next(iter(animation)).shape == (256, 256, 3)
    assert animation.readings[0].eye_distance == pytest.approx(reading().eye_distance / 2)


def test_transparency_becomes_white_in_a_video(astronaut: np.ndarray) -> None:
    photo = np.concatenate([astronaut, np.zeros((512, 512, 1), np.uint8)], axis=2)
    photo[:200, :, 3] = 255
    frame = next(iter(api.animate(photo, "happy", engine=ENGINE)))
    assert np.array_equal(frame[:200], astronaut[:200]) and (frame[200:] == 255).all()


def test_animation_is_saved(tmp_path: Path) -> None:
    done = []
    animation = api.animate(PHOTO, "happy", seconds=0.4, fps=10, size=128, engine=BrightMouth(), loop=True)
    animation.save(tmp_path / "a.mp4", progress=lambda: done.append(1))
    assert len(done) == 4 and sum(1 for _ in open_video(tmp_path / "a.mp4")) == 4


def test_prepare_face_shrinks_to_the_eye_distance() -> None:
    prepared, _ = api.prepare_face(PHOTO, eye_distance=20, engine=ENGINE)
    assert prepared.faces[0].reading.eye_distance == pytest.approx(20, abs=0.2)
    larger, _ = api.prepare_face(PHOTO, eye_distance=200, engine=ENGINE)
    assert larger.photo.shape == (512, 512, 3)


def test_the_main_job_imports_no_training_stack() -> None:
    code = (
        "import sys, mimica.api; "
        "print([m for m in ('torch', 'lightning', 'pandas', 'scipy', 'matplotlib', 'sklearn', 'mediapipe') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_photos_may_be_bytes_open_files_and_pillows(astronaut: np.ndarray, tmp_path: Path) -> None:
    data = io.BytesIO()
    Image.fromarray(astronaut).save(data, "PNG")
    (tmp_path / "a.png").write_bytes(data.getvalue())
    wanted = api.edit(astronaut, "happy", engine=ENGINE).image
    with (tmp_path / "a.png").open("rb") as file, Image.open(tmp_path / "a.png") as opened:
        for photo in (
            data.getvalue(),
            bytearray(data.getvalue()),
            io.BytesIO(data.getvalue()),
            file,
            opened,
            str(tmp_path / "a.png"),
        ):
            assert np.array_equal(api.edit(photo, "happy", engine=ENGINE).image, wanted)
        assert len(api.animate(Image.fromarray(astronaut), "happy", engine=ENGINE)) > 10
        assert len(api.read(Image.fromarray(astronaut).convert("RGBA"))) == 1


@pytest.mark.parametrize("thing", [None, 3, 1.5, ["a.jpg"], object(), io.StringIO("text"), b"", io.BytesIO(), b"no picture"])
def test_what_is_no_photo_is_refused_in_one_sentence(thing: object) -> None:
    for function in (api.edit, api.animate):
        with pytest.raises(UserError) as refused:
            function(thing, "happy", engine=ENGINE)  # type: ignore[operator]
        assert str(refused.value).endswith(".") and "\n" not in str(refused.value)
    with pytest.raises(UserError):
        api.read(thing)  # type: ignore[arg-type]


def test_transparency_is_kept_where_the_format_can(astronaut: np.ndarray, tmp_path: Path) -> None:
    alpha = np.zeros((512, 512, 1), np.uint8)
    alpha[:300] = 255
    animation = api.animate(np.concatenate([astronaut, alpha], axis=2), "happy", engine=ENGINE, seconds=0.2, fps=10, size=128)
    assert animation.warnings_for("a.webm") == [] and "shown on white" in animation.warnings_for("a.mp4")[0]
    animation.save(tmp_path / "a.webp")
    with Image.open(tmp_path / "a.webp") as image:
        assert np.asarray(image.convert("RGBA"))[[10, 120], 64, 3].tolist() == [255, 0]


def test_pose_and_gaze_are_asked_for_in_degrees_from_the_photo(astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, float]] = []
    monkeypatch.setattr(api, "render_patch", lambda prepared, values: asked.extend(values) or Patch(0, 0, prepared.photo[:0, :0]))
    engine = BrightMouth(controls=("AU12L", "AU12R", *HEAD))
    first = api.edit(astronaut, pose="yaw=12,pitch=-5", gaze={"x": 10}, engine=engine)
    assert (asked[-1]["yaw"], asked[-1]["pitch"], asked[-1]["gaze_x"]) == (14, -4, 10), "the photo shows yaw 2, pitch 1"
    assert first.warnings == ()
    api.edit(first, pose={"yaw": 5.0})
    assert (asked[-1]["yaw"], asked[-1]["pitch"]) == (7, -4), "from the photo again; what is not named stays"
    api.edit(astronaut, look="camera", pose="roll=4", intensity=0.5, engine=engine)
    assert (asked[-1]["yaw"], asked[-1]["pitch"], asked[-1]["roll"]) == (1, 0.5, 2)
    far = api.edit(astronaut, pose="yaw=50", engine=engine)
    assert "yaw +50" in far.warnings[0]
    cannot = api.edit(astronaut, pose="yaw=5", engine=BrightMouth())
    assert "cannot turn the head" in cannot.warnings[0]
    with pytest.raises(ValueRangeError, match="--look"):
        api.edit(astronaut, look="away")


def test_a_pose_comes_and_goes_and_a_face_can_be_alive(astronaut: np.ndarray) -> None:
    engine = BrightMouth(controls=("AU12L", "AU12R", *HEAD))
    track = api.animate(astronaut, pose="yaw=10", engine=engine).tracks[0]
    yaw = track.values[:, track.names.index("yaw")]
    assert yaw[0] == yaw[-1] == 2 and yaw.max() == 12
    alive = [api.animate(astronaut, alive=True, seed=seed, engine=engine) for seed in (1, 1, 2)]
    assert alive[0].tracks[0].seconds == pytest.approx(api.ALIVE_SECONDS)
    moving = [a.tracks[0].values[:, a.tracks[0].names.index("yaw")] for a in alive]
    assert np.array_equal(moving[0], moving[1]) and np.ptp(moving[0]) > 1 and not np.array_equal(moving[0], moving[2])


def test_faces_that_were_not_chosen_are_told_to_the_engine(astronaut: np.ndarray, faces: list[FaceReading]) -> None:
    faces.append(reading(faces[0].landmarks_photo + np.array([150, 20], np.float32)))
    engine = BrightMouth()
    result = api.edit(astronaut, au="12=1", face=1, engine=engine)
    (other,) = result.prepared.faces[0].face.others_crop
    window = result.prepared.faces[0].crop_from_photo[:, 2]
    assert np.allclose(other, faces[1].landmarks_photo + window, atol=1e-3)
