"""Items: put and deleted, and found or not found by the next search."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from evenshelf.serve.access import needs
from evenshelf.serve.events.entry import Name
from evenshelf.serve.keys import Scope
from evenshelf.serve.routes.search import engine_of
from evenshelf.shop.locking import LockedError

router = APIRouter(prefix="/v1", tags=["items"], dependencies=[Depends(needs(Scope.ITEMS))])

_TRIES, _PAUSE = 10, 0.1
"""How often, and after how many seconds, a change is tried while another process makes one."""


class Item(BaseModel):
    """An item with any columns that the index has."""

    model_config = ConfigDict(extra="allow")
    item_id: Name
    title: Annotated[str, Field(min_length=1, max_length=4096)]


class Items(BaseModel):
    """Several items."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"items": [{"item_id": "new-1", "title": "Trail running shoes", "price": 89.0}]}]
        },
    )
    items: list[Item] = Field(min_length=1, max_length=1000)


def _soon(change: Callable[[], None]) -> None:
    """Make a change, once no other process makes one; 503 if that takes longer than a moment."""
    for _ in range(_TRIES):
        with contextlib.suppress(LockedError):
            change()
            return
        time.sleep(_PAUSE)
    change()


@router.put("/items", summary="Put items")
def put(request: Request, given: Items) -> dict[str, int]:
    """Add items to the search, or put them in the place of those with the same ids; the next search finds them.

    Other processes of the service find them a second later. Bundles know new items when they are fitted again.
    """
    rows = [item.model_dump() for item in given.items]
    try:
        frame = pl.DataFrame(rows, infer_schema_length=None, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        raise HTTPException(422, "A column has values of several types, or a number that is too large.") from None
    engine = engine_of(request)
    _soon(lambda: engine.put(frame, wait=False))
    return {"put": len(rows)}


@router.delete("/items/{item_id:path}", summary="Delete an item")
def delete(request: Request, item_id: Annotated[Name, Path()]) -> dict[str, Any]:
    """Take an item out of the search; the next search does not find it."""
    engine = engine_of(request)
    if item_id not in engine:
        raise HTTPException(404, "There is no such item.")
    _soon(lambda: engine.delete([item_id], wait=False))
    return {"deleted": item_id}
