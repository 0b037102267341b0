"""Whether the service lives, whether it can answer, its figures, and which bundles answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from evenshelf.serve.access import needs, shelf_of
from evenshelf.serve.keys import Scope
from evenshelf.serve.metrics import TYPE

open_router = APIRouter(tags=["state"])
router = APIRouter(prefix="/v1", tags=["state"], dependencies=[Depends(needs(Scope.ADMIN))])


@open_router.get("/healthz", summary="Whether the process lives")
async def health() -> dict[str, str]:
    """Answer as long as the process does; who does not answer is to be started again."""
    return {"status": "ok"}


@open_router.get("/readyz", summary="Whether requests can be answered")
def ready(request: Request) -> JSONResponse:
    """Say whether requests should be sent here: 503 and what does not work if not."""
    faults = shelf_of(request).faults()
    return JSONResponse({"status": "not ready" if faults else "ready", "faults": faults}, 503 if faults else 200)


@open_router.get("/metrics", summary="Figures for Prometheus")
def metrics(request: Request) -> Response:
    """Tell figures; none is of a person. Keep them from the outside where the service stands behind a proxy."""
    return Response(shelf_of(request).metrics.text(), media_type=TYPE)


@router.get("/bundles", summary="Which bundles answer")
def bundles(request: Request) -> dict[str, Any]:
    """Tell which bundles answer, since when, and which newer ones were refused."""
    live = shelf_of(request).live
    return {
        "bundles": {
            slot.value: {"digest": release.digest, "since": release.since.isoformat(), "why": release.why}
            for slot, release in live.releases.items()
        },
        "refused": dict(live.refused),
    }
