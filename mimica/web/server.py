"""The application, and how it is run."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from mimica import __version__
from mimica.web import channel, faults, photos, rest
from mimica.web.guard import Guard
from mimica.web.settings import Settings
from mimica.web.state import State

STATIC = Path(__file__).parent / "static"
ABOUT = "Edit and animate facial expressions from one photo. Everything stays on the machine that this server runs on."


def create_app(settings: Settings | None = None) -> FastAPI:
    """The page, its WebSocket and the programming interface. What it holds is let go when the application shuts down."""
    wanted = settings or Settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.mimica = State.made(wanted)
        try:
            yield
        finally:
            app.state.mimica.close()

    app = FastAPI(
        title="Mimica", version=__version__, description=ABOUT, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/api/openapi.json",
    )  # fmt: skip
    faults.install(app)
    for part in (rest, photos, channel):
        app.include_router(part.router)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html")

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(STATIC / "api.html", media_type="text/html")

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard, settings=wanted)
    return app


def run(settings: Settings, ready: str | None = None) -> None:
    """Serves until it is told to stop. `ready` is an address that the browser is sent to once the server listens."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            ws_max_size=channel.MAX_MESSAGE,
            ws_max_queue=4,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=3,
            server_header=False,
        )
    )
    if ready is not None:
        _open_when_started(server, ready)
    server.run()


def _open_when_started(server: object, address: str) -> None:
    import threading
    import time
    import webbrowser

    def wait() -> None:
        while not getattr(server, "started", False):
            time.sleep(0.05)
        webbrowser.open(address)

    threading.Thread(target=wait, daemon=True).start()
