"""`mimica.edit_video`: a film in, the same film with other expressions out.

    mimica.edit_video("film.mp4", "happy:0.6").save("smiling.mp4")

Frames stream through four stages that work beside each other (`mimica.film.threads`): read and steadied, encoded, rendered,
written; how long the film is does not matter for memory.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from mimica.animation import LOOK_AHEAD
from mimica.api import TAG
from mimica.engines.base import Engine, load_engine
from mimica.engines.layers.wear import asked_of
from mimica.errors import NoFaceError, ValueRangeError
from mimica.face.attributes import Wish
from mimica.face.detect import get_detector
from mimica.film.aims import Aim, ExpressionAim, MotionAim
from mimica.film.compose import Composer, Job
from mimica.film.report import Report
from mimica.film.threads import ahead, spread
from mimica.film.watch import Frame, seen, settled
from mimica.film.wish import Like, Parts, only_of, wish
from mimica.marks.marking import Marks, default_marks
from mimica.motion.expression import PHOTO, parse_attributes, wanted
from mimica.motion.files import Motion
from mimica.motion.head import cannot
from mimica.motion.track import HEAD, Track
from mimica.pictures.images import PhotoSource
from mimica.reader.face_choice import Which, parse_which
from mimica.reader.follow import Finder
from mimica.video.pace import Pace, pace_of
from mimica.video.reader import VideoReader, describe_losses, open_video


@dataclass
class FilmEdit:
    """A film whose frames are edited as they are asked for; may be gone through again.

    video     the film as it is        engine   what renders
    aim       what a face is to show, moment by moment (`mimica.film.aims`)
    doses     of the engine's own attributes      wish  what is drawn on the faces
    which     the faces that are edited
    warnings  sentences that can be said beforehand
    report    what became of the frames; whole once they have been gone through
    """

    video: VideoReader
    engine: Engine
    aim: Aim
    doses: Mapping[str, float] = field(default_factory=dict)
    which: Which = None
    detector: str = "dlib"
    model: str | Path | None = None
    warnings: tuple[str, ...] = ()
    wish: Wish = ()
    report: Report = field(default_factory=Report)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.video.size

    @cached_property
    def pace(self) -> Pace:
        """How the frames follow each other."""
        return pace_of(self.video)

    @property
    def losses(self) -> list[str]:
        """Sentences about frames that the file lacks, or has damaged; whole once the frames have been gone through."""
        return describe_losses(self.video)

    def __len__(self) -> int:
        """How many frames there will be, about; 0 where the file does not say."""
        return self.video.frame_count or 0

    def __iter__(self) -> Iterator[np.ndarray]:
        """The frames, uint8 (H, W, 3) RGB. A frame in which nothing changes is the film's, bit for bit. Raises `VideoError`; at
        the end `NoFaceError` where no frame shows a face that is meant."""
        with closing(self.steps()) as steps:
            for _, rgb in steps:
                yield rgb

    def steps(self) -> Generator[tuple[Job, np.ndarray], None, None]:
        """As iterating, each frame with what was asked of its faces."""
        finder = Finder(self.detector, str(self.model) if self.model else None, threads=1)
        self.report = Report()
        read = ahead(settled(seen(ahead(self.video), finder, self.which)))
        with closing(spread(ahead(self._encoded(read)), _rendered, LOOK_AHEAD)) as done:
            yield from done
        if self.report.edited + self.report.faded == 0:
            raise NoFaceError(_nobody(self.video.path, self.which, self.report))

    def _encoded(self, read: Generator[Frame, None, None]) -> Generator[Job, None, None]:
        """Raises `NoFaceError` at the end, where nothing moves and nothing of what is drawn could be put on."""
        composer = Composer(self.engine, self.aim, self.doses, self.wish)
        wardrobe, moved = composer.wardrobe, False
        with closing(read):
            for frame in read:
                self.report.add(frame)
                job = composer.job(frame)
                moved |= job.prepared is not None
                self.report.refusals = tuple(wardrobe.refusals)
                yield job
        if wardrobe.refusals and not wardrobe.worn and not moved:
            raise NoFaceError(
                f"In '{self.video.path}' nothing of what was asked for can be put on: {next(iter(wardrobe.refusals))}"
            )

    def save(
        self,
        path: str | Path,
        *,
        tag: bool = True,
        marks: Marks | None = None,
        progress: Callable[[], None] | None = None,
        audio_from: str | Path | bool | None = True,
    ) -> None:
        """Writes the film, in the format of the suffix, at its own pace; `progress` is called after each frame. `audio_from`:
        True, the film's own sound, where it and the format have any; a file, its sound; None or False, none. `tag` and `marks` as
        in `mimica.api.EditResult.save`. Raises `VideoError`, `UserError`; `NoFaceError`, and nothing is written, where no frame
        shows a face that is meant."""
        marks = marks or default_marks(TAG, self.video.path, tag)
        carries = Path(path).suffix.lower() in (".mp4", ".webm")
        own = self.video.path if audio_from is True and self.video.has_audio and carries else None
        sound = own if isinstance(audio_from, bool) or audio_from is None else Path(audio_from)
        written = marks.video(path, self.pace.fps, self.size, audio_from=sound, even=self.pace.even)
        with written as write, closing(self.steps()) as steps:
            for job, rgb in steps:
                write(rgb, job.frame.time)
                if progress is not None:
                    progress()


def _rendered(job: Job) -> tuple[Job, np.ndarray]:
    return job, job.rendered()


def _nobody(path: Path, which: Which, report: Report) -> str:
    if set(report.counts) <= {"lost"}:
        whom = f"a face {which}" if isinstance(which, int) else "a face"
        return f"In '{path}' no frame shows {whom}: use a film in which one is seen from the front, at least 40 pixels wide."
    reasons = ", ".join(f"{count} {why}" for why, count in report.counts.items())
    return f"In '{path}' no face can be edited in any frame ({reasons}): use a film in which one is seen from the front."


def edit_video(
    film: str | Path,
    expression: str | Mapping[str, float] | None = None,
    *,
    au: str | Mapping[str | int, float] | None = None,
    pose: str | Mapping[str, float] | None = None,
    gaze: str | Mapping[str, float] | None = None,
    look: str | None = None,
    attributes: str | Mapping[str, float] | None = None,
    intensity: float = 1.0,
    like: PhotoSource | None = None,
    ratio: float = 1.0,
    driver_face: int | str | None = None,
    track: Track | Motion | None = None,
    parts: Parts = None,
    absolute: bool = False,
    face: int | str | None = None,
    engine: str | Engine = "ganimation",
    weights: str | Path | None = None,
    detector: str = "dlib",
    model: str | Path | None = None,
) -> FilmEdit:
    """The film with other expressions, frame by frame; the arguments are those of `mimica.edit`, what they ask for is laid over
    what each frame shows (`mimica.film.aims`).

    attributes  what is drawn is put on once a shot and carried by the head (`mimica.film.wardrobe`)
    au        `"12+=0.3"` adds to what the frame shows; `"12=0.8"` is laid over it for the mouth, and holds any other unit
    track     a script, subtitles or table on the film's clock (`mimica.motion.files.read_motion`) in place of an expression
    absolute  the expression as it is, in place of what the frame shows; only blinks go on
    face      number from 1, as faces appear in each shot, "largest", "all"; None: the largest

    Raises `ValueRangeError`, `VideoError`, `WeightsError`, and for `like` `ImageError` and `NoFaceError`.
    """
    given = parse_attributes(attributes)
    which, find = parse_which(face), get_detector(detector, model)
    example = None if like is None else Like(like, driver_face, ratio)
    target = wish(expression, au, intensity, pose, gaze, look, like=example, parts=parts, find=find)
    if track is not None and target is not None:
        raise ValueRangeError("A script and an expression exclude each other: say all of it in the script, or leave it out.")
    asked = target or (PHOTO if given else None if track is not None else wanted())
    aim = ExpressionAim(asked, absolute) if asked else MotionAim(_motion(track), only_of(parts), absolute)
    video = open_video(film)
    loaded = load_engine(engine, weights) if isinstance(engine, str) else engine
    doses, worn = asked_of(loaded, given, intensity)
    return FilmEdit(video, loaded, aim, doses, which, detector, model, _warnings(video, loaded, aim), worn)


def _warnings(video: VideoReader, engine: Engine, aim: ExpressionAim | MotionAim) -> tuple[str, ...]:
    """Sentences about what cannot be had."""
    moved = aim.track.names if isinstance(aim, MotionAim) else aim.expression.head_changes(dict.fromkeys(HEAD, 0.0))
    left_out = cannot(moved, engine.name, engine.controls)
    mute = f"the sound of '{video.path}' is coded in a way that cannot be decoded here; the result has none."
    return ((left_out,) if left_out else ()) + ((mute,) if video.has_mute_audio else ())


def _motion(track: Track | Motion | None) -> Motion:
    assert track is not None
    return (lambda own: track) if isinstance(track, Track) else track
