"""Items: put and deleted, and found or not found by the next search."""

from __future__ import annotations

from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from evenshelf.serve.access import needs
from evenshelf.serve.events.entry import Name
from evenshelf.serve.keys import Scope
from evenshelf.serve.routes.search import engine_of

router = APIRouter(prefix="/v1", tags=["items"], dependencies=[Depends(needs(Scope.ITEMS))])


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


@router.put("/items", summary="Put items")
def put(request: Request, given: Items) -> dict[str, int]:
    """Add items to the search, or put them in the place of those with the same ids; the next search finds them.

    Other processes of the service find them a second later. Bundles know new items when they are fitted again.
    """
    rows = [item.model_dump() for item in given.items]
    try:
        frame = pl.DataFrame(rows, infer_schema_length=None, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        raise HTTPException(422, "A column has values of several types, such as a number and a text.") from None
    engine_of(request).put(frame)
    return {"put": len(rows)}


@router.delete("/items/{item_id:path}", summary="Delete an item")
def delete(request: Request, item_id: Annotated[Name, Path()]) -> dict[str, Any]:
    """Take an item out of the search; the next search does not find it."""
    engine = engine_of(request)
    if item_id not in engine:
        raise HTTPException(404, "There is no such item.")
    engine.delete([item_id])
    return {"deleted": item_id}
