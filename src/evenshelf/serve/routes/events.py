"""Events: accepted when they are on the disk, each counted once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from evenshelf.serve.access import needs_also_in_address, shelf_of
from evenshelf.serve.events.entry import Event
from evenshelf.serve.keys import Scope


class _Beacons(APIRoute):
    """Reads ``text/plain`` as JSON: a browser that leaves a page can send nothing else to another origin."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See :meth:`fastapi.routing.APIRoute.get_route_handler`."""
        usual = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.headers.get("content-type", "").startswith("text/plain"):
                others = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
                scope = {**request.scope, "headers": [*others, (b"content-type", b"application/json")]}
                request = Request(scope, request.receive)
            return await usual(request)

        return handle


router = APIRouter(
    prefix="/v1",
    tags=["events"],
    dependencies=[Depends(needs_also_in_address(Scope.EVENTS))],
    route_class=_Beacons,
)
MOST = 5_000
"""Events in a request."""


class Events(BaseModel):
    """Several events."""

    model_config = ConfigDict(extra="forbid")
    events: list[Event] = Field(min_length=1, max_length=MOST)


def _one_or_several(sent: Any) -> str:
    """Which of the two is meant, so that faults are those of it alone."""
    return "several" if isinstance(sent, Events) or (isinstance(sent, dict) and "events" in sent) else "one"


Sent = Annotated[Annotated[Event, Tag("one")] | Annotated[Events, Tag("several")], Discriminator(_one_or_several)]


class Accepted(BaseModel):
    """Events that are on the disk: new ones, and those that were there already."""

    accepted: int


@router.post("/events", summary="Send events", status_code=201)
async def send(request: Request, sent: Annotated[Sent, Body()]) -> Accepted:
    """Send one event, or up to 5,000 at once, all of which are accepted or none.

    When the answer comes they are on the disk. If it does not come, or is 503, send them again: an event is known by
    its `event_id` and counted once however often it comes.
    """
    shelf = shelf_of(request)
    entries = sent.events if isinstance(sent, Events) else [sent]
    received = datetime.now(UTC)
    rows = []
    for entry in entries:
        row = entry.row(received)
        row["user_id"], row["session_id"] = map(shelf.persons.kept, (entry.user_id, entry.session_id))
        rows.append(row)
    await asyncio.wrap_future(shelf.writer.submit(rows))
    shelf.metrics.events.inc(len(rows))
    return Accepted(accepted=len(rows))
