"""Labels for titles."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from evenshelf.serve.access import needs, shelf_of
from evenshelf.serve.keys import Scope

router = APIRouter(prefix="/v1", tags=["classify"], dependencies=[Depends(needs(Scope.READ))])


class Titles(BaseModel):
    """What is to be labelled."""

    model_config = ConfigDict(extra="forbid")
    texts: list[Annotated[str, StringConstraints(max_length=4096)]] = Field(
        min_length=1, max_length=256, examples=[["trail running shoes for women"]]
    )
    top: int = Field(3, ge=1, le=50, description="so many of the likeliest labels")
    explain: bool = Field(False, description="say which bundle, learner and remedy labels")


@router.post("/classify", summary="Label titles")
def classify(request: Request, asked: Titles) -> dict[str, Any]:
    """Label titles, each with its likeliest labels and with the set that holds the right one as often as was asked."""
    now = shelf_of(request).live.labelling
    if now is None:
        raise HTTPException(503, "No bundle labels: evenshelf promote SHOP BUNDLE", headers={"Retry-After": "30"})
    found = now.bundle.predict(asked.texts, top=asked.top)
    answer: dict[str, Any] = {"bundle": now.release.digest, "labels": [one.to_dict() for one in found]}
    if asked.explain:
        manifest = now.bundle.manifest
        answer["explanation"] = {
            "target": manifest.target,
            "encoder": manifest.encoder.spec,
            "remedy": manifest.remedy.spec,
            "chosen": manifest.remedy.chosen,
            "since": now.release.since.isoformat(),
        }
    return answer
