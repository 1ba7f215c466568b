"""`mimica prepare sequences`: videos -> one table of how faces move, for the training of the predictor.

Each video is cut into shots; in each shot faces are followed and read; a face that is seen for a while makes a clip, with its
Action Units, emotion and pose in every frame. The table is the one that `mimica.motion.predictor.clips` describes. No picture
goes into it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mimica.data.inputs import list_inputs
from mimica.errors import DataError, MissingExtraError, VideoError
from mimica.facs import AU_NAMES, EMOTIONS
from mimica.files import atomic_path
from mimica.motion.predictor.clips import FILE
from mimica.motion.track import POSE
from mimica.reader.follow import Finder, Follower
from mimica.reader.read import FaceReading
from mimica.video.cuts import CutFinder
from mimica.video.reader import open_video

SHORTEST_SECONDS = 1.0
COLUMNS: tuple[str, ...] = (
    "clip", "source", "time", "detected", *POSE, *(name.lower() for name in AU_NAMES), *(f"emotion_{name}" for name in EMOTIONS),
)  # fmt: skip


@dataclass
class Report:
    """What became of the videos: `clips` and `seconds` in the table, `shots` seen, `failures` as sentences, `lost` frames by
    reason."""

    clips: int = 0
    seconds: float = 0.0
    shots: int = 0
    failures: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def complete(self) -> bool:
        """Whether every video was read to its end."""
        return not self.failures and not self.lost

    def as_object(self) -> dict[str, object]:
        """In JSON's types, by the keys that `mimica prepare --help` documents."""
        return {
            "kept": self.clips,
            "dropped": len(self.failures),
            "reasons": {"could not be read": len(self.failures), **self.lost},
            "complete": self.complete,
        }

    def __str__(self) -> str:
        lines = [f"{self.clips} clips, {self.seconds:.0f} s in all, from {self.shots} shots"]
        lines += [f"{count} {reason}" for reason, count in self.lost.items()]
        return "\n".join(lines + [f"Not read: {sentence}" for sentence in self.failures])


def prepare_sequences(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    make_finder: Callable[[], Finder] = Finder,
    progress: Callable[[str, int], None] | None = None,
) -> Report:
    """Reads videos, or folders of them, into the new folder `output`; `progress` is called with the video's name and the
    frames read of it. Raises `DataError` where nothing could be had, `UserError` for a folder that cannot be written."""
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise MissingExtraError("Sequences are written with pandas; install it by `pip install 'mimica[train]'`.") from error
    videos = [each.path for each in list_inputs(sources, recursive=True) if each.is_video]
    if not videos:
        raise DataError(f"There is no video in {', '.join(map(str, sources))}.")
    report, rows = Report(), list[list[object]]()
    finder = make_finder()
    for path in videos:
        try:
            for clip in read_clips(path, finder, report, progress):
                rows += clip
        except VideoError as error:
            report.failures.append(str(error))
    if not rows:
        raise DataError(f"No face is seen for {SHORTEST_SECONDS:g} s on end in {len(videos)} videos; nothing is written.")
    with atomic_path(output, folder=True) as temporary:
        temporary.mkdir()
        pd.DataFrame(rows, columns=list(COLUMNS)).to_parquet(temporary / FILE, index=False)
    return report


def read_clips(
    path: Path, finder: Finder, report: Report, progress: Callable[[str, int], None] | None = None
) -> Iterator[list[list[object]]]:
    """The clips of one video, each as rows of the table. A shot at a time is in memory, as numbers."""
    cuts, shot, follower = CutFinder(), 0, Follower(finder, raw=True)
    faces: dict[int, list[tuple[float, FaceReading]]] = {}
    video = open_video(path)
    for index, time, rgb in video:
        if cuts.is_cut(rgb):
            yield from _shot(path, shot, faces, report)
            shot, follower, faces = shot + 1, Follower(finder, raw=True), {}
        for face_id, reading in follower.read(rgb, time):
            faces.setdefault(face_id, []).append((time, reading))
        if progress is not None:
            progress(path.name, index + 1)
    report.lost.update(video.lost)
    yield from _shot(path, shot, faces, report)


def _shot(
    path: Path, shot: int, faces: dict[int, list[tuple[float, FaceReading]]], report: Report
) -> Iterator[list[list[object]]]:
    report.shots += 1
    for face_id, moments in faces.items():
        length = moments[-1][0] - moments[0][0]
        if length >= SHORTEST_SECONDS:
            report.clips += 1
            report.seconds += length
            clip = f"{path.stem}-{shot:03d}-{face_id}"
            yield [_row(clip, path.name, time - moments[0][0], reading) for time, reading in moments]


def _row(clip: str, source: str, time: float, reading: FaceReading) -> list[object]:
    units, pose = reading.mean_action_units, (reading.yaw, reading.pitch, reading.roll)
    emotions = [float(reading.emotions[name]) for name in EMOTIONS]
    return [clip, source, time, 1.0, *pose, *(units[name] for name in AU_NAMES), *emotions]
