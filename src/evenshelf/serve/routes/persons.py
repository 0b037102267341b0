"""What a person may ask for: all that is kept of her, and that it is deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from evenshelf.serve.access import needs, shelf_of
from evenshelf.serve.events.entry import Name
from evenshelf.serve.keys import Scope

router = APIRouter(prefix="/v1", tags=["users"], dependencies=[Depends(needs(Scope.ADMIN))])


@router.get("/users/{user_id:path}/events", summary="All events of a user")
def export(request: Request, user_id: Annotated[Name, Path()]) -> dict[str, Any]:
    """Give all events of a user that the service has accepted, and which variants of experiments were shown."""
    shelf = shelf_of(request)
    kept = shelf.persons.kept(user_id)
    assert kept is not None
    rows = shelf.log.of_user(kept).drop("seq").to_dicts()
    events = [{k: v for k, v in row.items() if v is not None} for row in rows]
    return {"user_id": user_id, "events": events, "exposures": shelf.trials.shown_to(kept)}


@router.delete("/users/{user_id:path}/events", summary="Forget a user")
def forget(request: Request, user_id: Annotated[Name, Path()]) -> dict[str, Any]:
    """Delete all events of a user that the service has accepted, and which variants were shown.

    The tables of the shop, and bundles that were fitted on them, are not changed.
    """
    shelf = shelf_of(request)
    kept = shelf.persons.kept(user_id)
    assert kept is not None
    return {"user_id": user_id, "deleted": shelf.log.forget(kept) + shelf.trials.forget(kept)}
