"""Who is who: one session for each browser (a cookie) or program, with its photos, recordings and videos; nobody sees another's.

All of it is in memory, within limits; what is oldest makes room.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from fastapi import Request, Response

from mimica.interactive.desk import Desk, Encoded
from mimica.motion.track import Track
from mimica.web.faults import busy, unknown
from mimica.web.settings import Settings

COOKIE = "mimica_session"


@dataclass(eq=False)
class Session:
    """key      the cookie's value
    socket_key  what a WebSocket must bring, known to the page alone
    """

    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    socket_key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    desks: OrderedDict[str, Desk] = field(default_factory=OrderedDict)
    recordings: OrderedDict[str, Track] = field(default_factory=OrderedDict)
    seen: float = field(default_factory=time.monotonic)
    sockets: int = 0

    def desk(self, photo: str) -> Desk:
        """Raises `Refusal` (404) for a photo that is not this session's."""
        if photo not in self.desks:
            raise unknown("photo")
        self.desks.move_to_end(photo)
        return self.desks[photo]

    def recording(self, name: str) -> Track:
        if name not in self.recordings:
            raise unknown("recording")
        return self.recordings[name]

    def record(self, track: Track) -> str:
        """Keeps the last few."""
        name = secrets.token_urlsafe(12)
        self.recordings[name] = track
        while len(self.recordings) > 3:
            self.recordings.popitem(last=False)
        return name


class Sessions:
    """All of them. Used from the event loop alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.encoded = Encoded(settings.encoded_bytes)
        self._by_key: OrderedDict[str, Session] = OrderedDict()
        self.sockets = 0

    def of(self, request: Request, response: Response) -> Session:
        """The caller's; a new one is put into the response's cookie."""
        session = self.known(request.cookies.get(COOKIE, ""))
        if session is None:
            session = self._new()
            response.set_cookie(COOKIE, session.key, httponly=True, samesite="strict")
        return session

    def known(self, key: str) -> Session | None:
        session = self._by_key.get(key)
        if session is not None:
            session.seen = time.monotonic()
            self._by_key.move_to_end(key)
        return session

    def _new(self) -> Session:
        self.sweep()
        if len(self._by_key) >= self.settings.sessions:
            oldest = next((s for s in self._by_key.values() if not s.sockets), None)
            if oldest is None:
                raise busy(10)
            self._drop(oldest)
        session = Session()
        self._by_key[session.key] = session
        return session

    def sweep(self) -> None:
        """Drops who has been idle too long."""
        limit = time.monotonic() - self.settings.idle_seconds
        for session in [s for s in self._by_key.values() if s.seen < limit and not s.sockets]:
            self._drop(session)

    def _drop(self, session: Session) -> None:
        for photo in list(session.desks):
            self.remove(session, photo)
        self._by_key.pop(session.key, None)

    def add(self, session: Session, desk: Desk) -> str:
        """Keeps a photo; the oldest ones, first of this session, then of those idle longest, make room."""
        photo = secrets.token_urlsafe(16)
        session.desks[photo] = desk
        while len(session.desks) > self.settings.photos_per_client:
            self.remove(session, next(iter(session.desks)))
        for other in list(self._by_key.values()):
            while other.desks and self.photo_bytes > self.settings.photo_bytes and (other is not session or len(other.desks) > 1):
                self.remove(other, next(iter(other.desks)))
        return photo

    def remove(self, session: Session, photo: str) -> None:
        session.desks.pop(photo, None)
        self.encoded.forget(photo)

    @property
    def photo_bytes(self) -> int:
        """Of all photos held; a photo held twice (the example) counts once."""
        desks = {id(desk): desk for session in self._by_key.values() for desk in session.desks.values()}
        return sum(desk.rgb.nbytes + (0 if desk.alpha is None else desk.alpha.nbytes) for desk in desks.values())
