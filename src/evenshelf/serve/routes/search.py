"""Search: hits, what completes a query, items like an item, an order for given items."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from evenshelf.index.engine import SearchEngine
from evenshelf.serve.access import needs, shelf_of
from evenshelf.serve.events.entry import Name, Text
from evenshelf.serve.keys import Scope

router = APIRouter(prefix="/v1", tags=["search"], dependencies=[Depends(needs(Scope.READ))])
Limit = Annotated[int, Query(ge=0, le=200, description="so many hits")]


def engine_of(request: Request) -> SearchEngine:
    """The search of the shop; 503 if there is none."""
    engine = shelf_of(request).engine
    if engine is None:
        raise HTTPException(503, "The shop has no index: evenshelf index SHOP", headers={"Retry-After": "30"})
    return engine


@router.get("/search", summary="Search")
def search(  # noqa: PLR0917 - called by names
    request: Request,
    q: Annotated[Text, Query(description="what somebody typed; empty: all items", examples=["red runing shoes"])] = "",
    filters: Annotated[
        list[str] | None, Query(alias="filter", description="brand:Sony|LG, price:10..50, in_stock:true", max_length=20)
    ] = None,
    facet: Annotated[list[str] | None, Query(description="columns whose values are counted", max_length=20)] = None,
    sort: Annotated[str | None, Query(description="a column of numbers; -price: the dearest first")] = None,
    offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
    limit: Limit = 10,
    explain: Annotated[bool, Query(description="say of each hit why it is there")] = False,
) -> dict[str, Any]:
    """Search by words and by what they mean, under filters; if vectors are late, words alone answer (`late`)."""
    shelf, engine = shelf_of(request), engine_of(request)
    found = engine.search(
        q,
        filters=filters or (),
        facets=facet or (),
        sort=sort,
        offset=offset,
        limit=limit,
        explain=explain,
        patience=shelf.settings.patience,
    )
    if found.late:
        shelf.metrics.fallbacks.labels("/v1/search", "late").inc()
    return found.to_dict()


@router.get("/suggest", summary="Complete what is typed")
def suggest(
    request: Request,
    q: Annotated[Text, Query(description="what was typed up to now", examples=["sho"])],
    limit: Annotated[int, Query(ge=1, le=50)] = 8,
) -> dict[str, Any]:
    """Complete the beginning of a query by what was searched for, and by the shop's words, brands and categories."""
    return {"typed": q, "suggestions": [vars(one) for one in engine_of(request).suggest(q, limit=limit)]}


@router.get("/items/{item_id:path}/similar", summary="Items like an item")
def similar(request: Request, item_id: Annotated[Name, Path()], limit: Limit = 10) -> dict[str, Any]:
    """Items whose titles mean nearly the same, the most similar first."""
    try:
        found = engine_of(request).similar(item_id, limit=limit)
    except KeyError:
        raise HTTPException(404, "There is no such item.") from None
    return {"item_id": item_id, "similar": [{"item_id": one, "cosine": round(cosine, 6)} for one, cosine in found]}


class Candidates(BaseModel):
    """Items to be put in order for a query."""

    model_config = ConfigDict(extra="forbid")
    query: Text = Field(examples=["running shoes"])
    items: list[Name] = Field(min_length=1, max_length=1000, examples=[["S000001", "S000002"]])


@router.post("/rank", summary="Put given items in order")
def rank(request: Request, asked: Candidates) -> dict[str, Any]:
    """Put items that somebody else found in the order in which a search would show them."""
    engine = engine_of(request)
    known = [item for item in dict.fromkeys(asked.items) if item in engine]
    scores: list[float] = engine.scores(asked.query, known).tolist() if known else []
    order = sorted(zip(known, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))
    return {
        "query": asked.query,
        "ranked": [{"item_id": item, "score": round(score, 6)} for item, score in order],
        "unknown": [item for item in dict.fromkeys(asked.items) if item not in set(known)],
    }
