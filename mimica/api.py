"""The Python interface: `mimica.read`, `mimica.edit`, `mimica.animate`, `mimica.load_engine`.

    import mimica
    mimica.edit("photo.jpg", "happy").save("happy.jpg")
    mimica.animate("photo.jpg", "surprised", blinks=True).save("surprised.mp4")

Photos are files, bytes, open files, Pillow's pictures or uint8 arrays (H, W, 3) RGB or (H, W, 4) RGBA. Bad input raises a
class of `mimica.errors` before the network's weights are loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from mimica import __version__
from mimica.animation import (
    Patch,
    Prepared,
    edited,
    fitted_size,
    frames,
    head_warnings,
    own_controls,
    render_patch,
    resized,
    track_warnings,
)
from mimica.engines.base import Engine, load_engine
from mimica.engines.layers.wear import asked_of
from mimica.errors import ValueRangeError
from mimica.face.detect import get_detector
from mimica.film.photos import life_tracks, loading, seen
from mimica.film.wish import Detector, Like, Parts, only_of, wish
from mimica.film.worn import dressed_further, prepare_dressed
from mimica.marks.marking import Marks, default_marks, file_of
from mimica.motion import timeline
from mimica.motion.expression import PHOTO, checked, parse_attributes, wanted
from mimica.motion.files import Motion
from mimica.motion.plan import DEFAULT_SECONDS, plan
from mimica.motion.track import Track
from mimica.pictures.images import PhotoSource, on_white, read_photo
from mimica.reader.face_choice import Which, parse_which
from mimica.reader.read import FaceReading, find_faces
from mimica.sheets import masks_of

__all__ = ["Animation", "EditResult", "animate", "edit", "load_engine", "read"]

PhotoLike = PhotoSource
TAG = f"edited by Mimica {__version__}"
"""Written into every result unless it is turned off, so that an edited face can be told from a genuine one."""

DEFAULT_SIZE, MAX_SIZE = 1080, 8192
"""Longer side of an animation, pixels."""
DEFAULT_FPS, MIN_FPS, MAX_FPS = 25.0, 0.002, 120.0
BLINKING_SECONDS, ALIVE_SECONDS = 4.0, 8.0
"""Length of an animation that does nothing but blink, and of one that is only alive."""


@dataclass(frozen=True)
class EditResult:
    """An edited photo.

    image     uint8 (H, W, 3) RGB, the whole photo, made when it is first asked for
    patch     the part of it that is not the photo's
    alpha     uint8 (H, W), the photo's own, or None
    readings  what the photo showed: one for each edited face
    masks     uint8 picture: input, attention, colour, flow, output of each edited face; None unless asked for
    warnings  sentences about faces that can be edited, but not well
    prepared  the photo as it was, its faces encoded; with `controls` what makes it possible to edit further from the photo
    controls  the values that each edited face shows now, by name
    source    the photo's file, which C2PA manifests name; None for an array
    """

    patch: Patch
    alpha: np.ndarray | None
    masks: np.ndarray | None
    warnings: tuple[str, ...]
    prepared: Prepared
    controls: tuple[Mapping[str, float], ...]
    source: Path | None = None

    @cached_property
    def image(self) -> np.ndarray:
        return self.patch.over(self.prepared.photo)

    @property
    def readings(self) -> tuple[FaceReading, ...]:
        return tuple(face.reading for face in self.prepared.faces)

    def save(self, path: str | Path, *, tag: bool = True, marks: Marks | None = None) -> None:
        """Writes the photo in the format of the suffix, with alpha where the format has it, and `marks`: unless said, the
        tag "edited by Mimica" and what the settings add to it; none if `tag` is False. Raises `ImageError`."""
        marks = marks or default_marks(TAG, self.source, tag)
        if "image" in self.__dict__:  # it has been asked for, and may have been drawn on
            marks.save_image(path, self.image, self.alpha)
        else:
            over = self.patch.x, self.patch.y, self.patch.pixels
            marks.save_image(path, self.prepared.photo, self.alpha, over=over)


@dataclass(frozen=True)
class Animation:
    """Frames made one at a time, each when it is asked for; may be gone through again.

    fps, size  frames a second; (width, height) in pixels
    loop       gif and webp start again at their end
    readings   what the photo showed: one for each moving face
    tracks     the absolute control curves of each moving face
    warnings   as in `EditResult`
    doses      of attributes, at their fullest; they swell and fall over the length
    alpha      uint8 (H, W), the photo's transparency, the same in all frames; None where it has none
    source     as in `EditResult`
    """

    prepared: Prepared
    tracks: tuple[Track, ...]
    fps: float
    loop: bool
    warnings: tuple[str, ...]
    doses: Mapping[str, float] = field(default_factory=dict)
    alpha: np.ndarray | None = None
    source: Path | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.prepared.photo.shape[1], self.prepared.photo.shape[0]

    @property
    def readings(self) -> tuple[FaceReading, ...]:
        return tuple(face.reading for face in self.prepared.faces)

    def __len__(self) -> int:
        return max(track.frame_count(self.fps) for track in self.tracks)

    def __iter__(self) -> Iterator[np.ndarray]:
        """The frames, uint8 (H, W, 3) RGB; of a transparent photo, as seen on white paper."""
        for frame in self._frames():
            yield frame if self.alpha is None else on_white(frame, self.alpha)

    def _frames(self) -> Iterator[np.ndarray]:
        """The frames, without regard to `alpha`."""
        seconds = max(track.seconds for track in self.tracks)

        def doses(time: float) -> dict[str, float]:
            part = timeline.swell(time, seconds) if self.doses else 0.0
            return {name: part * dose for name, dose in self.doses.items()}

        return frames(self.prepared, self.tracks, self.fps, doses)

    def warnings_for(self, path: str | Path) -> list[str]:
        """What the format of `path` will not keep."""
        from mimica.video.writer import lost_transparency

        return [] if self.alpha is None else lost_transparency(path)

    def save(
        self,
        path: str | Path,
        *,
        tag: bool = True,
        marks: Marks | None = None,
        progress: Callable[[], None] | None = None,
        audio_from: str | Path | None = None,
    ) -> None:
        """Writes mp4, webm, gif or webp by the suffix, or PNGs into a new folder where there is none; all but mp4 keep
        transparency, which mp4 shows on white. `progress` is called after each frame; `audio_from` is a video whose sound is
        copied (mp4 and webm); `tag` and `marks` as in `EditResult.save`. Raises `VideoError`."""
        marks = marks or default_marks(TAG, self.source, tag)
        with marks.video(path, self.fps, self.size, loop=self.loop, audio_from=audio_from, alpha=self.alpha) as write:
            for frame in self._frames():
                write(frame)
                if progress is not None:
                    progress()


def read(photo: PhotoLike, *, detector: str = "dlib", model: str | Path | None = None) -> list[FaceReading]:
    """The faces of a photo in reading order: box, landmarks, pose, Action Units, emotion. `detector` and `model` as in
    `edit`. Raises `ImageError`, `NoFaceError`."""
    find = get_detector(detector, model)
    return find_faces(read_photo(photo).rgb, detector=find)


def edit(
    photo: PhotoLike | EditResult,
    expression: str | Mapping[str, float] | None = None,
    *,
    au: str | Mapping[str | int, float] | None = None,
    pose: str | Mapping[str, float] | None = None,
    gaze: str | Mapping[str, float] | None = None,
    look: str | None = None,
    attributes: str | Mapping[str, float] | None = None,
    intensity: float = 1.0,
    like: PhotoLike | None = None,
    ratio: float = 1.0,
    driver_face: int | str | None = None,
    parts: Parts = None,
    face: int | str | None = None,
    engine: str | Engine = "ganimation",
    weights: str | Path | None = None,
    detector: str = "dlib",
    model: str | Path | None = None,
    masks: bool = False,
    enhance: bool = False,
) -> EditResult:
    """The photo with another expression, at its full resolution.

    photo       a file, bytes, an open file, Pillow's picture, an array, or an earlier result: its faces are edited further, but
                from the photo's pixels, so that edits stack without decay; what is not asked for stays as edited, engine too
    expression  `"happy"`, `"happy:0.6+surprised:0.4"`, `"@face.json"` or {emotion: weight}; sets all Action Units
    au          `"12=0.8,6+=0.2"` or {Action Unit: value in [0, 1]}; without `expression` the others stay as in the photo
    pose, gaze  `"yaw=12,pitch=-5,roll=3"`, `"x=10,y=-4"`, or mappings: degrees away from the photo; + is right in the picture,
                down, clockwise; at the limits it stops, with a warning. look: "camera", head to the front, eyes to the camera
    attributes  `"glasses=1:round,gold,age=-1"`, {`"glasses:round,gold"`: 1}: drawn (`mimica.face.attributes`), or the engine's
    intensity   0: the photo, bit for bit; 1: the expression; up to 1.5: beyond it. masks: make `EditResult.masks`
    like        another photo: `ratio` of its expression (`mimica.motion.likeness`), of its face `driver_face`
    parts       `"brows,mouth"`: what may change, of `mimica.engines.controls.GROUPS`; None: all, but of `like` no pose or gaze
    face        number from 1 in reading order, "largest", "all"; None: the largest
    engine      a name, or what `load_engine` gave (to load the weights once for many photos)
    weights     a file for the engine named; None: the shipped ones. detector: "dlib", or "mediapipe" with its `model` file
    enhance     restore small and blurred faces (`mimica.face.restore`): invents detail, may enlarge; may be all that is asked for

    Raises `ValueRangeError`, `ImageError`, `NoFaceError`, `WeightsError`.
    """
    given = parse_attributes(attributes)
    which, find = parse_which(face), get_detector(detector, model)
    example = None if like is None else Like(like, driver_face, ratio)
    target = wish(expression, au, intensity, pose, gaze, look, like=example, parts=parts, find=find)
    target = target or (PHOTO if given or enhance else wanted())
    (prepared, doses), alpha, warnings, shown, source = _begun(photo, which, find, engine, weights, given, intensity, enhance)
    values = tuple(edited(f.reading, c, target) | doses for f, c in zip(prepared.faces, shown, strict=True))
    picture, warnings = masks_of(prepared, values) if masks else None, (*warnings, *head_warnings(prepared, values))
    return EditResult(render_patch(prepared, values), alpha, picture, warnings, prepared, values, source)


def _begun(
    photo: PhotoLike | EditResult,
    which: Which,
    find: Detector,
    engine: str | Engine,
    weights: str | Path | None,
    given: Mapping[str, float],
    intensity: float,
    enhance: bool,
) -> tuple[tuple[Prepared, dict[str, float]], np.ndarray | None, tuple[str, ...], tuple[Mapping[str, float], ...], Path | None]:
    """`prepared` and the doses of the engine's own attributes, `alpha`, `warnings`, `controls`, `source` of a result in which
    nothing moves yet, or of an earlier one; what is `given` of attributes that are drawn is put on."""
    if isinstance(photo, EditResult):
        if which is not None or enhance:
            raise ValueRangeError("An earlier result has its faces already; give its `image` to choose or enhance others.")
        again = dressed_further(photo.prepared, given, intensity)
        return again, photo.alpha, photo.warnings, photo.controls, photo.source
    with loading(lambda: _loaded(engine, weights)) as coming:
        opened, readings, bystanders, warnings = seen(photo, which, find, enhance)
    doses, worn = asked_of(loaded := coming.result(), given, intensity)
    prepared = prepare_dressed(opened.rgb, readings, loaded, bystanders, worn, enhance=enhance)
    return (prepared, doses), opened.alpha, warnings, tuple(own_controls(reading) for reading in readings), file_of(photo)


def animate(
    photo: PhotoLike,
    expression: str | Mapping[str, float] | None = None,
    *,
    au: str | Mapping[str | int, float] | None = None,
    pose: str | Mapping[str, float] | None = None,
    gaze: str | Mapping[str, float] | None = None,
    look: str | None = None,
    attributes: str | Mapping[str, float] | None = None,
    intensity: float = 1.0,
    sequence: str | None = None,
    track: Track | Motion | None = None,
    seconds: float | None = None,
    loop: bool = False,
    blinks: bool = False,
    alive: bool = False,
    seed: int = 0,
    parts: Parts = None,
    fps: float = DEFAULT_FPS,
    size: int = DEFAULT_SIZE,
    face: int | str | None = None,
    engine: str | Engine = "ganimation",
    weights: str | Path | None = None,
    detector: str = "dlib",
    model: str | Path | None = None,
    enhance: bool = False,
) -> Animation:
    """A video of the photo: to `expression` (with `au`, `pose`, `gaze` ... as in `edit`) and back, or through a `sequence`, as in
    `"happy@0, surprised:0.8@1.5-2, photo@3"`, or along a `track`, perhaps a function of what the face shows (`read_motion`).

    attributes  as in `edit`, in every frame; an engine's own swell and fall over the length; may be all that is asked for
    seconds  length; None: 2.5, or what the sequence says; a track has its own. loop: it ends as it begins
    blinks, alive  beside the rest or alone, by `seed`: natural blinks; head and eyes move as well (see `mimica.motion.alive`)
    fps, size  frames a second, up to 120; longer side, pixels: a larger photo is made smaller. parts, enhance: as in `edit`

    Raises `ValueRangeError`, `ImageError`, `NoFaceError`, `WeightsError`.
    """
    given, find, only = parse_attributes(attributes), get_detector(detector, model), only_of(parts)
    idle = ALIVE_SECONDS if alive else DEFAULT_SECONDS if given else BLINKING_SECONDS if blinks else None
    _check_course(fps, size, seed)
    motion = plan(wish(expression, au, intensity, pose, gaze, look), intensity, sequence, track, seconds, loop, idle, only=only)
    with loading(lambda: _loaded(engine, weights)) as coming:
        opened, readings, bystanders, warnings = seen(photo, parse_which(face), find, enhance)
    fitted, count = fitted_size(opened.rgb.shape, size), len(readings)
    small, everyone = resized(opened.rgb, [*readings, *bystanders], fitted)
    alpha = None if opened.alpha is None else np.asarray(cv2.resize(opened.alpha, fitted, interpolation=cv2.INTER_AREA))
    doses, worn = asked_of(loaded := coming.result(), given, intensity)
    prepared = prepare_dressed(small, everyone[:count], loaded, everyone[count:], worn, enhance=enhance)
    tracks = life_tracks(everyone[:count], motion, np.random.default_rng(seed) if blinks or alive else None, alive)
    return Animation(prepared, tracks, fps, loop, warnings + track_warnings(prepared, tracks), doses, alpha, file_of(photo))


def _check_course(fps: float, size: int, seed: int) -> None:
    for value, what, low, high in ((fps, "frame rate", MIN_FPS, MAX_FPS), (size, "size", 64, MAX_SIZE), (seed, "seed", 0, 2**64)):
        checked(value, f"the {what}", low, high)


def prepare_face(
    photo: PhotoLike,
    *,
    eye_distance: float = math.inf,
    size: int = MAX_SIZE,
    face: int | str | None = None,
    engine: str | Engine = "ganimation",
    weights: str | Path | None = None,
    detector: str = "dlib",
    model: str | Path | None = None,
) -> tuple[Prepared, list[str]]:
    """One face of a photo, ready to be rendered many times, and the warnings; the photo is shrunk until the eyes are at most
    `eye_distance` pixels apart and its longer side is at most `size`. The other arguments are those of `edit`."""
    which, find = parse_which(face), get_detector(detector, model)
    opened, readings, bystanders, warnings = seen(photo, which, find)
    scale = min(1.0, eye_distance / readings[0].eye_distance, size / max(opened.rgb.shape[:2]))
    target = max(1, round(opened.rgb.shape[1] * scale)), max(1, round(opened.rgb.shape[0] * scale))
    small, everyone = resized(opened.on_white, [*readings, *bystanders], target)
    return prepare_dressed(small, everyone[:1], _loaded(engine, weights), everyone[1:]), list(warnings)


def _loaded(engine: str | Engine, weights: str | Path | None) -> Engine:
    return load_engine(engine, weights) if isinstance(engine, str) else engine
