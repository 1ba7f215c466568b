"""The server for tests: with a stand-in engine and reader where it is the server that is tested, real ones in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bright_mouth import BrightMouth, reading
from browser_page import address, browser, clip, page  # noqa: F401  # fixtures
from web_client import HERE

pytest.importorskip("fastapi", reason="needs the extra 'web'")
from fastapi.testclient import TestClient

from mimica.interactive import desk
from mimica.web import workers
from mimica.web.server import create_app
from mimica.web.settings import Settings


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> BrightMouth:
    """In place of all engines; every picture shows one known face."""
    made = BrightMouth()
    monkeypatch.setattr(workers, "load_engine", lambda name: made)
    monkeypatch.setattr(desk, "find_faces", lambda rgb, **more: [reading()])
    return made


@pytest.fixture
def serve(engine: BrightMouth) -> Iterator[Callable[..., TestClient]]:
    """Makes clients of a server with the given settings; a second client of the same server by `app=`."""
    opened: list[TestClient] = []

    def make(app: Any = None, **settings: Any) -> TestClient:
        client = TestClient(app or create_app(Settings(**settings)), base_url=HERE, raise_server_exceptions=False)
        if app is None:
            client.__enter__()
            opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    return serve()
