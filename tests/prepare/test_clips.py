"""Photos to clips of the six emotions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bright_mouth import BrightMouth

from mimica.engines.baselines.video.clips import open_clips
from mimica.errors import DataError
from mimica.pictures.images import write_image
from mimica.prepare.clips import prepare_clips


def test_six_clips_a_face(tmp_path: Path, astronaut: np.ndarray, noise: np.ndarray) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    write_image(photos / "a.png", astronaut)
    write_image(photos / "b.png", noise)
    assert prepare_clips(photos, tmp_path / "clips", engine=BrightMouth()) == (6, 1)
    clips = open_clips(tmp_path / "clips")
    assert clips.emotions == ("anger", "disgust", "fear", "happiness", "sadness", "surprise") and clips.subjects[0] == "a"
    happy = clips.frames[3].astype(int)
    assert happy.shape == (16, 64, 64, 3)
    mouth = happy[:, 40:56, 20:44].mean((1, 2, 3))
    assert mouth[-1] > mouth[0] + 3 and (np.diff(mouth) >= -0.01).all(), "BrightMouth brightens the mouth by AU 12"
    assert abs(happy[-1, :10] - happy[0, :10]).max() == 0, "the forehead stands still"
    assert not (tmp_path / "clips" / "all.npy").exists()


def test_photos_without_faces_leave_nothing(tmp_path: Path, noise: np.ndarray) -> None:
    (tmp_path / "photos").mkdir()
    write_image(tmp_path / "photos" / "b.png", noise)
    with pytest.raises(DataError, match="shows a face"):
        prepare_clips(tmp_path / "photos", tmp_path / "clips")
    assert not (tmp_path / "clips").exists()
