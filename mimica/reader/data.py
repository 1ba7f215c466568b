"""The training sets of the reader, in memory: aligned gray crops and what is known of each.

    faces       real photos: tars of 160 px tight crops, `labels.parquet` (MediaPipe's points, blendshapes and pose; human
                emotion labels)
    reanimated  photos rendered with other expressions: tars of 160 px tight crops, `labels.parquet` (exact Action Units by
                side, mesh landmarks, pose)
    pairs       more such renderings, of any size: pictures and `labels.jsonl` (see `mimica.data.pairs`)

What is not known of a crop is NaN (or -1 for the emotion) and takes no part in the loss. Needs pandas and pyarrow.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from mimica.data.dataset import is_validation
from mimica.data.pairs import is_pairs_folder, read_rows
from mimica.errors import DataError
from mimica.facs import AU_NUMBERS, EMOTIONS
from mimica.foreign.archives import members
from mimica.foreign.tables import read_json, read_parquet
from mimica.reader import convention
from mimica.reader.outputs import POINTS

CROP = 160

# Blendshape -> Action Unit: (blendshape with * for the side, level of a neutral face, gain). The levels are what a neutral
# face scores; the gain brings full activation to the scale of the rendered labels. AU6 follows AU12, AU9 is not seen.
_WEAK_LABELS: dict[int, tuple[str, float, float]] = {
    1: ("browInnerUp", 0.25, 0.8),
    2: ("browOuterUp*", 0.35, 0.6),
    4: ("browDown*", 0.30, 0.5),
    5: ("eyeWide*", 0.05, 1.0),
    7: ("eyeSquint*", 0.50, 0.5),
    10: ("mouthUpperUp*", 0.03, 0.8),
    12: ("mouthSmile*", 0.05, 0.7),
    14: ("mouthDimple*", 0.05, 1.0),
    15: ("mouthFrown*", 0.02, 1.0),
    17: ("mouthShrugLower", 0.35, 0.6),
    20: ("mouthStretch*", 0.05, 0.8),
    23: ("mouthPress*", 0.20, 0.6),
    26: ("jawOpen", 0.03, 1.2),
    45: ("eyeBlink*", 0.20, 1.0),
}
LIP_GAP_CLOSED, LIP_GAP_FULL = 0.007, 0.16
"""Distance of the inner lips, in eye distances, at AU25 = 0 and 1."""
# The mesh fit and MediaPipe measure the head's pose from different neutral heads; regression over photos that have both.
_YAW_SCALE, _PITCH_SCALE, _PITCH_OFFSET = 1.17, 0.954, 4.0

_RECIPE_EMOTION = {name: name for name in EMOTIONS} | {"source": "neutral", "real_smile": "happiness"}


@dataclass
class ReaderData:
    """N crops.

    gray        uint8 (N, 160, 160) tight crops
    points      float32 (N, 70, 2) pixels of the crop: 68 landmarks, 2 irises; NaN where unknown
    pose        float32 (N, 3) yaw, pitch, roll in degrees; NaN where unknown
    aus         float32 (N, 34) in [0, 1] by side; NaN where unknown
    emotion     int64 (N,) index in EMOTIONS, -1 where unknown
    exact       bool (N,) the labels are exact (rendered), not read by another network
    human       bool (N,) the emotion was named by a person
    validation  bool (N,) the subject is held out
    """

    gray: np.ndarray
    points: np.ndarray
    pose: np.ndarray
    aus: np.ndarray
    emotion: np.ndarray
    exact: np.ndarray
    human: np.ndarray
    validation: np.ndarray

    def __len__(self) -> int:
        return len(self.gray)

    def __add__(self, other: ReaderData) -> ReaderData:
        return ReaderData(**{f.name: np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)})

    def subset(self, keep: np.ndarray) -> ReaderData:
        """The crops where `keep` (bool mask or indices) says so."""
        return ReaderData(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})


def subject_key(subject: str) -> str:
    """One name a person in both sets: the press photos are `web_NAME` in one and `lfw_NAME` in the other."""
    return "lfw_" + subject[4:] if subject.startswith("web_") else subject


def load(folder: str | Path) -> ReaderData:
    """The set in `folder`, recognised by the columns of its `labels.parquet`. Raises `DataError`."""
    import pandas as pd

    table = Path(folder) / "labels.parquet"
    if is_pairs_folder(Path(folder)):
        return _pairs(Path(folder), pd.DataFrame(read_rows(Path(folder))))
    if not table.is_file():
        raise DataError(
            f"There is no labels.parquet or labels.jsonl in '{folder}': name the folder of faces, of reanimated frames or pairs."
        )
    labels = read_parquet(table)
    if "lm68" in labels.columns:
        return _reanimated(Path(folder), labels)
    if "landmarks" in labels.columns:
        return _faces(Path(folder), labels)
    raise DataError(f"'{table}' has neither a column lm68 nor landmarks: it is no set that the reader can be trained on.")


def load_alarms(folder: Path) -> np.ndarray:
    """The pictures of a folder as gray crops, uint8 (N, 160, 160). Raises `DataError` for an empty folder."""
    from mimica.pictures.images import list_images, read_photo

    paths = list_images(folder)
    if not paths:
        raise DataError(f"There is no picture in '{folder}': name a folder of pictures that show no face.")
    return np.stack([cv2.resize(cv2.cvtColor(read_photo(p).rgb, cv2.COLOR_RGB2GRAY), (CROP, CROP)) for p in paths])


def _faces(folder: Path, labels) -> ReaderData:  # type: ignore[no-untyped-def]  # pandas is optional
    layout = read_json(folder / "landmarks.json")
    points = np.stack(labels["landmarks"].to_numpy()).reshape(len(labels), -1, 2).astype(np.float32) / (16 * CROP)
    mesh = convention.load()(points)
    irises = np.stack([points[:, group].mean(1) for group in layout["irises"]], 1)
    irises = np.take_along_axis(irises, np.argsort(irises[..., :1], axis=1), axis=1)
    n = len(labels)
    emotion = np.array([EMOTIONS.index(e) if e in EMOTIONS else -1 for e in labels["emotion"]])
    pose = labels[["yaw", "pitch", "roll"]].to_numpy(np.float32).copy()
    pose[:, 2] = 0.0  # the crops are upright by the eyes; the labels' roll is that of the whole photo
    return ReaderData(
        gray=_read_crops(folder, "tight160-*.tar", labels["file"]),
        points=np.concatenate([mesh, irises], 1) * CROP,
        pose=pose,
        aus=_weak_action_units(labels, mesh),
        emotion=emotion,
        exact=np.zeros(n, bool),
        human=emotion >= 0,
        validation=_held_out(labels["subject"]),
    )


def _reanimated(folder: Path, labels) -> ReaderData:  # type: ignore[no-untyped-def]
    real = (labels["recipe"] == "real_smile").to_numpy()
    data = _rendered(labels, _read_crops(folder, "frames_*.tar", labels["file"]), labels["subject"], CROP)
    data.points[real], data.pose[real], data.exact[real] = np.nan, np.nan, False  # another photo of the person, not this frame's
    return data


def _pairs(folder: Path, labels) -> ReaderData:  # type: ignore[no-untyped-def]
    from mimica.pictures.images import read_photo

    first = read_photo(folder / labels["file"][0]).rgb
    subjects = labels["subject"] if "subject" in labels.columns else labels["source_id"]
    crops = np.zeros((len(labels), CROP, CROP), np.uint8)
    for row, name in enumerate(labels["file"]):
        gray = cv2.cvtColor(read_photo(folder / name).rgb, cv2.COLOR_RGB2GRAY)
        crops[row] = cv2.resize(gray, (CROP, CROP), interpolation=cv2.INTER_AREA)
    return _rendered(labels, crops, subjects, len(first))


def _rendered(labels, crops: np.ndarray, subjects, side: int) -> ReaderData:  # type: ignore[no-untyped-def]
    """Crops and the labels of the renderer, whose landmarks are in pixels of a crop of `side`."""
    n = len(labels)
    points = np.full((n, POINTS, 2), np.nan, np.float32)
    points[:, :68] = np.stack(labels["lm68"].to_numpy()).reshape(n, 68, 2) * (CROP / side)
    pose = np.stack([labels["yaw"] / _YAW_SCALE, (labels["pitch"] - _PITCH_OFFSET) / _PITCH_SCALE, labels["roll"]], 1)
    aus = np.concatenate([np.stack(labels["au_left"].to_numpy()), np.stack(labels["au_right"].to_numpy())], 1)
    return ReaderData(
        gray=crops,
        points=points,
        pose=pose.astype(np.float32),
        aus=aus.astype(np.float32),
        emotion=np.array([EMOTIONS.index(_RECIPE_EMOTION[r]) if r in _RECIPE_EMOTION else -1 for r in labels["recipe"]]),
        exact=~labels["is_source"].to_numpy(bool),
        human=np.zeros(n, bool),
        validation=_held_out(subjects),
    )


def _held_out(subjects) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array([is_validation(subject_key(s)) for s in subjects])


def _weak_action_units(labels, mesh: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """(N, 34) from blendshape scores, and AU25 from the gap of the lips; AU9 unknown."""
    sides = {}
    for side in ("Left", "Right"):
        values = np.full((len(labels), len(AU_NUMBERS)), np.nan, np.float32)
        for number, (shape, neutral, gain) in _WEAK_LABELS.items():
            score = labels["bs_" + shape.replace("*", side)].to_numpy(np.float32)
            values[:, AU_NUMBERS.index(number)] = np.clip((score - neutral) / (1 - neutral), 0, 1) * gain
        values[:, AU_NUMBERS.index(6)] = 0.5 * values[:, AU_NUMBERS.index(12)]
        values[:, AU_NUMBERS.index(25)] = lip_part(mesh)
        sides[side] = values
    return np.clip(np.concatenate([sides["Left"], sides["Right"]], 1), 0, 1)


def lip_part(landmarks: np.ndarray) -> np.ndarray:
    """(N, 68, 2) -> (N,): AU25 from the opening of the inner lips over the eye distance."""
    gap = np.linalg.norm(landmarks[:, [61, 62, 63]] - landmarks[:, [67, 66, 65]], axis=-1).max(1)
    eyes = np.linalg.norm(landmarks[:, [42, 45]].mean(1) - landmarks[:, [36, 39]].mean(1), axis=-1)
    part: np.ndarray = np.clip((gap / eyes - LIP_GAP_CLOSED) / (LIP_GAP_FULL - LIP_GAP_CLOSED), 0, 1)
    return part


def _read_crops(folder: Path, pattern: str, files) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Gray crops in the order of `files` from the tars of the set."""
    from mimica.pictures.images import picture_in

    index = {name: i for i, name in enumerate(files)}
    crops = np.zeros((len(index), CROP, CROP), np.uint8)
    found = 0
    for path in sorted(folder.glob(pattern)):
        for name, content in members(path):
            row = index.get(Path(name).name)
            if row is not None:
                gray = cv2.cvtColor(picture_in(content, f"{path}, {name}"), cv2.COLOR_RGB2GRAY)
                if gray.shape != (CROP, CROP):
                    raise DataError(
                        f"{name} in '{path}' is of {gray.shape[1]} x {gray.shape[0]} pixels instead of {CROP} x {CROP}."
                    )
                crops[row] = gray
                found += 1
    if found != len(index):
        raise DataError(f"{len(index) - found} of the {len(index)} pictures that '{folder}' lists are missing from {pattern}.")
    return crops
