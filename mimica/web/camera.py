"""A camera (or a film that the page plays) moves a photo: one puppet for each page, and what it did, if that is to be kept."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from mimica.engines.controls import parse_parts
from mimica.errors import NoFaceError, ValueRangeError
from mimica.interactive.desk import PREVIEW_SIDE
from mimica.interactive.live import Puppet, Step
from mimica.interactive.uploads import as_jpeg, camera_frame
from mimica.marks.visible import labelled
from mimica.motion.expression import checked
from mimica.motion.track import Track
from mimica.reader.follow import Finder
from mimica.web.sessions import Session
from mimica.web.state import State

MAX_RECORDED = 9_000
"""Frames: six minutes at 25 a second."""
MAX_GAIN = 3.0


class Camera:
    """Takes {"type": "camera", "photo", "face", "engine", "time", "gain", "parts", "mark", "calibrate", "record"} and a JPEG."""

    def __init__(self, state: State, session: Session) -> None:
        self._state, self._session = state, session
        self._puppet: Puppet | None = None
        self._of: tuple[Any, ...] = ()
        self._last = -1.0
        self._kept: list[tuple[float, dict[str, float]]] = []

    async def answer(self, message: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """The header and the JPEG of the photo as it moves. Raises `UserError` and `Refusal`."""
        photo, face, now = str(message["photo"]), int(message.get("face", 1)), float(message["time"])
        name, parts = str(message.get("engine", "ganimation")), message.get("parts")
        gain = checked(float(message.get("gain", 1.0)), "the gain", 0.05, MAX_GAIN)
        desk, engine = self._session.desk(photo), await self._state.workers.engine(name)
        moving = None if parts is None else parse_parts([str(part) for part in parts])
        of = (photo, face, name, moving)

        def work() -> tuple[Step, bytes]:
            rgb = camera_frame(message["_payload"])
            if self._puppet is None or self._of != of:
                prepared = self._state.sessions.encoded.get(photo, desk, [face], engine, PREVIEW_SIDE)
                self._puppet, self._of = Puppet(prepared, Finder(), parts=moving), of
            if message.get("calibrate") or now <= self._last:
                self._puppet.calibrate()
            self._puppet.gain, self._last = gain, now
            step = self._puppet.step(rgb, now)
            shown = labelled(step.image) if message.get("mark", True) else step.image
            return step, as_jpeg(shown)

        start = time.perf_counter()
        step, image = await self._state.workers.preview(work)
        header = {
            "type": "camera",
            "seen": step.seen,
            "calibrated": step.calibrated,
            "read_ms": round(step.read_ms, 1),
            "render_ms": round(step.render_ms, 1),
            "work_ms": round(1e3 * (time.perf_counter() - start), 1),
            **self._record(bool(message.get("record")), step, now),
        }
        return header, image

    def _record(self, wanted: bool, step: Step, now: float) -> dict[str, Any]:
        """Keeps what the photo does as long as that is wanted; then gives the recording's name."""
        if wanted and step.values and len(self._kept) < MAX_RECORDED:
            self._kept.append((now, dict(step.values)))
        elif not wanted and self._kept:
            kept, self._kept = self._kept, []
            if len(kept) >= 2:
                return {
                    "recorded": 0,
                    "recording": self._session.record(track_of(kept)),
                    "seconds": round(kept[-1][0] - kept[0][0], 2),
                }
        return {"recorded": len(self._kept)}


def track_of(kept: list[tuple[float, dict[str, float]]]) -> Track:
    """What was recorded as a track from 0 s on. Raises `NoFaceError` for nothing."""
    if not kept:
        raise NoFaceError("Nothing was recorded: no face was seen.")
    names = tuple(kept[0][1])
    if any(tuple(values) != names for _, values in kept):
        raise ValueRangeError("The recording changed what it moves in the middle; record again.")
    times = np.array([at for at, _ in kept]) - kept[0][0]
    return Track.dense(times, names, np.array([[values[name] for name in names] for _, values in kept]))
