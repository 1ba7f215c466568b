"""Mimica's own judges: the reader, which guided its engines, and the emotion classifier, which did not (it is trained on
people kept apart), but which is our work all the same. Both are marked as ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mimica.evaluate.judges.base import Judgement
from mimica.facs import AU_NAMES
from mimica.reader.read import Reader


class ReaderJudge:
    """The shipped reader."""

    name, ours = "reader", True
    counted: tuple[str, ...] = AU_NAMES
    note = "Mimica's own reader; it guided the training of Mimica's engines, which may please it more than a person."

    def __init__(self, file: Path | None = None) -> None:
        self.reader = Reader(file)

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        face = self.reader.read_aligned(picture, [landmarks])[0]
        return Judgement(face.mean_action_units, dict(face.emotions), (face.yaw, face.pitch, face.roll))


class ClassifierJudge:
    """A classifier of `mimica train classifier`; names emotions only."""

    name, ours = "classifier", True
    counted: tuple[str, ...] = ()

    def __init__(self, file: Path | None) -> None:
        from mimica.engines.baselines.classifier import EmotionJudge  # torch

        assert file is not None  # open_judges
        self.judge = EmotionJudge(file)
        error = self.judge.notes.get("held_out_error")
        known = f"its own error on held-out photos is {100 * error:.0f}%" if error is not None else "its own error is not known"
        self.note = f"An emotion classifier of Mimica's, trained on people kept apart; {known}."

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        return Judgement(emotions=self.judge.read(picture, landmarks))
