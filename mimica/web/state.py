"""What the routes share: the server's parts, and who calls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import Request, Response
from starlette.requests import HTTPConnection

from mimica.engines.base import REGISTRY
from mimica.interactive.desk import Desk, lay_out
from mimica.pictures.images import read_photo
from mimica.web.jobs import Jobs
from mimica.web.scratch import Scratch
from mimica.web.sessions import COOKIE, Session, Sessions
from mimica.web.settings import Settings
from mimica.web.workers import Workers

EXAMPLE = Path(__file__).parent / "static" / "example.jpg"


@dataclass(frozen=True)
class State:
    """The server's parts."""

    settings: Settings
    workers: Workers
    sessions: Sessions
    jobs: Jobs
    scratch: Scratch
    engine_names: tuple[str, ...] = tuple(REGISTRY)

    @staticmethod
    def made(settings: Settings) -> State:
        workers, scratch = Workers(settings), Scratch()
        return State(settings, workers, Sessions(settings), Jobs(settings, workers.videos, scratch.path), scratch)

    @staticmethod
    def of(connection: HTTPConnection) -> State:
        state: State = connection.app.state.mimica
        return state

    def example(self) -> Desk:
        """The photo that comes with Mimica, or that of `mimica live --page`, read once."""
        return _example(self.settings.photo or EXAMPLE)

    def session_key(self, connection: HTTPConnection) -> str:
        return connection.cookies.get(COOKIE, "")

    def close(self) -> None:
        self.jobs.close()
        self.workers.close()
        self.scratch.close()


@lru_cache(maxsize=1)
def _example(path: Path) -> Desk:
    return lay_out(read_photo(path))


def program(request: Request) -> tuple[State, str, str]:
    """For requests that need no session: the server's parts, the session's key if the caller has one, and whom to count the
    request for: the session, or the address it comes from."""
    state = State.of(request)
    session = state.sessions.known(state.session_key(request))
    address = request.client.host if request.client else ""
    return state, session.key if session else "", session.key if session else f"from {address}"


def caller(request: Request, response: Response) -> tuple[State, Session]:
    """The server's parts and the caller's session; a new one gets its cookie by `response`."""
    state = State.of(request)
    return state, state.sessions.of(request, response)
