"""Who says what a face shows: instruments beside Mimica's own reader, each an optional package or a file that the user names.

    mediapipe=face_landmarker.task    Google's face landmarker, 52 blendshapes                     package mediapipe
    pyfeat                            py-feat's detector                                           package py-feat
    pyfaceau                          a port of OpenFace 2.2 to Python                             package pyfaceau
    openface=FOLDER                   NAME.csv for each picture NAME.*, of OpenFace's FaceLandmarkImg
    classifier=classifier.safetensors an emotion classifier of `mimica train classifier`
    reader                            Mimica's own, which guided the training of its engines: marked in every report

A judge gives Action Units in [0, 1] in its own calibration, which is nobody's 0 to 5: read its figures beside its own figures on
exactly labelled frames (`mimica.evaluate.editing.ceiling`). What it hardly answers to, it does not count (`counted`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from mimica.errors import ValueRangeError, nearest


@dataclass(frozen=True)
class Judgement:
    """What one judge says of one face.

    units     Action Units without sides by name, [0, 1]; only those it can tell
    emotions  probabilities by name; empty where it names none
    pose      yaw, pitch, roll in degrees, or None
    """

    units: Mapping[str, float] = field(default_factory=dict)
    emotions: Mapping[str, float] = field(default_factory=dict)
    pose: tuple[float, float, float] | None = None


class Judge(Protocol):
    """An instrument.

    name     as the user names it
    ours     True for what Mimica trained itself, and may have trained its engines with
    counted  Action Units that go into its means
    note     a sentence for reports: what it is, what it cannot see
    """

    name: str
    ours: bool
    counted: tuple[str, ...]
    note: str

    def read(self, picture: np.ndarray, landmarks: np.ndarray, key: str) -> Judgement | None:
        """uint8 (H, W, 3), where the face's landmarks (68, 2) were in the photo, the picture's file name without suffix (for
        judges that read files) -> what is seen; None where it finds no face."""
        ...


JUDGES: dict[str, str] = {
    "mediapipe": "mimica.evaluate.judges.mediapipe:MediaPipeJudge",
    "pyfeat": "mimica.evaluate.judges.packages:PyFeatJudge",
    "pyfaceau": "mimica.evaluate.judges.packages:PyFaceAuJudge",
    "openface": "mimica.evaluate.judges.tables:OpenFaceJudge",
    "classifier": "mimica.evaluate.judges.own:ClassifierJudge",
    "reader": "mimica.evaluate.judges.own:ReaderJudge",
}
"""Name -> `module:class`, those that did not guide any edit first; the class takes the file that the user names, or None."""
NEEDS_FILE = frozenset({"mediapipe", "openface", "classifier"})


def open_judges(words: Sequence[str]) -> list[Judge]:
    """`["mediapipe=face_landmarker.task", "reader"]` -> judges, independent ones first, each once. Raises `ValueRangeError`
    for an unknown name or a missing file name, `MissingExtraError` for a package that is not installed."""
    chosen: dict[str, Path | None] = {}
    for word in words:
        name, equals, file = word.partition("=")
        if name not in JUDGES:
            raise ValueRangeError(f"There is no judge '{name}'{nearest(name, JUDGES) or ';'} the judges are {', '.join(JUDGES)}.")
        if (name in NEEDS_FILE) != bool(file):
            form = f"{name}=FILE" if name in NEEDS_FILE else name
            raise ValueRangeError(f"The judge '{word}' is written {form}{', with what it reads' if name in NEEDS_FILE else ''}.")
        chosen[name] = Path(file) if equals else None
    judges = []
    for name in sorted(chosen, key=list(JUDGES).index):
        module, attribute = JUDGES[name].split(":")
        judge: Judge = getattr(importlib.import_module(module), attribute)(chosen[name])
        judges.append(judge)
    return sorted(judges, key=lambda judge: judge.ours)


@contextmanager
def judges_at_work(words: Sequence[str]) -> Iterator[list[Judge]]:
    """`open_judges` for a block; what an instrument holds is given back at its end."""
    judges = open_judges(words)
    try:
        yield judges
    finally:
        for judge in judges:
            getattr(judge, "close", lambda: None)()
