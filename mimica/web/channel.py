"""The WebSocket of one page: slider moves in, pictures out.

Each kind of request has one place to wait in; a newer one takes it, and the older is dropped: what a person sees is always the
latest. One picture of a page is rendered at a time, so many pages share the processor evenly, and nothing piles up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from mimica.errors import ValueRangeError
from mimica.interactive.desk import PREVIEW_SIDE, masks, picture, portrait
from mimica.interactive.score import checked_script, curves, frame_at, performance, seconds_of
from mimica.interactive.uploads import as_jpeg, on_paper
from mimica.interactive.wire import packed, unpacked
from mimica.web.camera import Camera
from mimica.web.faults import OWN_FAULT, answer, busy
from mimica.web.photos import score_of
from mimica.web.sessions import Session
from mimica.web.shapes import Frame, ScoreAsked
from mimica.web.state import State
from mimica.web.workers import sentence_of

router = APIRouter()
log = logging.getLogger("mimica.web")
ORDER = ("camera", "preview", "play", "score", "script", "full", "masks", "portrait")
"""What is served first; of `portrait` (the small pictures on buttons) many may wait, of all others one."""
MAX_PORTRAITS = 60
PORTRAIT_SIDE, PORTRAIT_PREVIEW = 96, 256
MAX_MESSAGE = 2_000_000
Message = dict[str, Any]


@router.websocket("/ws")
async def socket(websocket: WebSocket) -> None:
    state = State.of(websocket)
    session = state.sessions.known(state.session_key(websocket))
    if session is None or websocket.query_params.get("key") != session.socket_key:
        await websocket.send_denial_response(answer("A WebSocket needs the session's cookie and its key.", 403))
        return
    if session.sockets >= state.settings.sockets_per_client or state.sessions.sockets >= state.settings.sockets:
        refusal = busy(5)
        await websocket.send_denial_response(answer(str(refusal), refusal.status, refusal.retry_after))
        return
    await websocket.accept()
    session.sockets += 1
    state.sessions.sockets += 1
    try:
        await Channel(websocket, state, session).run()
    finally:
        session.sockets -= 1
        state.sessions.sockets -= 1
        session.seen = time.monotonic()


class Channel:
    """One connection."""

    def __init__(self, websocket: WebSocket, state: State, session: Session) -> None:
        self._websocket, self._state, self._session = websocket, state, session
        self._waiting: dict[str, Message] = {}
        self._portraits: list[Message] = []
        self._woken = asyncio.Event()
        self._dropped = 0
        self._camera = Camera(state, session)
        self._score: tuple[str, Any] = ("", None)

    async def run(self) -> None:
        """Until the page is gone."""
        serving = asyncio.create_task(self._serve())
        try:
            while True:
                received = await self._websocket.receive()
                if received["type"] == "websocket.disconnect":
                    break
                self._put(received.get("text"), received.get("bytes"))
        except WebSocketDisconnect:
            pass
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    def _put(self, text: str | None, data: bytes | None) -> None:
        """Lets a message wait in its place."""
        try:
            message, payload = unpacked(data) if data is not None else (json.loads(text or ""), b"")
            kind = message["type"]
            if kind not in ORDER:
                raise ValueError("unknown type")
        except (ValueError, KeyError, TypeError, RecursionError):
            message, kind, payload = {"type": "broken"}, "script", b""
        message |= {"_payload": payload, "_at": time.perf_counter()}
        if kind == "portrait":
            self._portraits = [*self._portraits, message][-MAX_PORTRAITS:]
        else:
            self._dropped += kind in self._waiting
            self._waiting[kind] = message
        self._woken.set()

    def _next(self) -> Message | None:
        for kind in ORDER:
            if kind in self._waiting:
                return self._waiting.pop(kind)
        return self._portraits.pop(0) if self._portraits else None

    async def _serve(self) -> None:
        while True:
            message = self._next()
            if message is None:
                self._woken.clear()
                await self._woken.wait()
                continue
            try:
                await self._answer(message)
            except (WebSocketDisconnect, RuntimeError) as error:
                if "websocket" in str(error).lower() or isinstance(error, WebSocketDisconnect):
                    return  # the page went away while its picture was made
                await self._fault(message, error)
            except Exception as error:  # noqa: BLE001 (whatever happens is an answer, not the end of the connection)
                await self._fault(message, error)

    async def _fault(self, message: Message, error: Exception) -> None:
        sentence = sentence_of(error)
        if isinstance(error, ValidationError | KeyError | TypeError):
            sentence = "The message is not as the page sends it."
        if sentence is None:
            log.error("a frame failed", exc_info=error)
        reply = {"type": "error", "of": message.get("type"), "seq": message.get("seq"), "error": sentence or OWN_FAULT}
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.send_text(json.dumps(reply))

    async def _answer(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("preview", "full", "masks", "portrait"):
            await self._picture(kind, message)
        elif kind == "camera":
            header, image = await self._camera.answer(message)
            await self._send(message, header, image)
        elif kind == "score":
            await self._perform(message)
        elif kind == "play":
            await self._play(message)
        elif kind == "script":
            found = await self._state.workers.preview(checked_script, str(message["text"])[:100_000])
            await self._websocket.send_text(json.dumps({"type": "script", "seq": message.get("seq"), **found}))
        else:
            raise ValueRangeError("The message is not as the page sends it.")

    async def _picture(self, kind: str, message: Message) -> None:
        """Sliders: {"type": "preview", "photo", "faces": [{"face", "changes"}], "engine", "seq"}."""
        frame = Frame.model_validate({"faces": message["faces"], "engine": message.get("engine", "ganimation")})
        photo, faces = str(message["photo"]), [one.face for one in frame.faces]
        desk, engine = self._session.desk(photo), await self._state.workers.engine(frame.engine)
        changes = [one.changes for one in frame.faces]
        side = {"full": None, "portrait": PORTRAIT_PREVIEW}.get(kind, PREVIEW_SIDE)

        def render() -> tuple[bytes, Message]:
            prepared = self._state.sessions.encoded.get(photo, desk, faces, engine, side)
            if kind == "portrait":
                return as_jpeg(portrait(prepared, 0, changes[0], PORTRAIT_SIDE)), {}
            made = masks(prepared, changes) if kind == "masks" else picture(prepared, changes)
            shown = made if kind != "full" else on_paper(made, desk.alpha)
            return as_jpeg(shown, 92 if kind == "full" else 85), {"size": shown.shape[1::-1]}

        image, more = await self._state.workers.preview(render)
        await self._send(message, {"type": kind, "name": message.get("name"), **more}, image)

    async def _perform(self, message: Message) -> None:
        """Gets a score ready to be played: {"type": "score", "photo", "score", "seq"}; answers its curves."""
        animation = await self._animation(message)
        found = await self._state.workers.preview(curves, animation.tracks[0])
        reply = {"type": "score", "seq": message.get("seq"), "warnings": list(animation.warnings), **found}
        await self._websocket.send_text(json.dumps(reply))

    async def _animation(self, message: Message) -> Any:
        """Made once for each score."""
        words, photo = ScoreAsked.model_validate(message["score"]), str(message["photo"])
        key = json.dumps([photo, words.model_dump()], sort_keys=True)
        if self._score[0] != key:
            desk, score = self._session.desk(photo), score_of(words, self._session)
            engine, faces = await self._state.workers.engine(words.engine), words.faces or [desk.largest]
            self._score = (
                key,
                await self._state.workers.preview(
                    lambda: performance(
                        self._state.sessions.encoded.get(photo, desk, faces, engine, PREVIEW_SIDE), score, words.fps
                    )
                ),
            )
        return self._score[1]

    async def _play(self, message: Message) -> None:
        """The frame at a time: {"type": "play", "photo", "score", "time", "seq"}."""
        animation = await self._animation(message)
        at = min(max(0.0, float(message["time"])), seconds_of(animation))
        render = lambda: as_jpeg(frame_at(animation, at))  # noqa: E731
        await self._send(message, {"type": "play", "time": at}, await self._state.workers.preview(render))

    async def _send(self, message: Message, header: Message, image: bytes) -> None:
        milliseconds = round(1e3 * (time.perf_counter() - message["_at"]), 1)
        whole = {**header, "seq": message.get("seq"), "milliseconds": milliseconds, "dropped": self._dropped}
        await self._websocket.send_bytes(packed(whole, image))
