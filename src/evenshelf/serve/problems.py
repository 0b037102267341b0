"""Errors as clients see them: one shape, a code that stays, all faults at once, and nothing of what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from evenshelf.errors import EvenshelfError
from evenshelf.serve.events.writer import Busy, Unusable, Unwritten
from evenshelf.serve.logs import REQUEST
from evenshelf.shop.locking import LockedError

_CODES = {401: "no_key", 403: "key_may_not", 404: "not_found", 405: "wrong_method", 408: "too_slow", 413: "too_large"}
_CODES |= {422: "invalid", 429: "too_many_requests", 500: "failed", 503: "unavailable"}

_TAGS = ("one", "several")
"""Of alternatives, which senders do not see."""


class Fault(BaseModel):
    """One thing that is wrong, and where: ``body.events.3.price``."""

    where: str
    message: str


class Problem(BaseModel):
    """Why a request was refused.

    Attributes
    ----------
    code
        Stays the same from version to version.
    request
        Id by which the log of the service knows the request.
    """

    code: str
    message: str
    hint: str | None = None
    faults: list[Fault] = []
    request: str | None = None


class Answer(BaseModel):
    """The body of every refusal."""

    error: Problem


def problem(
    status: int,
    message: str,
    *,
    hint: str | None = None,
    faults: Sequence[Fault] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """A refusal."""
    told = Problem(code=_CODES.get(status, "refused"), message=message, hint=hint, faults=list(faults))
    told.request = REQUEST.get()
    return JSONResponse({"error": told.model_dump(exclude_none=True)}, status, headers)


def later(status: int, message: str, seconds: int) -> JSONResponse:
    """A refusal for now."""
    return problem(status, message, headers={"Retry-After": str(seconds)})


def install(app: FastAPI) -> None:
    """Let an application answer so."""

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            Fault(where=".".join(str(part) for part in one["loc"] if part not in _TAGS), message=_said(one))
            for one in error.errors()
        ]
        many = f"{len(faults)} things are" if len(faults) > 1 else "something is"
        return problem(422, f"The request cannot be used: {many} wrong with it.", faults=faults)

    @app.exception_handler(EvenshelfError)
    async def refused(request: Request, error: EvenshelfError) -> JSONResponse:
        return problem(422, error.message, hint=error.hint)

    @app.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> JSONResponse:
        return later(503, "Too many events wait to be written; none of this request was accepted.", error.seconds)

    @app.exception_handler(Unwritten)
    async def unwritten(request: Request, error: Unwritten) -> JSONResponse:
        return later(503, "The database does not take events; none of this request was accepted.", error.seconds)

    @app.exception_handler(Unusable)
    async def unusable(request: Request, error: Unusable) -> JSONResponse:
        return problem(422, "The database cannot hold what was sent; none of this request was accepted.")

    @app.exception_handler(LockedError)
    async def locked(request: Request, error: LockedError) -> JSONResponse:
        return later(503, "Another process changes the index; nothing was changed.", 5)


def _said(fault: dict[str, Any]) -> str:
    """Without what was sent, which may be of a person."""
    return str(fault["msg"]).removeprefix("Value error, ")
