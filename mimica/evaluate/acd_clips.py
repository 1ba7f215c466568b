"""ACD of anybody's clips: `mimica evaluate acd --videos DIR`.

Every video file in the folder, and every folder of pictures in it, is a clip; of a set of `mimica prepare clips` the clips of
held-out people are taken (of all, where nobody is held out); `frames` of its frames, evenly spaced, are described as in
`mimica.evaluate.acd`. Small clips are enlarged first: a detector needs about 80 pixels of face. Where it finds none in the
first frame, the clip is taken for a tight crop. A clip's figure is the mean distance over all pairs of its frames.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mimica.data.dataset import is_validation
from mimica.errors import DataError, NoFaceError, VideoError
from mimica.evaluate.editing.ceiling import canonical_landmarks
from mimica.evaluate.editing.measures import bootstrap
from mimica.evaluate.identity import Identity
from mimica.files import natural_key
from mimica.metrics import average_content_distance
from mimica.pictures.images import SUFFIXES, list_images, read_photo
from mimica.reader.read import MIN_CONFIDENCE, Reader, largest_face
from mimica.video.reader import open_video

SIDE = 256
"""Pixels that the shorter side has at least."""
VIDEO_SUFFIXES = frozenset({".mp4", ".webm", ".mov", ".avi", ".mkv", ".gif", ".webp", ".m4v"})


@dataclass
class ClipsReport:
    """Mean figures over the clips of a folder: `acd` with its 95% interval over clips, `reach` from first to last frame,
    `by_clip`; `missing` has a sentence for each clip without a face."""

    clips: int = 0
    acd: float = float("nan")
    interval: tuple[float, float] = (float("nan"), float("nan"))
    reach: float = float("nan")
    by_clip: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def clips_in(folder: Path) -> list[Path]:
    """The clips of a folder in natural order. Raises `DataError` where there are none."""
    if not folder.is_dir():
        raise DataError(f"There is no folder '{folder}' with clips.")
    found = [one for one in folder.iterdir() if not one.name.startswith(".") and (_is_frames(one) or _is_video(one))]
    if not found:
        raise DataError(f"The folder '{folder}' has no clips in it: videos, or folders of pictures, a frame each.")
    return sorted(found, key=lambda path: natural_key(path.name))


def clip_count(folder: Path) -> int:
    """How many clips a folder has. Raises `DataError` where there are none."""
    return len(_clips(folder, 2))


def _clips(folder: Path, frames: int) -> list[tuple[str, Callable[[], list[np.ndarray]]]]:
    """The name of each clip and what reads its frames. Raises `DataError` where there are none."""
    if not (folder / "clips.json").is_file():
        return [(path.name, partial(read_clip, path, frames)) for path in clips_in(folder)]
    try:
        about = json.loads((folder / "clips.json").read_text(encoding="utf-8"))["clips"]
        whole = np.load(folder / "clips.npy", mmap_mode="r")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"The set of clips {folder} is damaged: {error}.") from error
    held_out = [i for i, clip in enumerate(about) if is_validation(clip["subject"])]
    names = [f"{i} {clip['subject']} {clip['emotion']}" for i, clip in enumerate(about)]
    return [(names[i], partial(_spread, whole[i], frames)) for i in held_out or range(len(about))]


def _is_video(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES


def _is_frames(path: Path) -> bool:
    return path.is_dir() and any(one.suffix.lower() in SUFFIXES for one in path.iterdir())


def read_clip(path: Path, frames: int) -> list[np.ndarray]:
    """At most so many frames, evenly spaced from the first to the last, uint8 (H, W, 3). Raises `VideoError`, `ImageError`."""
    whole = [read_photo(one).rgb for one in list_images(path)] if path.is_dir() else [frame for _, _, frame in open_video(path)]
    if len(whole) < 2:
        raise VideoError(f"The clip '{path}' has {len(whole)} frames; a clip has two or more.")
    return _spread(whole, frames)


def _spread(whole: Sequence[np.ndarray] | np.ndarray, frames: int) -> list[np.ndarray]:
    """At most so many frames of a clip, large enough for a detector."""
    places = np.unique(np.rint(np.linspace(0, len(whole) - 1, min(frames, len(whole)))).astype(int))
    return [_enlarged(np.asarray(whole[place])) for place in places]


def _enlarged(frame: np.ndarray) -> np.ndarray:
    scale = SIDE / min(frame.shape[:2])
    if scale <= 1:
        return frame
    return np.asarray(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))


def landmarks_of(frames: Sequence[np.ndarray], reader: Reader) -> list[np.ndarray]:
    """(68, 2) for each frame, each looked for where the face was before. Raises `NoFaceError`."""
    try:
        points = largest_face(frames[0], reader=reader).landmarks_photo
    except NoFaceError:
        points = canonical_landmarks(min(frames[0].shape[:2]))
    found = []
    for frame in frames:
        seen = reader.read_aligned(frame, [points])[0]
        if seen.confidence < MIN_CONFIDENCE:
            raise NoFaceError("no face was found in one of its frames")
        points = seen.landmarks_photo
        found.append(points)
    return found


def evaluate_clips(folder: Path, *, frames: int = 16, progress: Callable[[], None] = lambda: None) -> ClipsReport:
    """`progress` is called after each clip. Raises `DataError` for a folder without clips, `NoFaceError` where none has a
    face."""
    identity, reader, report = Identity(), Reader(), ClipsReport()
    identity.check()
    reaches = []
    for name, read in _clips(folder, frames):
        try:
            pictures = read()
            points = landmarks_of(pictures, reader)
        except (NoFaceError, VideoError) as error:
            report.missing.append(f"{name}: {error}")
            continue
        finally:
            progress()
        described = np.stack([identity.descriptor(frame, p) for frame, p in zip(pictures, points, strict=True)])
        report.by_clip[name] = average_content_distance(described)
        reaches.append(float(np.linalg.norm(described[0] - described[-1])))
    if not report.by_clip:
        raise NoFaceError(f"None of the clips in '{folder}' shows a face: {report.missing[0]}.")
    report.clips = len(report.by_clip)
    report.acd, *interval = bootstrap(list(report.by_clip.values()), list(report.by_clip))
    report.interval, report.reach = (interval[0], interval[1]), float(np.mean(reaches))
    return report
