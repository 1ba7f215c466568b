"""What goes wrong, as an answer: the sentences of `mimica.errors` with a status, and the server's own refusals."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mimica.errors import MissingExtraError, NoFaceError, UserError

log = logging.getLogger("mimica.web")
OWN_FAULT = "This could not be rendered, which is a fault of Mimica's own; the server goes on, and its log says more."


class Refusal(Exception):
    """The server does not do this now, or not for you: `status` and a sentence."""

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.retry_after = status, retry_after


def busy(retry_after: int = 2) -> Refusal:
    """429 with Retry-After."""
    return Refusal(429, f"The server has as much to do as it takes on; try again in {retry_after} seconds.", retry_after)


def unknown(what: str) -> Refusal:
    """404, the same for what is not there and for what belongs to somebody else."""
    return Refusal(404, f"There is no such {what} (it may have been dropped to make room): send it again.")


def status_of(error: UserError) -> int:
    """422 for a photo without a usable face, 409 for what needs a package that is not installed, 400 for all other bad input."""
    return 422 if isinstance(error, NoFaceError) else 409 if isinstance(error, MissingExtraError) else 400


def answer(sentence: str, status: int, retry_after: int | None = None) -> JSONResponse:
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else None
    return JSONResponse({"error": sentence}, status, headers)


def install(app: FastAPI) -> None:
    """Every error ends as JSON: `{"error": "a sentence"}`."""

    @app.exception_handler(UserError)
    async def _user(request: Request, error: UserError) -> JSONResponse:
        return answer(str(error), status_of(error))

    @app.exception_handler(Refusal)
    async def _refused(request: Request, error: Refusal) -> JSONResponse:
        return answer(str(error), error.status, error.retry_after)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        sentence = "There is nothing at this address." if error.status_code == 404 else f"{error.detail}."
        return answer(sentence, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        return answer(f"The request's '{where or 'body'}' is not as documented: {first['msg'][:200]} (see /api/docs).", 422)

    @app.exception_handler(Exception)
    async def _fault(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(OWN_FAULT, 500)
