"""Takes events in, fits what recommends anew, and lets it answer if fresh events say that it is not worse."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import Engine

from evenshelf.bundles import Recommender
from evenshelf.bundles.manifest import RECOMMEND
from evenshelf.errors import InputError
from evenshelf.refreshing.gate import Gate, Gated, compared
from evenshelf.refreshing.intake import Intake, take_in
from evenshelf.serve.releases import Release, Releases, Slot, load, place_of
from evenshelf.shop import Shop, buckets
from evenshelf.study.prepare import STUDIES
from evenshelf.study.ranking.train import NO_ENCODER, RankingWanted, train_ranking
from evenshelf.study.winner import studies_of
from evenshelf.tasks.shop_steps import wanted_events, wanted_kinds

Tell = Callable[[str, int, int | None], None]
_MOST = 5_000
"""Users by whom bundles are compared, drawn with the seed."""


@dataclass(frozen=True)
class Refreshed:
    """What came of it.

    Attributes
    ----------
    intake
        Events that were taken in.
    gated
        The comparison.
    cut
        The moment before which events were fitted on for it, and after which they are fresh.
    release
        That the new bundle answers; ``None`` if it does not.
    folder
        Of the bundle that was fitted on everything; ``None`` if the gate was not passed.
    """

    intake: Intake
    gated: Gated
    cut: datetime
    release: Release | None
    folder: Path | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "taken_in": self.intake.taken,
            "fresh_since": self.cut.isoformat(),
            **self.gated.to_dict(),
            "bundle": None if self.release is None else self.release.digest,
            "folder": None if self.folder is None else str(self.folder),
        }


def refresh(
    shop: Shop,
    engine: Engine,
    *,
    days: float = 1.0,
    gate: Gate | None = None,
    seed: int = 0,
    progress: Tell = lambda what, done, total: None,
) -> Refreshed:
    """Fit the bundle that recommends again, and promote it if it passes the gate.

    One is fitted as the old one was, without the events of the last days, and both are held to these. What is promoted
    is fitted on all events, in the same way. The old bundle may know some of the fresh events; that can only make it
    look better.

    Parameters
    ----------
    shop, engine
        The shop and the database of its service.
    days
        How many of the last days are fresh, > 0.
    gate
        What is asked of the new bundle.
    seed
        Of users that are drawn, and of fits.

    Raises
    ------
    InputError
        If no bundle recommends, or there are no events before or after the moment.
    """
    intake = take_in(shop, engine, progress=progress)
    releases = Releases(engine, shop.path)
    current = releases.current().get(Slot.RECOMMEND)
    if current is None:
        raise InputError(
            "No bundle recommends yet, so there is none to be refreshed.",
            hint=f"Make one: evenshelf train {shop.path} --task recommend, and evenshelf promote.",
        )
    old = load(place_of(shop.path, current.digest))
    assert isinstance(old, Recommender)
    wanted = _as_before(shop, old, seed)
    kinds = wanted_kinds(old.manifest.target)
    events = wanted_events(shop, kinds)[0].sort("time", maintain_order=True)
    newest = events["time"].max()
    assert isinstance(newest, datetime)
    cut = newest - timedelta(days=days)
    earlier, later = events.filter(pl.col("time") < cut), events.filter(pl.col("time") >= cut)
    if not earlier.height or not later.height:
        raise InputError(
            f"All events are on one side of {cut:%Y-%m-%d %H:%M}, so there is nothing to fit on, or to compare by.",
            hint="Give other --days.",
        )
    with tempfile.TemporaryDirectory(prefix="evenshelf-refresh-") as folder:
        part = Shop.create(Path(folder) / "shop")
        whole = shop.read("events")
        part.commit({"items": shop.items(), "events": whole.filter(pl.col("time") < cut)})
        progress("fitting without the fresh events", 0, None)
        new, _ = train_ranking(part, wanted, Path(folder) / "bundle", progress=progress)
        before, after = _fresh(earlier, later, repeats=old.manifest.repeats, seed=seed)
        progress("comparing on fresh events", 0, None)
        gated = compared(old, new, before, after, _rare(new, earlier), gate or Gate(), seed=seed)
    if not gated.passed:
        return Refreshed(intake, gated, cut, None, None)
    progress("fitting on all events", 0, None)
    _, made = train_ranking(shop, wanted, progress=progress)
    return Refreshed(intake, gated, cut, releases.promote(made, why="refreshed"), made)


def _as_before(shop: Shop, old: Recommender, seed: int) -> RankingWanted:
    """What to fit, so that it is what the old bundle is."""
    manifest = old.manifest
    encoder = manifest.encoder["spec"] if manifest.encoder else NO_ENCODER
    studies = studies_of(shop.path / STUDIES, manifest.target, RECOMMEND) if manifest.evidence.get("study") else []
    return RankingWanted(
        target=manifest.target,
        study=studies[-1] if studies else None,
        learner=manifest.learner.name,
        remedy=manifest.remedy.spec,
        encoder=encoder,
        seed=seed,
        with_histories=manifest.histories,
    )


def _fresh(
    earlier: pl.DataFrame, later: pl.DataFrame, *, repeats: bool, seed: int
) -> tuple[list[list[str]], list[list[str]]]:
    """Of users with fresh events, what they took before, and what they took then, each item once."""
    taken = later.group_by("user_id", maintain_order=True).agg(pl.col("item_id").unique(maintain_order=True))
    taken = taken.sort("user_id")
    if taken.height > _MOST:
        chosen = np.sort(np.random.default_rng(seed).choice(taken.height, _MOST, replace=False))
        taken = taken[chosen.tolist()]
    had = earlier.group_by("user_id", maintain_order=True).agg(pl.col("item_id").alias("before"))
    before, after = [], []
    for row in taken.join(had, on="user_id", how="left", maintain_order="left").iter_rows(named=True):
        known = row["before"] or []
        items = [item for item in row["item_id"] if repeats or item not in set(known)]
        if items:
            before.append(known)
            after.append(items)
    return before, after


def _rare(new: Recommender, earlier: pl.DataFrame) -> frozenset[str]:
    """Items of the tail by what was taken before, and those that nobody took."""
    counts = earlier.group_by("item_id").len().sort("item_id")
    names = buckets(counts["len"].to_numpy())
    tail = {item for item, name in zip(counts["item_id"], names, strict=True) if name == "tail"}
    return frozenset(tail | (set(new.catalogue.ids) - set(counts["item_id"])))
