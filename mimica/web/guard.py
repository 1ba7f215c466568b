"""The door: which requests come in at all. An ASGI layer around the whole application.

* Host: only names that are this machine's, so that a foreign name that is made to point here (DNS rebinding) is refused.
* Origin: a page of another site may neither post nor open a WebSocket, nor load anything from here.
* Token: where the server listens on more than the machine itself, every request brings it (but for /healthz).
* Size and time of what is sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response

from mimica.web.faults import answer, busy
from mimica.web.settings import Settings

TOKEN_COOKIE = "mimica_token"
_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=()",
}
_SAFE = ("GET", "HEAD", "OPTIONS")


class _TooLarge(Exception):
    """More was sent than is allowed."""


class Guard:
    """Wraps an ASGI application."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self._arriving = 0
        self._names = {"localhost", settings.host.lower(), socket.gethostname().lower()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _deny(refusal, scope, receive, send)
        elif scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            await self._let_in(scope, headers, receive, send)

    def _refusal(self, scope: Any, headers: Headers) -> Response | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return answer(
                "The address in the request's Host header is not this server's; open it by the address it printed.", 403
            )
        origin, safe = headers.get("origin"), scope["type"] == "http" and scope["method"] in _SAFE
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        if (foreign and not (safe and origin == "null")) or (
            headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope["path"] != "/"
        ):
            return answer("Pages of other sites may not use this server.", 403)
        return self._token_refusal(scope, headers)

    def _token_refusal(self, scope: Any, headers: Headers) -> Response | None:
        token = self.settings.token
        if token is None or scope["path"] == "/healthz":
            return None
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        given = [query.get("token", ""), headers.get("authorization", "").removeprefix("Bearer ")]
        given.append(cookie_parser(headers.get("cookie", "")).get(TOKEN_COOKIE, ""))
        if not any(secrets.compare_digest(one.encode(), token.encode()) for one in given):
            return answer("This server wants its token: open the address it printed, or send 'Authorization: Bearer TOKEN'.", 401)
        if "token" in query and scope["type"] == "http" and scope["path"] == "/":
            return self._welcome(query)
        return None

    def _welcome(self, query: Mapping[str, str]) -> Response:
        """Puts the token into a cookie and takes it out of the address, where it would be seen."""
        rest = urlencode({name: value for name, value in query.items() if name != "token"})
        response = RedirectResponse("/" + (f"?{rest}" if rest else ""), 303)
        response.set_cookie(TOKEN_COOKIE, self.settings.token or "", httponly=True, samesite="strict")
        return response

    def _is_ours(self, host: str) -> bool:
        name = (urlsplit(f"//{host}").hostname or "").lower()
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self.settings.token is not None

    async def _let_in(self, scope: Any, headers: Headers, receive: Any, send: Any) -> None:
        limit = self.settings.max_upload_bytes
        length = headers.get("content-length", str(limit) if "transfer-encoding" in headers else "0")
        if not length.isdecimal() or int(length) > limit:
            await self._too_large()(scope, receive, send)
        elif int(length) and self._arriving + int(length) > self.settings.arriving_bytes:
            refusal = busy()
            await answer(str(refusal), refusal.status, refusal.retry_after)(scope, receive, send)
        else:
            self._arriving += int(length)
            try:
                await self._serve(scope, receive, send)
            finally:
                self._arriving -= int(length)

    def _too_large(self) -> Response:
        return answer(
            f"At most {self.settings.max_upload_bytes // 1_000_000} MB can be sent at once: make the file smaller.", 413
        )

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        """The application with a body that is counted and may not take for ever."""
        count, started, whole = 0, False, False
        until = time.monotonic() + self.settings.upload_seconds

        async def counted() -> Any:
            nonlocal count, whole
            message = await asyncio.wait_for(receive(), None if whole else max(0.0, until - time.monotonic()))
            count += len(message.get("body", b""))
            whole = whole or not message.get("more_body", False)
            if count > self.settings.max_upload_bytes:
                raise _TooLarge
            return message

        async def dressed(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _dress(message, scope["path"])
            await send(message)

        try:
            await self.app(scope, counted, dressed)
        except _TooLarge:
            if not started:
                await self._too_large()(scope, receive, send)
        except asyncio.TimeoutError:
            if not started:
                await answer("The request took too long to arrive; send it again.", 408)(scope, receive, send)


def _dress(message: Any, path: str) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    if path.startswith("/api") and path != "/api/docs":
        headers["Cache-Control"] = "no-store"
    else:
        headers.setdefault("Cache-Control", "no-cache")


async def _deny(response: Response, scope: Any, receive: Any, send: Any) -> None:
    """Also for a WebSocket, whose handshake gets the status."""
    await response(scope, receive, send)
