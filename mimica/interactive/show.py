"""The loop of `mimica live`: frames of a camera in, the photo as it moves out, and how long that took."""

from __future__ import annotations

import contextlib
import statistics
import time as clock
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mimica import api
from mimica.engines.controls import parse_parts
from mimica.errors import MissingExtraError, VideoError
from mimica.interactive.live import Puppet, Step
from mimica.marks.marking import default_marks
from mimica.marks.visible import labelled
from mimica.motion.expression import checked
from mimica.reader.follow import Finder
from mimica.video.camera import camera_frames, film_frames
from mimica.video.writer import VideoWriter

LAW = (
    "without the mark you must tell those who watch, in another clear way and from the first frame on, that the picture is made "
    "by a machine (in the European Union: Regulation 2024/1689, article 50)."
)
CALIBRATE_SECONDS = 3.0
"""Time to sit still in, with --calibrate, before rest is taken."""


@dataclass(frozen=True)
class Timing:
    """Of one showing: frames, those in which a face was seen, the median and the 95th percentile of the milliseconds from a frame
    read to its picture sent, and frames a second."""

    frames: int
    seen: int
    median_ms: float
    slow_ms: float
    rate: float

    def sentence(self) -> str:
        return (
            f"{self.frames} frames, a face in {self.seen}; from frame read to picture sent {self.median_ms:.0f} ms in the "
            f"median, {self.slow_ms:.0f} ms at worst in 19 of 20; {self.rate:.1f} frames a second."
        )


@dataclass(frozen=True)
class Live:
    """How a photo is moved and shown.

    gain       how strongly changes are shown, 0.05 to 3
    parts      what is moved, of `mimica.engines.controls.GROUPS`, parted by commas; None: all
    calibrate  rest is taken after `CALIBRATE_SECONDS`, not from the first second
    mark       "AI MODIFIED" in the corner
    fps        of the virtual camera or the file, 1 to 60
    size       longer side, pixels
    """

    gain: float = 1.0
    parts: str | None = None
    calibrate: bool = False
    mark: bool = True
    fps: float = 25.0
    size: int = 512

    def check(self, output: Path | None) -> None:
        """Refuses, before any work, what cannot be done. Raises `ValueRangeError`, `VideoError`."""
        checked(self.gain, "--gain", 0.05, 3.0)
        checked(self.fps, "--fps", 1.0, 60.0)
        checked(self.size, "--size", 64, 2160)
        parse_parts(self.parts)
        if output is not None:
            VideoWriter(output, self.fps, (2, 2))

    def run(
        self,
        photo: Path,
        *,
        film: Path | None = None,
        camera: int = 0,
        output: Path | None = None,
        detector: str = "dlib",
        model: str | Path | None = None,
        tell: Callable[[str], None] = lambda words: None,
        **source: Any,
    ) -> Timing:
        """Until the frames of the camera (or the film) end or somebody interrupts; what is shown goes to a virtual camera, or to
        the video `output`. `source` are `face`, `engine`, `weights` of `mimica.edit`. Raises `UserError`."""
        self.check(output)
        prepared, warnings = api.prepare_face(photo, size=self.size, detector=detector, model=model, **source)
        for sentence in warnings:
            tell(f"Warning: {sentence}")
        parts = None if self.parts is None else parse_parts(self.parts)
        puppet = Puppet(prepared, Finder(detector, str(model) if model else None), gain=self.gain, parts=parts)
        frames = camera_frames(camera) if film is None else film_frames(film, paced=output is None)
        size = prepared.photo.shape[1], prepared.photo.shape[0]
        with contextlib.ExitStack() as stack:
            if output is None:
                send = stack.enter_context(virtual_camera(size, self.fps)).send
            else:
                marks = replace(default_marks(api.TAG, photo, True), visible=False)  # the mark is drawn already, if it is wanted
                send = stack.enter_context(marks.video(output, self.fps, size, loop=False))
            return self.show(frames, puppet, send, tell)

    def show(
        self,
        frames: Iterable[tuple[float, np.ndarray]],
        puppet: Puppet,
        send: Callable[[np.ndarray], None],
        tell: Callable[[str], None] = lambda words: None,
    ) -> Timing:
        """The loop itself. Raises `VideoError` for a source without frames."""
        taken: list[float] = []
        seen, start, waiting = 0, clock.perf_counter(), self.calibrate
        first: float | None = None
        if waiting:
            tell("Look into the camera, at rest, until the photo moves.")
        try:
            for time, rgb in frames:
                began = clock.perf_counter()
                first = time if first is None else first
                if waiting and time - first >= CALIBRATE_SECONDS:
                    puppet.calibrate()
                    waiting = False
                step = puppet.step(rgb, time)
                send(self._pictured(puppet, step, waiting))
                taken.append(1e3 * (clock.perf_counter() - began))
                seen += step.seen
        except KeyboardInterrupt:
            tell("Ended.")
        if not taken:
            raise VideoError("The source gave no frame.")
        slow = float(np.percentile(taken, 95))
        return Timing(len(taken), seen, statistics.median(taken), slow, len(taken) / (clock.perf_counter() - start))

    def _pictured(self, puppet: Puppet, step: Step, still: bool) -> np.ndarray:
        image = puppet.prepared.photo if still else step.image
        return labelled(image) if self.mark else image


def virtual_camera(size: tuple[int, int], fps: float) -> Any:
    """A camera that other programs see, of (width, height): a context with `send`. Raises `MissingExtraError` without
    pyvirtualcam, `VideoError` where the system has no virtual camera."""
    try:
        import pyvirtualcam
    except ModuleNotFoundError as error:
        raise MissingExtraError("A virtual camera needs the package 'pyvirtualcam': pip install 'mimica[live]'.") from error
    try:
        return pyvirtualcam.Camera(width=size[0], height=size[1], fps=fps)
    except RuntimeError as error:
        raise VideoError(
            "There is no virtual camera on this system: on Linux load one with `sudo modprobe v4l2loopback`, on Windows and "
            "macOS install OBS; or take --page, or --output FILE."
        ) from error
