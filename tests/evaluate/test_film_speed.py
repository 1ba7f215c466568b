"""The film of the speed benchmark: its size, its face, and that no frame is like the one before."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mimica.evaluate import film_speed
from mimica.face.align import crop_from_photo
from mimica.reader.read import largest_face
from mimica.video.reader import open_video

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def test_the_film_shows_the_face_as_large_as_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WIDTH", 320), ("HEIGHT", 240), ("SIDE", 128)):
        monkeypatch.setattr(film_speed, name, value)
    film = open_video(film_speed.film_of(PHOTO, tmp_path / "film.mp4", 0.2))
    frames = [rgb for _, _, rgb in film]
    assert len(frames) == 5 and frames[0].shape == (240, 320, 3)
    assert all(np.abs(a.astype(int) - b).mean() > 0.5 for a, b in pairwise(frames))
    assert 1 / np.hypot(*crop_from_photo(largest_face(frames[0]).landmarks_photo, 1)[:, 0]) == pytest.approx(128, rel=0.06)


def test_films_are_timed_from_reading_to_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WIDTH", 320), ("HEIGHT", 240), ("SIDE", 128)):
        monkeypatch.setattr(film_speed, name, value)
    (_, rate, unit, note), (_, spent, _, _) = film_speed.speed(PHOTO, tmp_path, 0.2)
    assert rate > 0 and unit == "frames/s" and note.startswith("5 frames of 320 x 240") and spent > 0


def test_what_is_drawn_is_timed_on_a_photo_and_in_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WIDTH", 320), ("HEIGHT", 240), ("SIDE", 128), ("DRAWN", ("lipstick",)), ("ROUNDS", 1)):
        monkeypatch.setattr(film_speed, name, value)
    photo, film = film_speed.drawn(PHOTO, tmp_path, 0.2)
    assert photo[0] == "lipstick, a photo" and film[3].startswith("320 x 240") and photo[1] > 0 and film[1] > 0
