"""The loop of `mimica live`: frames of a camera in, the photo as it moves out, and how long that took."""

from __future__ import annotations

import statistics
import time as clock
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimica.errors import MissingExtraError, VideoError
from mimica.interactive.live import Puppet, Step
from mimica.interactive.mark import marked

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


def show(
    frames: Iterable[tuple[float, np.ndarray]],
    puppet: Puppet,
    send: Callable[[np.ndarray], None],
    *,
    mark: bool = True,
    calibrate: bool = False,
    tell: Callable[[str], None] = lambda words: None,
) -> Timing:
    """Until the frames end or somebody interrupts. With `calibrate` the first seconds are for sitting still. Raises `VideoError`
    for a source without frames."""
    taken: list[float] = []
    seen, start, waiting = 0, clock.perf_counter(), calibrate
    first: float | None = None
    if calibrate:
        tell("Look into the camera, at rest, until the photo moves.")
    try:
        for time, rgb in frames:
            began = clock.perf_counter()
            first = time if first is None else first
            if waiting and time - first >= CALIBRATE_SECONDS:
                puppet.calibrate()
                waiting = False
            step = puppet.step(rgb, time)
            send(_pictured(puppet, step, mark, waiting))
            taken.append(1e3 * (clock.perf_counter() - began))
            seen += step.seen
    except KeyboardInterrupt:
        tell("Ended.")
    if not taken:
        raise VideoError("The source gave no frame.")
    slow = float(np.percentile(taken, 95))
    return Timing(len(taken), seen, statistics.median(taken), slow, len(taken) / (clock.perf_counter() - start))


def _pictured(puppet: Puppet, step: Step, mark: bool, still: bool) -> np.ndarray:
    image = puppet.prepared.photo if still else step.image
    return marked(image) if mark else image


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
