"""ACD of clips that somebody else made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bright_mouth import ASTRONAUT
from typer.testing import CliRunner

from mimica.cli import app
from mimica.data.dataset import is_validation
from mimica.errors import DataError, NoFaceError, UserError
from mimica.evaluate import acd_clips
from mimica.evaluate.acd_clips import clips_in, evaluate_clips, read_clip
from mimica.face.align import crop_from_photo, cut
from mimica.pictures.images import write_image
from mimica.video.writer import VideoWriter


class Brightness:
    """A descriptor worked out by hand: the picture's mean level in two numbers."""

    def check(self) -> None: ...

    def descriptor(self, photo: np.ndarray, points: np.ndarray) -> np.ndarray:
        assert points.shape == (68, 2)
        return np.array([photo.mean(), 0.0])


@pytest.fixture
def clips(tmp_path: Path, astronaut: np.ndarray) -> Path:
    """A still clip, a folder of frames that darkens by 10 levels, and one without a face."""
    folder = tmp_path / "clips"
    (folder / "darkens").mkdir(parents=True)
    face = astronaut[20:260, 100:340]
    with VideoWriter(folder / "still.mp4", 25.0, (240, 240)) as writer:
        for _ in range(20):
            writer.write(face)
    for i in range(3):
        write_image(folder / "darkens" / f"{i}.png", (face - np.minimum(face, 10 * i)).astype(np.uint8))
    (folder / "nobody").mkdir()
    for i in range(2):
        write_image(folder / "nobody" / f"{i}.png", np.random.default_rng(i).integers(0, 256, (64, 64, 3), np.uint8))
    return folder


def test_clips_are_found_and_their_frames_spread(clips: Path) -> None:
    assert [path.name for path in clips_in(clips)] == ["darkens", "nobody", "still.mp4"]
    assert len(read_clip(clips / "still.mp4", 16)) == 16 and len(read_clip(clips / "darkens", 16)) == 3
    assert read_clip(clips / "nobody", 16)[0].shape == (256, 256, 3)
    with pytest.raises(DataError, match="no clips"):
        clips_in(clips / "darkens")


def test_the_figures(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acd_clips, "Identity", Brightness)
    report = evaluate_clips(clips)
    frames = [frame.mean() for frame in read_clip(clips / "darkens", 16)]
    by_hand = (abs(frames[0] - frames[1]) + abs(frames[1] - frames[2]) + abs(frames[0] - frames[2])) / 3
    assert report.clips == 2 and "nobody" in report.missing[0]
    assert report.by_clip["darkens"] == pytest.approx(by_hand) and report.by_clip["still.mp4"] < 0.5
    assert report.acd == pytest.approx(np.mean(list(report.by_clip.values())))
    assert report.interval[0] <= report.acd <= report.interval[1]


def test_the_command_takes_a_folder_or_a_number(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acd_clips, "Identity", Brightness)
    done = CliRunner().invoke(app, ["evaluate", "acd", "--videos", str(clips), "--json"])
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout[done.stdout.index("{") :])
    assert content["clips"] == 2 and content["published"]["MoCoGAN"] == 0.201
    for words in (["--videos", "6"], ["x.jpg", "--videos", "0"]):
        assert isinstance(CliRunner().invoke(app, ["evaluate", "acd", *words]).exception, UserError)


def test_clips_without_any_face_are_refused(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acd_clips, "Identity", Brightness)
    (clips / "nobody").rename(tmp_path / "moved")
    (tmp_path / "alone").mkdir()
    (tmp_path / "moved").rename(tmp_path / "alone" / "nobody")
    with pytest.raises(NoFaceError, match="None of the clips"):
        evaluate_clips(tmp_path / "alone")


def test_of_a_prepared_set_the_held_out_people_count(
    tmp_path: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acd_clips, "Identity", Brightness)
    subjects = [f"person {i}" for i in range(40)]
    held_out = [i for i, subject in enumerate(subjects) if is_validation(subject)]
    assert 0 < len(held_out) < 40
    matrix = crop_from_photo(ASTRONAUT, 64)
    still = np.stack([cut(astronaut, matrix, 64)] * 16)
    np.save(tmp_path / "clips.npy", np.stack([still] * 40))
    about = {"clips": [{"subject": subject, "emotion": "fear"} for subject in subjects]}
    (tmp_path / "clips.json").write_text(json.dumps(about))
    report = evaluate_clips(tmp_path)
    assert acd_clips.clip_count(tmp_path) == report.clips == len(held_out) and report.acd == 0
    assert next(iter(report.by_clip)) == f"{held_out[0]} person {held_out[0]} fear"
