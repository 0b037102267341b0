"""Experiments: started, changed, stopped, and asked about."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from evenshelf.experiments.files import experiment_of
from evenshelf.serve.access import needs, shelf_of
from evenshelf.serve.events.entry import Name
from evenshelf.serve.keys import Scope
from evenshelf.serve.releases import Slot, load, place_of, slot_of

router = APIRouter(prefix="/v1", tags=["experiments"])
Reads, Admins = Depends(needs(Scope.READ)), Depends(needs(Scope.ADMIN))


class Started(BaseModel):
    """An experiment, and what recommends to its variants."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "experiment": {"variants": {"old": 0.5, "new": 0.5}, "control": "old", "primary": "ctr"},
                    "bundles": {"new": "0017390391cfc7da"},
                }
            ]
        },
    )
    experiment: dict[str, Any]
    bundles: dict[Name, Annotated[str, Field(pattern="^[0-9a-f]{16}$")]] = {}


@router.get("/assign", summary="Which variants somebody gets", dependencies=[Reads])
def assign(
    request: Request,
    user_id: Annotated[Name | None, Query(examples=["u42"])] = None,
    session_id: Annotated[Name | None, Query()] = None,
    shown: Annotated[bool, Query(description="write down that the page shows it")] = False,
) -> dict[str, Any]:
    """Tell which variant a user or visit gets in each experiment, for what a page decides by itself.

    Say `shown` where the page shows what differs: who never saw it only dilutes the readout. Of experiments with
    bundles `/v1/recommend` writes it down.
    """
    shelf = shelf_of(request)
    user, session = map(shelf.persons.kept, (user_id, session_id))
    given = shelf.assigning.given(user=user, session=session)
    if shown:
        shelf.assigning.shown(given, user=user, session=session, lists=False)
    return {"variants": {name: one.variant for name, one in given.variants.items()}}


@router.get("/experiments", summary="All experiments", dependencies=[Admins])
def listed(request: Request) -> dict[str, Any]:
    """Tell all experiments, and how many units were shown each variant."""
    trials = shelf_of(request).trials
    counts = trials.counts()
    told = [{**trial.to_dict(), "units": counts.get(trial.experiment.name, {})} for trial in trials.all()]
    return {"experiments": told}


@router.put("/experiments/{name}", summary="Start or change an experiment", dependencies=[Admins])
def start(request: Request, name: Annotated[Name, Path()], asked: Started) -> dict[str, Any]:
    """Start an experiment, or change one that runs, as long as nobody would get another variant.

    The settings are those of the file that `evenshelf experiment plan --help` shows; the name
    is that of the address. Bundles are named by the digests under which `evenshelf promote` keeps them.
    """
    shelf = shelf_of(request)
    experiment = experiment_of({**asked.experiment, "name": name})
    for digest in sorted(set(asked.bundles.values())):
        place = place_of(shelf.settings.shop, digest)
        if not place.is_dir():
            raise HTTPException(404, f"There is no bundle {digest}: evenshelf experiment start keeps it.")
        if slot_of(place) is not Slot.RECOMMEND:
            raise HTTPException(422, f"The bundle {digest} recommends nothing.")
        load(place)
    trial = shelf.trials.start(experiment, asked.bundles)
    shelf.look()
    return trial.to_dict()


@router.delete("/experiments/{name}", summary="Stop an experiment", dependencies=[Admins])
def stop(request: Request, name: Annotated[Name, Path()]) -> dict[str, Any]:
    """End an experiment now: everybody is shown what everybody is. What was written of it stays."""
    shelf = shelf_of(request)
    if name not in {trial.experiment.name for trial in shelf.trials.all()}:
        raise HTTPException(404, "There is no such experiment.")
    trial = shelf.trials.stop(name)
    shelf.look()
    return trial.to_dict()
