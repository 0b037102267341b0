"""Recommendations: for a user, a visit, or somebody who took some items."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request

from evenshelf.serve.access import needs, shelf_of
from evenshelf.serve.events.entry import Name
from evenshelf.serve.keys import Scope
from evenshelf.serve.recommending import Whom

router = APIRouter(prefix="/v1", tags=["recommend"], dependencies=[Depends(needs(Scope.READ))])
Ids = Annotated[list[Name] | None, Query(max_length=500)]


@router.get("/recommend", summary="What to show somebody")
def recommend(  # noqa: PLR0917 - called by names
    request: Request,
    user_id: Annotated[Name | None, Query(description="whose history counts", examples=["u42"])] = None,
    session_id: Annotated[Name | None, Query(description="whose visit counts, if the user is not known")] = None,
    item: Annotated[
        list[Name] | None, Query(max_length=500, description="what was taken besides, the latest last")
    ] = None,
    k: Annotated[int, Query(ge=1, le=200)] = 10,
    category: Annotated[str | None, Query(max_length=256)] = None,
    exclude: Ids = None,
    explain: Annotated[
        bool, Query(description="say of each item why it is shown; of a user or visit with a key of the scope admin")
    ] = False,
) -> dict[str, Any]:
    """Recommend items by what the shop knew when the bundle was fitted, and by the events that came since.

    Who is not known is shown what is popular. If the answer is not there within the service's budget, `fallback` says
    so, and what is popular is shown.
    """
    shelf = shelf_of(request)
    now = shelf.live.recommending
    if now is None:
        raise HTTPException(503, "No bundle recommends: evenshelf promote SHOP BUNDLE", headers={"Retry-After": "30"})
    if explain and not request.state.admin and (user_id is not None or session_id is not None):
        raise HTTPException(403, "Reasons tell what somebody took: ask with a key of the scope admin, or by items.")
    user, session = map(shelf.persons.kept, (user_id, session_id))
    given = shelf.assigning.given(user=user, session=session)
    arm = None if given.bundle is None else shelf.live.arm(given.bundle)
    now = arm or now
    made = shelf.recommendations.made(
        now,
        Whom(user, session, tuple(item or ())),
        k=k,
        category=category,
        exclude=exclude or (),
        explain=explain,
        fell=lambda why: shelf.metrics.fallbacks.labels("/v1/recommend", why).inc(),
    )
    for shown in made.shown:
        shelf.metrics.exposures.labels(now.bucket[shown["item"]], now.release.digest).inc()
    # also if something cheaper had to be shown: who is counted must not hang on how fast a variant is
    shelf.assigning.shown(given, user=user, session=session, lists=True)
    manifest = now.bundle.manifest
    answer: dict[str, Any] = {
        "bundle": now.release.digest,
        "variants": {name: one.variant for name, one in given.variants.items()},
        "fallback": made.fallback,
        "shown": list(made.shown),
        "notes": list(made.notes),
    }
    if explain:
        answer["explanation"] = {
            "learner": manifest.learner.name,
            "remedy": manifest.remedy.spec,
            "since": now.release.since.isoformat(),
            "history": list(made.history),
        }
    return answer
