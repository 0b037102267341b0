"""Who may ask for what: keys with scopes, and how often."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, NoReturn

from fastapi import HTTPException, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from evenshelf.serve.keys import Scope
from evenshelf.serve.shelf import Shelf

_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="Authorization: Bearer evs_…")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def shelf_of(request: Request) -> Shelf:
    """What the service has open."""
    shelf: Shelf = request.app.state.shelf
    return shelf


def needs(scope: Scope) -> Callable[..., Coroutine[Any, Any, None]]:
    """What lets in who has a key with a scope, as often as the limit allows."""

    async def check(request: Request, bearer: Bearer) -> None:
        _let_in(request, scope, None if bearer is None else bearer.credentials)

    return check


def needs_also_in_address(scope: Scope) -> Callable[..., Coroutine[Any, Any, None]]:
    """As :func:`needs`, for what browsers send as a beacon: it has no headers, so the key may stand in the address."""

    async def check(
        request: Request,
        bearer: Bearer,
        key: Annotated[
            str | None, Query(description="the key, where no header can be sent; of the scope events alone")
        ] = None,
    ) -> None:
        if bearer is None and key is not None:
            _let_in(request, scope, key, only=scope)
        else:
            _let_in(request, scope, None if bearer is None else bearer.credentials)

    return check


def _let_in(request: Request, scope: Scope, given: str | None, *, only: Scope | None = None) -> None:
    shelf = shelf_of(request)
    sender = request.client.host if request.client is not None else "unknown"
    if given is not None or not shelf.settings.open:
        # Guesses are counted by address, so that they cannot be made as fast as the machine goes.
        if given is None:
            _refuse(shelf, "no_key", 401, "There is no key in the request.")
        key = shelf.keys.opened(given)
        if key is None:
            _too_often(shelf, sender)
            _refuse(shelf, "no_key", 401, "The key is not known, or not valid any more.")
        request.state.key = key.id
        if not key.may(scope) or (only is not None and key.scopes != {only}):
            _refuse(
                shelf,
                "key_may_not",
                403,
                f"The key has not the scope {scope.value!r}, or more than an address may hold.",
            )
        sender = key.id if scope is not Scope.EVENTS else f"{key.id} {sender}"
    _too_often(shelf, sender)


def _refuse(shelf: Shelf, why: str, status: int, said: str) -> NoReturn:
    shelf.metrics.refused.labels(why).inc()
    raise HTTPException(status, said, headers={"WWW-Authenticate": "Bearer"} if status == 401 else None)


def _too_often(shelf: Shelf, sender: str) -> None:
    wait = shelf.rate.taken(sender)
    if wait:
        shelf.metrics.refused.labels("too_many_requests").inc()
        raise HTTPException(429, "Too many requests of one sender.", headers={"Retry-After": str(wait)})
