"""Videos in the making: one at a time, the others wait; each can be watched, cancelled and fetched by who asked for it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mimica.api import Animation
from mimica.errors import VideoError
from mimica.marks.marking import Marks
from mimica.video.suffixes import SUFFIXES
from mimica.web.faults import OWN_FAULT, Refusal, busy, unknown
from mimica.web.settings import Settings
from mimica.web.workers import sentence_of

State = Literal["waiting", "running", "done", "failed", "cancelled"]
log = logging.getLogger("mimica.web")
MEDIA = {".mp4": "video/mp4", ".webm": "video/webm", ".gif": "image/gif", ".webp": "image/webp"}


class _Cancelled(Exception):
    """Somebody changed their mind, or the time is over."""


@dataclass(eq=False)
class Job:
    """`id` names it; the `session` may see it, and who has the `key`; it counts for `client`. `done` of `total` frames are
    written."""

    session: str
    client: str
    suffix: str
    marks: Marks | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    state: State = "waiting"
    done: int = 0
    total: int = 0
    error: str | None = None
    warnings: tuple[str, ...] = ()
    result: bytes = b""
    wanted: bool = True
    started: float = 0.0

    @property
    def media(self) -> str:
        return MEDIA[self.suffix]

    def as_object(self) -> dict[str, Any]:
        left = (time.monotonic() - self.started) / self.done * (self.total - self.done) if self.done else None
        return {
            "id": self.id,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "seconds_left": None if left is None or self.state != "running" else round(left, 1),
            "error": self.error,
            "warnings": list(self.warnings),
            "format": self.suffix[1:],
            "bytes": len(self.result),
        }


class Jobs:
    """All of them. `make` and the writing run in the lane given; the rest on the event loop."""

    def __init__(self, settings: Settings, lane: Any, scratch: Path) -> None:
        self.settings, self._lane, self._scratch = settings, lane, scratch
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def start(self, session: str, client: str, make: Callable[[], Animation], suffix: str, marks: Marks | None = None) -> Job:
        """`session` is the key of the asker's session, empty where there is none. Raises `VideoError` for a format that there is
        not, `Refusal` (429) where too much waits."""
        if suffix not in SUFFIXES:
            raise VideoError(f"The format is '{suffix[1:][:20]}'; it must be one of {', '.join(s[1:] for s in SUFFIXES)}.")
        open_jobs = [job for job in self._jobs.values() if job.state in ("waiting", "running")]
        own = [job for job in open_jobs if job.client == client]
        if len(open_jobs) >= self.settings.jobs or len(own) >= self.settings.jobs_per_client:
            raise busy(15)
        job = Job(session, client, suffix, marks)
        self._jobs[job.id] = job
        asyncio.get_running_loop().run_in_executor(self._lane, self._run, job, make)
        self._make_room()
        return job

    def get(self, name: str, session_key: str, key: str) -> Job:
        """Raises `Refusal` (404) for a job that is not the caller's."""
        job = self._jobs.get(name)
        if job is not None and session_key and session_key == job.session:
            return job
        if job is None or not secrets.compare_digest(key.encode(), job.key.encode()):
            raise unknown("job")
        return job

    def result(self, job: Job) -> bytes:
        """The video. Raises `Refusal` (409) as long as there is none."""
        if job.state != "done":
            raise Refusal(409, f"The video is not ready: it is {job.state}.")
        return job.result

    def cancel(self, job: Job) -> None:
        """Ends it after the frame being made; one that is done is forgotten."""
        job.wanted, job.result = False, b""
        if job.state in ("waiting", "done"):
            job.state = "cancelled"

    def close(self) -> None:
        """Ends all of them."""
        for job in self._jobs.values():
            self.cancel(job)

    def _run(self, job: Job, make: Callable[[], Animation]) -> None:
        file = self._scratch / f"{job.id}{job.suffix}"
        if not job.wanted:
            return
        job.state, job.started = "running", time.monotonic()
        try:
            animation = make()
            job.warnings, job.total = animation.warnings, len(animation)
            animation.save(file, marks=job.marks, progress=lambda: self._advance(job))
            job.result, job.state = file.read_bytes(), "done"
        except _Cancelled:
            job.state = "failed" if job.wanted else "cancelled"
            job.error = "The video took longer than the server allows." if job.wanted else None
        except Exception as error:  # whatever happens is an answer, not the end of the server
            job.state, job.error = "failed", sentence_of(error) or OWN_FAULT
            if sentence_of(error) is None:
                log.error("a video failed", exc_info=error)
        finally:
            file.unlink(missing_ok=True)

    def _advance(self, job: Job) -> None:
        job.done += 1
        if not job.wanted or time.monotonic() - job.started > self.settings.job_seconds:
            raise _Cancelled

    def _make_room(self) -> None:
        """Forgets the oldest that are over."""
        over = [job for job in self._jobs.values() if job.state not in ("waiting", "running")]
        held = sum(len(job.result) for job in over)
        for job in over:
            if held <= self.settings.result_bytes and len(self._jobs) <= 100:
                break
            held -= len(job.result)
            del self._jobs[job.id]
