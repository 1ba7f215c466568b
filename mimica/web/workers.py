"""Work in threads, bounded: what waits is counted, what is too much is refused, what takes too long is let go.

Three lanes, so that a video that is being written does not hold up a slider: previews (one at a time a WebSocket), requests, and
videos. numpy, OpenCV and ONNX Runtime let threads run beside each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from mimica.engines.base import Engine, load_engine
from mimica.errors import UserError
from mimica.web.faults import Refusal, busy
from mimica.web.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger("mimica.web")
PREVIEW_THREADS = 2


class Workers:
    """Lanes and engines; one engine of a name for everybody."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._previews = ThreadPoolExecutor(PREVIEW_THREADS, "preview")
        self._requests = ThreadPoolExecutor(2, "request")
        self.videos = ThreadPoolExecutor(1, "video")
        self._count: Counter[str] = Counter()
        self._engines: dict[str, Engine] = {}
        self._loading = ThreadPoolExecutor(1, "engine")

    async def request(self, client: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One request's work. Raises `Refusal`: 429 where too much waits, 408 where it takes too long."""
        if self._count.total() >= self.settings.queue or self._count[client] >= self.settings.per_client:
            raise busy()
        self._count[client] += 1
        work = self._requests.submit(call, *args, **kwargs)

        def done(_: object) -> None:
            self._count[client] -= 1
            if not self._count[client]:
                del self._count[client]

        future = asyncio.wrap_future(work)
        future.add_done_callback(done)  # when the work ends, not when somebody stops waiting for it
        try:
            return await asyncio.wait_for(asyncio.shield(future), self.settings.wait_seconds + self.settings.render_seconds)
        except asyncio.TimeoutError as error:
            work.cancel()
            raise Refusal(408, "This took longer than the server allows; use a smaller photo.") from error

    async def preview(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A WebSocket's work: there are only as many at once as there are WebSockets."""
        work = asyncio.wrap_future(self._previews.submit(call, *args, **kwargs))
        return await asyncio.wait_for(asyncio.shield(work), self.settings.wait_seconds + self.settings.render_seconds)

    async def engine(self, name: str) -> Engine:
        """The engine, loaded when first asked for. Raises what `load_engine` raises."""
        if name not in self._engines:
            engine = await asyncio.wrap_future(self._loading.submit(self._load, name))
            self._engines.setdefault(name, engine)
        return self._engines[name]

    def _load(self, name: str) -> Engine:
        return self._engines[name] if name in self._engines else load_engine(name)

    def close(self) -> None:
        """What waits is dropped; the video being made ends with its frame, so that its file is gone before its folder is."""
        for lane in (self._previews, self._requests, self._loading):
            lane.shutdown(wait=False, cancel_futures=True)
        self.videos.shutdown(wait=True, cancel_futures=True)


def sentence_of(error: Exception) -> str | None:
    """What a person is told; None for a fault of ours, which goes to the log."""
    if isinstance(error, UserError | Refusal):
        return str(error)
    return "This took longer than the server allows; use a smaller photo." if isinstance(error, asyncio.TimeoutError) else None
