"""`mimica web`: the page with sliders, and the programming interface, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mimica.errors import MissingExtraError


def web(
    host: Annotated[
        str,
        typer.Option("--host", help="The address to listen on. Any but this machine's own (127.0.0.1) needs the printed token."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port; 0 takes a free one.", min=0, max=65535)] = 8765,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", help="The token, 16 characters or more. (Default: a new one with --host.)", envvar="MIMICA_TOKEN"
        ),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Open a page with sliders, a timeline and the camera; photos stay on this machine. Needs `pip install 'mimica\\[web]'`.

    mimica web

    mimica web --host 0.0.0.0 --no-browser
    """
    with _needs_web():
        from mimica.web.address import settings_for
        from mimica.web.server import run

    settings, address = settings_for(host, port, token)
    typer.echo(f"Mimica is at {address}  (Ctrl-C ends it)")
    run(settings, address if browser else None)


def serve_page(photo: Path, **words: float | str | bool | None) -> None:
    """The page with a photo laid out and the camera's pane open; `words` are set there."""
    with _needs_web():
        from mimica.web.address import driving_page, settings_for
        from mimica.web.server import run

    settings, address = settings_for("127.0.0.1", 0, photo=photo)
    address = driving_page(address, **words)
    typer.echo(f"Mimica is at {address}  (Ctrl-C ends it)")
    run(settings, address)


@contextmanager
def _needs_web() -> Iterator[None]:
    """Imports within that need the packages of the extra `web`. Raises `MissingExtraError` where one is not installed."""
    try:
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
        import websockets  # noqa: F401

        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mimica"):
            raise
        raise MissingExtraError(f"The page needs the package '{error.name}': pip install 'mimica[web]'.") from error
