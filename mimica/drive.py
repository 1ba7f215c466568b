"""`mimica drive`: a photo does what the person in a video does, and so does the person of a film. The driver is read by
`mimica.motion.driving`; a still as driver gives its expression (`mimica.motion.likeness`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mimica import api
from mimica.engines.base import load_engine
from mimica.engines.controls import GROUPS, in_parts
from mimica.engines.layers.wear import asked_of
from mimica.errors import ValueRangeError
from mimica.face.detect import get_detector
from mimica.film.aims import MOUTH, TrackAim
from mimica.film.edit import FilmEdit, edit_video
from mimica.film.wish import Like, only_of, wish
from mimica.marks.marking import Marks
from mimica.motion import timeline
from mimica.motion.curves import draw_curves
from mimica.motion.driving import NAMES, Driver, Transfer, describe_gaps, read_driver
from mimica.motion.expression import checked, parse_attributes
from mimica.motion.openface import write_track
from mimica.motion.plan import DEFAULT_SECONDS
from mimica.pictures.images import write_image
from mimica.reader.face_choice import parse_which
from mimica.reader.follow import Finder
from mimica.video.reader import open_video
from mimica.video.writer import VideoWriter

MAX_GIF_FPS = 50.0
"""A GIF counts in hundredths of a second, and browsers slow down what is faster."""
_WITH_SOUND = (".mp4", ".webm")


@dataclass(frozen=True)
class Result:
    """The video that will be, sound and all.

    warnings  about gaps in the driving video, its sound, and about the photo
    sound     the video whose sound is copied, or None
    losses    sentences about frames that the driving video lacks, or has damaged; among the warnings too
    """

    animation: api.Animation
    warnings: tuple[str, ...]
    sound: Path | None
    losses: tuple[str, ...] = ()

    def save(self, path: Path, *, marks: Marks | None = None, progress: Callable[[], None] = lambda: None) -> None:
        """Writes the video in the format of the suffix, with `marks` as in `Animation.save`; `progress` is called after each
        frame. Raises `VideoError`."""
        self.animation.save(path, marks=marks, progress=progress, audio_from=self.sound)

    def save_curves(self, path: Path) -> None:
        """Writes what the face does: by the suffix a table of OpenFace's columns (.csv), or a picture."""
        if path.suffix.lower() == ".csv":
            write_track(self.animation.tracks[0], path)
        else:
            write_image(path, draw_curves(self.animation.tracks[0]))


@dataclass(frozen=True)
class Drive:
    """How a driver's motion goes over.

    gain       how strongly the driver's changes are shown, 0.05 to 3
    pose_gain  the same for head and eyes, 0 to 3
    absolute   the driver's Action Units as they are, not their changes from neutral
    neutral    the second at which the driver's face is at rest; None: the calmest frames
    raw        values as read, not steadied over time
    audio      copy the sound, where the format has any
    fps        up to 120; None: the video's
    parts      of the face that are driven, of `mimica.engines.controls.GROUPS`; None: all, of a film all but the head
    driver_face  a number from 1, as faces appear, in reading order; None or "largest": the largest
    """

    gain: float = 1.0
    pose_gain: float = 1.0
    absolute: bool = False
    neutral: float | None = None
    raw: bool = False
    audio: bool = True
    fps: float | None = None
    parts: str | None = None
    driver_face: int | str | None = None

    def target(self, video: Path, output: Path) -> tuple[float, Path | None, tuple[str, ...]]:
        """(frames a second, the video whose sound is copied or None, warnings) of what will be written; an `output` without a
        suffix is a folder, and `-` an mp4. Refuses, before any work, what cannot be: raises `ValueRangeError`, `VideoError`."""
        checked(self.gain, "--gain", 0.05, 3.0)
        checked(self.pose_gain, "--pose-gain", 0.0, 3.0)
        driving, suffix = open_video(video), output.suffix.lower() or (".mp4" if str(output) == "-" else "")
        most = MAX_GIF_FPS if suffix == ".gif" else api.MAX_FPS
        usual = max(api.MIN_FPS, min(driving.fps, most))
        fps = checked(usual if self.fps is None else self.fps, "--fps", api.MIN_FPS, api.MAX_FPS)
        wants_sound = self.audio and suffix in _WITH_SOUND
        sound = video if wants_sound and driving.has_audio else None
        VideoWriter(output.with_suffix(suffix), fps, (2, 2), audio_from=sound)
        mute = f"the sound of '{video}' is coded in a way that cannot be decoded here; the result has none."
        return fps, sound, (mute,) if wants_sound and driving.has_mute_audio else ()

    def run(
        self,
        photo: api.PhotoLike,
        video: Path,
        output: Path,
        *,
        size: int = api.DEFAULT_SIZE,
        enhance: bool = False,
        detector: str = "dlib",
        model: str | Path | None = None,
        progress: Callable[[int, int | None], None] | None = None,
        **source: Any,
    ) -> Result:
        """Reads the video and prepares the photo; `source` are the arguments `face`, `engine`, `weights` and `attributes` of
        `mimica.animate`, `progress` is called with (frames read, frames in all or None). Raises as `target`, `mimica.animate` and
        `read_driver` do."""
        fps, sound, warnings = self.target(video, output)
        driver = self._driver(video, Finder(detector, str(model) if model else None), progress)
        motion = partial(driver.track, **self._gains(), only=only_of(self.parts))
        made = api.animate(photo, track=motion, fps=fps, size=size, enhance=enhance, detector=detector, model=model, **source)
        warnings += (*driver.losses, *describe_gaps(driver), *made.warnings)
        return Result(made, warnings, sound, driver.losses)

    def run_still(
        self,
        photo: api.PhotoLike,
        still: api.PhotoLike,
        *,
        moving: bool,
        size: int = api.DEFAULT_SIZE,
        detector: str = "dlib",
        model: str | Path | None = None,
        **source: Any,
    ) -> api.EditResult | api.Animation:
        """The photo with the expression of another one, `gain` of it: as a photo, or `moving`, there and back. Raises as
        `mimica.edit` does."""
        asked: dict[str, Any] = {"detector": detector, "model": model, **source}
        if not moving:
            return api.edit(photo, like=still, ratio=self.gain, driver_face=self.driver_face, parts=self.parts, **asked)
        example = Like(still, self.driver_face, self.gain)
        target = wish(like=example, parts=self.parts, find=get_detector(detector, model))
        assert target is not None
        motion = partial(timeline.track, timeline.pulse(target, DEFAULT_SECONDS))
        return api.animate(photo, track=motion, fps=self.fps or api.DEFAULT_FPS, size=size, **asked)

    def run_film(
        self,
        film: Path,
        video: Path,
        *,
        still: bool = False,
        face: int | str | None = None,
        engine: str | api.Engine = "ganimation",
        weights: str | Path | None = None,
        detector: str = "dlib",
        model: str | Path | None = None,
        attributes: str | Mapping[str, float] | None = None,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> tuple[FilmEdit, Path | bool]:
        """The film, whose person does what the driver does, a video or a `still`; and what `FilmEdit.save` takes as `audio_from`:
        the sound goes with the mouth. Driver and film are read first, the film for what its face shows at rest. Raises as
        `mimica.edit_video` and `read_driver` do."""
        chosen: dict[str, Any] = {"face": face, "engine": engine, "weights": weights, "detector": detector, "model": model}
        if still:
            like: dict[str, Any] = {"like": video, "ratio": self.gain, "driver_face": self.driver_face, "parts": self.parts}
            return edit_video(film, absolute=self.absolute, attributes=attributes, **like, **chosen), self.audio
        checked(self.gain, "--gain", 0.05, 3.0)
        checked(self.pose_gain, "--pose-gain", 0.0, 3.0)
        only = only_of(self.parts) or in_parts(set(GROUPS) - {"head"})
        which, finder = parse_which(face), Finder(detector, str(model) if model else None)
        if which == "all":
            raise ValueRangeError("A driver drives one face of a film: name it by its number, or 'largest', not 'all'.")
        loaded = load_engine(engine, weights) if isinstance(engine, str) else engine
        doses, worn = asked_of(loaded, parse_attributes(attributes))
        driver = self._driver(video, finder, progress)
        person = read_driver(film, finder, face=which if isinstance(which, int) else None, progress=progress)
        rest = dict(zip(NAMES, person.neutral.tolist(), strict=True)) | dict.fromkeys(("shift_x", "shift_y", "zoom"), 0.0)
        aim = TrackAim(driver.track(rest, **self._gains(), only=only), rest, only)
        driving = open_video(video)
        sound: Path | bool = video if self.audio and driving.has_audio and only & MOUTH else self.audio
        warnings = (*driver.losses, *describe_gaps(driver))
        return FilmEdit(open_video(film), loaded, aim, doses, which, detector, model, warnings, worn), sound

    def _driver(self, video: Path, finder: Finder, progress: Callable[[int, int | None], None] | None) -> Driver:
        which = parse_which(self.driver_face)
        if which == "all":
            raise ValueRangeError("A face follows one driver: name it by its number, or 'largest', not 'all'.")
        face = which if isinstance(which, int) else None
        return read_driver(video, finder, neutral=self.neutral, raw=self.raw, face=face, progress=progress)

    def _gains(self) -> dict[str, Any]:
        """For `Driver.track`."""
        transfer: Transfer = "absolute" if self.absolute else "relative"
        return {"transfer": transfer, "gain": self.gain, "pose_gain": self.pose_gain}
