"""Around every request: an id, a limit of bytes and of time for its body, a line in the log, a figure."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evenshelf.serve.logs import REQUEST
from evenshelf.serve.metrics import Metrics
from evenshelf.serve.problems import problem

_log = logging.getLogger(__name__)
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_QUIET = {"/healthz", "/readyz", "/metrics"}
"""Asked every few seconds by machines, and not worth a line each."""


class _Refused(Exception):  # noqa: N818
    def __init__(self, status: int, said: str) -> None:
        self.status, self.said = status, said


class _Body:
    """What receives the body of a request, of so many bytes at most, within so many seconds."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._end = time.monotonic() + seconds
        self._size, self._whole = 0, False
        self.refused: _Refused | None = None

    def too_large(self) -> _Refused:
        return _Refused(413, f"The request has more than {self._most:,} bytes; send less at once.")

    async def receive(self) -> Message:
        if self._whole:  # what comes after the body is that the client has gone, and may take as long as it likes
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._end - time.monotonic())):
                message = await self._receive()
        except TimeoutError:
            self.refused = _Refused(408, f"The request was not there within {self._seconds:g} seconds.")
            raise self.refused from None
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > self._most:
            self.refused = self.too_large()
            raise self.refused
        return message


class Guard:
    """ASGI middleware.

    Parameters
    ----------
    body
        Bytes of a request at most.
    slow
        Seconds in which its body has to be there.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, body: int, slow: float) -> None:
        self._app, self._metrics, self._body, self._slow = app, metrics, body, slow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        name = given.decode() if _ID.fullmatch(given) else uuid.uuid4().hex
        token = REQUEST.set(name)
        began, status = time.perf_counter(), 500
        started = False
        body = _Body(receive, self._body, self._slow)

        async def sent(message: Message) -> None:
            nonlocal status, started
            if body.refused is not None and not started:
                return  # what the application makes of a body that did not come
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", name.encode())]}
            await send(message)

        try:
            length = headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > self._body:
                body.refused = body.too_large()
            else:
                try:
                    await self._app(scope, body.receive, sent)
                except _Refused:
                    pass
                except Exception:
                    _log.exception("a request failed")
                    if started:
                        raise
                    said = "Something went wrong here; the log of the service has it under the id of the request."
                    await problem(500, said)(scope, receive, sent)
            if (refused := body.refused) is not None:
                body.refused = None
                self._metrics.refused.labels("too_large" if refused.status == 413 else "too_slow").inc()
                if not started:
                    await problem(refused.status, refused.said)(scope, receive, sent)
        finally:
            self._told(scope, status, time.perf_counter() - began)
            REQUEST.reset(token)

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        endpoint = getattr(route, "path", "none")
        method = scope["method"] if endpoint != "none" else "any"
        self._metrics.requests.labels(endpoint, method, str(status)).observe(seconds)
        if endpoint in _QUIET:
            return
        state = scope.get("state", {})
        about = {"method": scope["method"], "endpoint": endpoint, "status": status, "key": state.get("key")}
        _log.info("answered", extra={**about, "milliseconds": round(1000 * seconds, 2)})
