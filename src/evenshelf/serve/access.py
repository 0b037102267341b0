"""Who may ask for what: keys with scopes, and how often."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

from fastapi import HTTPException, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from evenshelf.serve.keys import Scope
from evenshelf.serve.shelf import Shelf

_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="Authorization: Bearer evs_…")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]

_HERE = {"localhost", "127.0.0.1", "::1"}


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
    request.state.admin = given is None
    if given is None:
        _check_keyless(request, shelf)
    else:
        key = shelf.keys.opened(given)
        if key is None:
            _too_often(shelf, sender)  # by address, so that guesses cannot be made as fast as the machine goes
            _refuse(shelf, "no_key", 401, "The key is not known, or not valid any more.")
        request.state.key = key.id
        request.state.admin = key.may(Scope.ADMIN)
        if not key.may(scope) or (only is not None and key.scopes != {only}):
            _refuse(
                shelf,
                "key_may_not",
                403,
                f"The key has not the scope {scope.value!r}, or more than an address may hold.",
            )
        # keys that everybody sees are counted by address as well: one visitor must not take the place of all
        sender = f"{key.id} {sender}" if scope in {Scope.READ, Scope.EVENTS} else key.id
    _too_often(shelf, sender)


def _check_keyless(request: Request, shelf: Shelf) -> None:
    """Let in who has no key where none is wanted, but no page of another site that a browser on the machine shows."""
    settings = shelf.settings
    if not settings.open and not (settings.alone and shelf.keys.none_yet()):
        _refuse(shelf, "no_key", 401, "There is no key in the request.")
    host = request.headers.get("host", "")
    if not settings.open and urlsplit(f"//{host}").hostname not in _HERE:  # a name that was made to lead here
        _refuse(shelf, "key_may_not", 403, "Without a key the service is asked as localhost alone.")
    origin = request.headers.get("origin")
    if origin is not None and origin not in settings.origins and urlsplit(origin).netloc != host:
        _refuse(shelf, "key_may_not", 403, "Pages of this origin may not ask: start the service with --origin.")


def _refuse(shelf: Shelf, why: str, status: int, said: str) -> NoReturn:
    shelf.metrics.refused.labels(why).inc()
    raise HTTPException(status, said, headers={"WWW-Authenticate": "Bearer"} if status == 401 else None)


def _too_often(shelf: Shelf, sender: str) -> None:
    wait = shelf.rate.taken(sender)
    if wait:
        shelf.metrics.refused.labels("too_many_requests").inc()
        raise HTTPException(429, "Too many requests of one sender.", headers={"Retry-After": str(wait)})
