"""`mimica bench --profile`: where the milliseconds of a frame go.

Frames are rendered one after another, each as `mimica bench --only frame` asks for them alone, and encoded as a video; the
functions of `STAGES` are watched meanwhile. What one of them spends inside another counts for the inner one only. Times are the
processor's, not the clock's, so that a busy machine hardly disturbs them, and two threads count twice; OpenCV gets no threads.
"""

from __future__ import annotations

import importlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from mimica.animation import Prepared, render_frame
from mimica.video.writer import VideoWriter

_FAST = "mimica.engines.ganimation.fast"
STAGES: dict[str, tuple[str, ...]] = {
    "rig": (f"{_FAST}.rig:Rig.move", f"{_FAST}.rig:Rig.gain"),
    "raster": ("mimica.face.raster:rasterise", "mimica.face.raster:Coverage.interpolate"),
    "field": (f"{_FAST}.warp:Warper.field",),
    "painters, input": (f"{_FAST}.edit:draw_mouth", f"{_FAST}.edit:patch_inputs"),
    "painters, networks": (f"{_FAST}.painter:Painter.outputs",),
    "painters, output": (f"{_FAST}.edit:composed", f"{_FAST}.canvas:Canvas.paint"),
    "remap": (f"{_FAST}.canvas:Canvas.__init__",),
    "composition": (f"{_FAST}.canvas:Canvas.smooth_steps", f"{_FAST}.canvas:Canvas.finished"),
    "paste": ("mimica.face.align:paste_into", "mimica.animation:Patch.over"),
    "encoding": ("mimica.video.writer:VideoWriter.write",),
}
"""Stage -> `module:function` of what belongs to it."""
REST = "the rest"


class Stopwatch:
    """Milliseconds of the processor by stage, those of inner stages taken off; threads are watched each for itself."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = dict.fromkeys((*STAGES, REST), 0.0)
        self._thread = threading.local()

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*given: Any, **named: Any) -> Any:
            inner: list[float] = self._thread.__dict__.setdefault("inner", [])
            inner.append(0.0)
            start = time.thread_time()
            try:
                return function(*given, **named)
            finally:
                all_of_it = 1e3 * (time.thread_time() - start)
                self.spent[stage] += all_of_it - inner.pop()
                if inner:
                    inner[-1] += all_of_it

        return timed


@contextmanager
def watched(stopwatch: Stopwatch) -> Iterator[None]:
    """Within the block the functions of `STAGES` are timed."""
    replaced = []
    try:
        for stage, names in STAGES.items():
            for name in names:
                owner, attribute = _found(name)
                replaced.append((owner, attribute, getattr(owner, attribute)))
                setattr(owner, attribute, stopwatch.around(stage, getattr(owner, attribute)))
        yield
    finally:
        for owner, attribute, function in reversed(replaced):
            setattr(owner, attribute, function)


def _found(name: str) -> tuple[Any, str]:
    """`module:Class.method` -> what holds it, and its last name."""
    module, _, path = name.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, attribute = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    return owner, attribute


def milliseconds(prepared: Prepared, targets: Sequence[Mapping[str, float]], folder: Path) -> dict[str, float]:
    """The median of each stage and of all of it (`frame`), of frames with the `targets`; the first of them does not count."""
    height, width = prepared.photo.shape[:2]
    frames: list[dict[str, float]] = []
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with VideoWriter(folder / "profile.mp4", 25, (width, height)) as video:
            for target in targets:
                stopwatch = Stopwatch()
                with watched(stopwatch):
                    stopwatch.around(REST, lambda target=target: video.write(render_frame(prepared, [target])))()
                frames.append(stopwatch.spent)
    finally:
        cv2.setNumThreads(threads)
    counted = frames[1:]
    medians = {stage: statistics.median(frame[stage] for frame in counted) for stage in (*STAGES, REST)}
    return {**medians, "frame": statistics.median(sum(frame.values()) for frame in counted)}
