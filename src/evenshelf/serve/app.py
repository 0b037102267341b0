"""The application: endpoints, what stands around them, and what they are answered with."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.concurrency import run_in_threadpool

from evenshelf.serve import problems
from evenshelf.serve.guard import Guard
from evenshelf.serve.routes import classify, events, experiments, items, persons, recommend, search, state, storefront
from evenshelf.serve.settings import Settings
from evenshelf.serve.shelf import Shelf

VARIABLE = "EVENSHELF_SERVE"
"""Holds the settings as JSON, for workers that a server starts."""
ABOUT = """Search, recommendations and labels of a shop, and the events from which they learn.

Requests need a key: `Authorization: Bearer evs_…`, made by `evenshelf keys make SHOP NAME`. Every refusal has the
same shape: a `code` that stays, what is wrong, all faults at once, and the id under which the log has it.
"""
_REFUSALS = {
    status: {"model": problems.Answer, "description": said}
    for status, said in {
        401: "no key, or one that is not valid",
        403: "the key may not do this",
        404: "there is no such thing",
        408: "the body did not come in time",
        413: "too many bytes",
        422: "the request cannot be used",
        429: "too many requests: wait as long as Retry-After says",
        503: "not now: wait as long as Retry-After says",
    }.items()
}


def create_app(settings: Settings) -> FastAPI:
    """An application for a shop; what it has open is opened when the server starts it.

    Raises
    ------
    EvenshelfError
        If the shop, its database or its index cannot be opened.
    """
    shelf = Shelf(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await run_in_threadpool(shelf.close)

    app = FastAPI(title="evenshelf", version=version("evenshelf"), description=ABOUT, lifespan=lifespan)
    app.state.shelf = shelf
    problems.install(app)
    for module in (search, recommend, classify, events, items, experiments, persons, state):
        app.include_router(module.router, responses=_REFUSALS)  # type: ignore[arg-type]
    app.include_router(state.open_router)
    app.include_router(storefront.router)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", "x-request-id"],
            expose_headers=["x-request-id", "retry-after"],
        )
    app.add_middleware(Guard, metrics=shelf.metrics, body=settings.body, slow=settings.slow)
    return app


def worker() -> FastAPI:
    """The application of a worker, with the settings of its server."""
    from evenshelf.serve.logs import set_up  # noqa: PLC0415 - only where nobody set up logs

    settings = Settings.model_validate_json(os.environ[VARIABLE])
    set_up(settings.level.upper())
    return create_app(settings)
